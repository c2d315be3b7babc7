# What `cmake --install` puts where, in the components program, library (the shared one) and
# development.
include(CMakePackageConfigHelpers)

if(TARGET clipcls)
  install(TARGETS clipcls RUNTIME)
endif()
# `clipcls get` looks for its script in libexec, the script for its catalogue in share.
install(PROGRAMS scripts/get-model.sh scripts/unpickle.py
        DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/clipcls)
install(FILES scripts/fetch.sh scripts/torch_pickle.py scripts/openclip_config.py
        DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/clipcls)
install(FILES models/catalogue.tsv DESTINATION ${CMAKE_INSTALL_DATADIR}/clipcls)
install(FILES LICENSE README.md CHANGELOG.md models/NOTICE TYPE DOC)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING
        PATTERN "*.md" PATTERN examples EXCLUDE)

# ---- the library -----------------------------------------------------------------------------
install(FILES include/clipcls.h TYPE INCLUDE COMPONENT development)
install(DIRECTORY docs/examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)
if(CLIPCLS_SHARED)
  install(TARGETS clipcls_shared EXPORT clipclsSharedTargets
          LIBRARY COMPONENT library NAMELINK_COMPONENT development
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()
if(CLIPCLS_STATIC)
  # In the build tree it links the targets of the build, which nobody else has.
  foreach(flag ${CLIPCLS_LINK_FLAGS})
    target_link_libraries(clipcls_static PRIVATE $<INSTALL_INTERFACE:${flag}>)
  endforeach()
  target_link_libraries(clipcls_static PRIVATE $<INSTALL_INTERFACE:-pthread> $<INSTALL_INTERFACE:-lm>)
  install(TARGETS clipcls_static EXPORT clipclsStaticTargets ARCHIVE COMPONENT development
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()

# ---- for those who link it -------------------------------------------------------------------
set(CLIPCLS_CMAKEDIR ${CMAKE_INSTALL_LIBDIR}/cmake/clipcls)
foreach(kind Shared Static)
  string(TOUPPER ${kind} KIND)
  if(CLIPCLS_${KIND})
    install(EXPORT clipcls${kind}Targets NAMESPACE clipcls:: DESTINATION ${CLIPCLS_CMAKEDIR}
            COMPONENT development)
  endif()
endforeach()
configure_package_config_file(cmake/clipclsConfig.cmake.in clipclsConfig.cmake
                              INSTALL_DESTINATION ${CLIPCLS_CMAKEDIR})
# Until 1.0 a new minor version may change the interface.
write_basic_package_version_file(clipclsConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/clipclsConfig.cmake ${CMAKE_BINARY_DIR}/clipclsConfigVersion.cmake
        DESTINATION ${CLIPCLS_CMAKEDIR} COMPONENT development)

# Relative to where the .pc file lies, so that an installation can be moved; not where a folder was
# given as an absolute path.
set(CLIPCLS_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string(REGEX REPLACE "/$" "" up "${up}")
  set(CLIPCLS_PC_PREFIX "\${pcfiledir}/${up}")
endif()
foreach(folder LIBDIR INCLUDEDIR)
  set(CLIPCLS_PC_${folder} "${CMAKE_INSTALL_${folder}}")
  if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_${folder}}")
    string(PREPEND CLIPCLS_PC_${folder} "\${prefix}/")
  endif()
endforeach()
list(JOIN CLIPCLS_LINK_FLAGS " " CLIPCLS_PC_LIBS_PRIVATE)
string(APPEND CLIPCLS_PC_LIBS_PRIVATE " -pthread -lm")
set(CLIPCLS_PC_LIBS "")
if(NOT CLIPCLS_SHARED)
  set(CLIPCLS_PC_LIBS " ${CLIPCLS_PC_LIBS_PRIVATE}")
endif()
configure_file(cmake/clipcls.pc.in clipcls.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/clipcls.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT development)
