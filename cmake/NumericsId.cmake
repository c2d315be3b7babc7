# Writes OUTPUT, a header with NUMERICS_ID: a hash of the sources (SOURCES, separated by |) and of
# BUILD, the compiler and its options. Results that an earlier build left in a cache are then never
# taken for those of this one, and nobody has to remember to raise a number.
string(REPLACE "|" ";" SOURCES "${SOURCES}")
set(hashes "${BUILD}")
foreach(source IN LISTS SOURCES)
  file(SHA256 "${source}" hash)
  string(APPEND hashes " ${hash}")
endforeach()
string(SHA256 id "${hashes}")
string(SUBSTRING "${id}" 0 32 id)
file(WRITE "${OUTPUT}" "#define NUMERICS_ID \"${id}\"\n")
