# Debian packages, by CPack: clipcls, libclipcls0, libclipcls-dev, one for each component of
# Install.cmake. Who wants the program alone gets one file without a header; programs that link the
# library follow its soname. DebianTree.cmake makes of the installed files what Debian's policy asks.
set(CLIPCLS_MAINTAINER "The clipcls authors <clipcls@invalid.invalid>" CACHE STRING
    "Maintainer of the Debian packages, as \"Name <address>\"")
set(CLIPCLS_DEBIAN_REVISION 1 CACHE STRING "Revision of the Debian packages")

# Debian's names of the packages that hold these files.
function(clipcls_owning_packages result)
  set(${result} "" PARENT_SCOPE)
  find_program(DPKG_QUERY dpkg-query)
  mark_as_advanced(DPKG_QUERY)
  if(NOT DPKG_QUERY OR NOT ARGN)
    return()
  endif()
  execute_process(COMMAND ${DPKG_QUERY} --search ${ARGN} OUTPUT_VARIABLE lines ERROR_QUIET)
  string(REGEX MATCHALL "[^\n]+" lines "${lines}")
  list(TRANSFORM lines REPLACE ":.*" "")
  list(FILTER lines EXCLUDE REGEX "^libc6-dev")
  list(SORT lines)
  list(REMOVE_DUPLICATES lines)
  list(JOIN lines ", " lines)
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()

# What the static library is linked with, and oneDNN, which is opened at run time.
set(places "")
set(files "")
foreach(flag ${CLIPCLS_LINK_FLAGS})
  if(flag MATCHES "^-L(.+[^/])")
    list(APPEND places ${CMAKE_MATCH_1})
  elseif(flag MATCHES "^-l(.+)")
    find_library(file NAMES ${CMAKE_MATCH_1} HINTS ${places} NO_CACHE)
    if(file)
      list(APPEND files ${file})
    endif()
    unset(file)
  endif()
endforeach()
clipcls_owning_packages(static_packages ${files})
set(dnnl_package "")
if(CLIPCLS_WITH_DNNL AND DNNL_INCLUDE_DIR)
  find_library(dnnl dnnl NO_CACHE)
  if(dnnl)
    file(REAL_PATH ${dnnl} dnnl)
    clipcls_owning_packages(dnnl_package ${dnnl})
  endif()
endif()

# The time that packages bear: SOURCE_DATE_EPOCH, or the last commit's, so that two builds of the
# same commit give the same bytes; without both, now.
set(CPACK_CLIPCLS_TIME "$ENV{SOURCE_DATE_EPOCH}")
if(CPACK_CLIPCLS_TIME STREQUAL "")
  execute_process(COMMAND git log -1 --format=%ct WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                  OUTPUT_VARIABLE CPACK_CLIPCLS_TIME OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(CPACK_CLIPCLS_TIME STREQUAL "")
  string(TIMESTAMP CPACK_CLIPCLS_TIME %s)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "${CLIPCLS_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has one of its own
set(CPACK_COMPONENTS_ALL program library development)
if(NOT CLIPCLS_SHARED)
  list(REMOVE_ITEM CPACK_COMPONENTS_ALL library)
endif()
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${CLIPCLS_DEBIAN_REVISION})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_SOURCE_DIR}/cmake/PackagingTime.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/DebianTree.cmake)
set(CPACK_CLIPCLS_SOURCE ${CMAKE_SOURCE_DIR})

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME clipcls)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "ca-certificates, curl")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "python3, python3-numpy")
if(dnnl_package)
  string(PREPEND CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "${dnnl_package}, ")
endif()
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
    "zero-shot image classification on the command line
Tells which of your words fits a picture, without training: labels are ranked
by CLIP, SigLIP and other encoders of pictures and texts, read from the
checkpoints as they are published. A small model is built in.
.
Searches pictures by text, measures accuracy on labelled folders, trains
few-shot probes and writes embeddings. Pictures are decoded in processes
without access to files and network.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libclipcls0)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SUGGESTS "${dnnl_package}")
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION
    "zero-shot image classification, shared library
Ranks labels for pictures with CLIP, SigLIP and other encoders of pictures and
texts, and gives their embeddings, from C.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libclipcls-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS "${static_packages}")
if(CLIPCLS_SHARED)
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
      "libclipcls0 (= ${PROJECT_VERSION}-${CLIPCLS_DEBIAN_REVISION})")
endif()
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
    "zero-shot image classification, development files
The header, the static library, files for pkg-config and CMake, and examples in
C and Python of libclipcls, which ranks labels for pictures with CLIP and other
encoders of pictures and texts. What is suggested is needed to link the static
library.")

# The control files that say what a program linked with the library depends on, and that its cache
# is to be renewed.
file(WRITE ${CMAKE_BINARY_DIR}/debian/shlibs "libclipcls 0 libclipcls0 (>= ${PROJECT_VERSION})\n")
file(WRITE ${CMAKE_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA
    ${CMAKE_BINARY_DIR}/debian/shlibs ${CMAKE_BINARY_DIR}/debian/triggers)
include(CPack)
