# clipcls.1 and the shells' completion scripts, as the built program prints them. A cross-compiled one cannot be run
# here: whoever packages it runs `clipcls man` and `clipcls completion SHELL` where it can be.
if(NOT TARGET clipcls OR CMAKE_CROSSCOMPILING)
  return()
endif()

# Debian's zsh looks into vendor-completions for what comes in packages, and into no site-functions below /usr; anywhere
# else, below /usr/local on Debian too, site-functions is on its path.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND EXISTS /etc/debian_version)
  set(zsh_directory zsh/vendor-completions)
else()
  set(zsh_directory zsh/site-functions)
endif()
set(CLIPCLS_ZSH_DIRECTORY ${CMAKE_INSTALL_DATADIR}/${zsh_directory} CACHE STRING "Where zsh's completion goes")

set(CLIPCLS_MANUAL ${CMAKE_BINARY_DIR}/manual)
file(MAKE_DIRECTORY ${CLIPCLS_MANUAL})
function(clipcls_generate name destination arguments)
  add_custom_command(
    OUTPUT ${CLIPCLS_MANUAL}/${name}
    COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:clipcls> "-DARGUMENTS=${arguments}"
            -DOUTPUT=${CLIPCLS_MANUAL}/${name} -P ${CMAKE_SOURCE_DIR}/cmake/Generate.cmake
    DEPENDS clipcls ${CMAKE_SOURCE_DIR}/cmake/Generate.cmake
    VERBATIM)
  set_property(GLOBAL APPEND PROPERTY CLIPCLS_MANUAL_FILES ${CLIPCLS_MANUAL}/${name})
  install(FILES ${CLIPCLS_MANUAL}/${name} DESTINATION ${destination})
endfunction()
clipcls_generate(clipcls.1 ${CMAKE_INSTALL_MANDIR}/man1 man)
clipcls_generate(clipcls ${CMAKE_INSTALL_DATADIR}/bash-completion/completions "completion|bash")
clipcls_generate(_clipcls ${CLIPCLS_ZSH_DIRECTORY} "completion|zsh")
clipcls_generate(clipcls.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d "completion|fish")
get_property(manual_files GLOBAL PROPERTY CLIPCLS_MANUAL_FILES)
add_custom_target(manual ALL DEPENDS ${manual_files})
