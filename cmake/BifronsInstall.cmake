# cmake --install: bin/bifrons, its engine beside it in libexec, examples, manual, completion. The
# engine finds libtorch by the path it was linked with. libexec/bifrons/uninstall removes all of it.
include(GNUInstallDirs)

# The folders of the prefix that may be others', too.
set(shared_folders
    . ${CMAKE_INSTALL_BINDIR} libexec ${CMAKE_INSTALL_DATADIR} ${CMAKE_INSTALL_DATADIR}/doc
    ${CMAKE_INSTALL_DATADIR}/bash-completion ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
    ${CMAKE_INSTALL_MANDIR} ${CMAKE_INSTALL_MANDIR}/man1)
install(CODE "set(shared_folders \"${shared_folders}\")")
install(SCRIPT ${PROJECT_SOURCE_DIR}/cmake/InstalledFolders.cmake)

install(TARGETS bifrons RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# bifrons looks for it in ../libexec/bifrons
install(TARGETS bifrons-engine RUNTIME DESTINATION libexec/bifrons)
set_target_properties(bifrons-engine PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
if(TARGET bifrons-video)
  install(TARGETS bifrons-video RUNTIME DESTINATION libexec/bifrons)
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs ${PROJECT_SOURCE_DIR}/slurm
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bifrons USE_SOURCE_PERMISSIONS OPTIONAL)
# what scripts/setup --photographs made
install(FILES ${PROJECT_SOURCE_DIR}/build/share/bifrons/faces.pt
              ${PROJECT_SOURCE_DIR}/build/share/bifrons/identity.pt
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bifrons OPTIONAL)
# messages and --help name README.md and docs/
install(FILES ${PROJECT_SOURCE_DIR}/NOTICE ${PROJECT_SOURCE_DIR}/CHANGELOG.md
              ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/README.ja.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${PROJECT_SOURCE_DIR}/packaging/bifrons.bash RENAME bifrons
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)

# The manual is the programs' own --help. Release builds make it; for others: --target man.
find_program(HELP2MAN help2man)
if(HELP2MAN)
  set(man ${PROJECT_BINARY_DIR}/man)
  add_custom_command(
    OUTPUT ${man}/bifrons.1
    COMMAND ${PROJECT_SOURCE_DIR}/packaging/make-man $<TARGET_FILE:bifrons> ${man}
    DEPENDS bifrons bifrons-engine ${PROJECT_SOURCE_DIR}/packaging/make-man
    COMMENT "Writing the manual" VERBATIM)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set(in_all ALL)
  endif()
  add_custom_target(man ${in_all} DEPENDS ${man}/bifrons.1)
  install(DIRECTORY ${man}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL
          FILES_MATCHING PATTERN "*.1")
endif()

install(PROGRAMS ${PROJECT_SOURCE_DIR}/packaging/uninstall DESTINATION libexec/bifrons)
install(SCRIPT ${PROJECT_SOURCE_DIR}/cmake/InstalledList.cmake)
