# Run by cpack when each component is installed into a folder of its own, before they are packed:
# makes of them what Debian's policy asks for. Programs and libraries are stripped, manual pages and
# changelogs compressed, every package has its copyright and changelog, and depends on the packages of
# the libraries that it links. CPack could find these, but would then add scripts that run ldconfig
# where policy wants a trigger.

# Runs a command in a folder and sets `out` to its output; it must succeed.
function(run folder)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${folder} OUTPUT_VARIABLE out
                  ERROR_VARIABLE err RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${status}\n${err}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

# /usr/share/doc/PACKAGE of one package's tree.
function(arrange_documentation tree package)
  set(doc ${tree}/usr/share/doc)
  if(NOT package STREQUAL "clipcls" AND EXISTS ${doc}/clipcls)
    file(RENAME ${doc}/clipcls ${doc}/${package})
  endif()
  set(doc ${doc}/${package})
  file(MAKE_DIRECTORY ${doc})
  file(REMOVE ${doc}/LICENSE) # the copyright file has it
  if(EXISTS ${doc}/CHANGELOG.md)
    file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
    run(${doc} gzip -9n changelog)
  endif()
  configure_file(${CPACK_CLIPCLS_SOURCE}/cmake/debian/copyright ${doc}/copyright COPYONLY)
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
  configure_file(${CPACK_CLIPCLS_SOURCE}/cmake/debian/changelog.in ${doc}/changelog.Debian @ONLY)
  run(${doc} gzip -9n changelog.Debian)
endfunction()

# As dh_strip does.
function(strip_code tree)
  file(GLOB_RECURSE linked ${tree}/usr/bin/clipcls ${tree}/usr/lib/libclipcls.so.?.*)
  foreach(file ${linked})
    run(${tree} strip --strip-unneeded --remove-section=.comment --remove-section=.note ${file})
  endforeach()
  file(GLOB_RECURSE archives ${tree}/usr/lib/*.a)
  foreach(file ${archives})
    run(${tree} strip --strip-debug --remove-section=.comment --remove-section=.note
        --enable-deterministic-archives ${file})
  endforeach()
  set(linked "${linked}" PARENT_SCOPE)
endfunction()

function(compress_manual tree)
  file(GLOB_RECURSE pages ${tree}/usr/share/man/*.[1-9])
  foreach(page ${pages})
    run(${tree} gzip -9n ${page})
  endforeach()
endfunction()

# Sets `depends` to the packages of what a program or library links.
function(find_depends file)
  set(scrap ${CPACK_TEMPORARY_DIRECTORY}/../shlibdeps)
  # dpkg-shlibdeps will not run without.
  file(WRITE ${scrap}/debian/control "Source: clipcls\n\nPackage: clipcls\nArchitecture: any\n")
  run(${scrap} dpkg-shlibdeps -O ${file})
  string(REGEX REPLACE "^.*Depends=([^\n]*).*$" "\\1" depends "${out}")
  set(depends "${depends}" PARENT_SCOPE)
endfunction()

foreach(component ${CPACK_COMPONENTS_ALL})
  string(TOUPPER ${component} NAME)
  set(tree ${CPACK_TEMPORARY_DIRECTORY}/${component})
  arrange_documentation(${tree} ${CPACK_DEBIAN_${NAME}_PACKAGE_NAME})
  compress_manual(${tree})
  strip_code(${tree})
  if(linked)
    find_depends(${linked})
    set(CPACK_DEBIAN_${NAME}_PACKAGE_DEPENDS "${depends}")
  endif()
  run(${tree} chmod -R u=rwX,go=rX .) # whatever umask it was built with
endforeach()
