# `cmake --build BUILD --target reference`: include/clipcls.h as HTML in BUILD/reference/html. Fails where a member of
# the header has no words. There is no such target without doxygen.
find_program(CLIPCLS_DOXYGEN doxygen)
if(CLIPCLS_DOXYGEN)
  configure_file(cmake/Doxyfile.in reference/Doxyfile @ONLY)
  add_custom_target(reference
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${CMAKE_BINARY_DIR}/reference/html
    COMMAND ${CLIPCLS_DOXYGEN} ${CMAKE_BINARY_DIR}/reference/Doxyfile
    COMMENT "Writing reference/html/index.html"
    VERBATIM)
endif()
