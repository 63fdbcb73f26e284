# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts beside the programs and the voters: all that an author of voters needs,
# and what a machine needs to run the gateway.
include(CMakePackageConfigHelpers)

install(DIRECTORY include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY scripts/rules/ DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice/rules
    FILES_MATCHING PATTERN "*.lua" PATTERN "cases" EXCLUDE)
# Where `sluice` finds them, in the build folder too.
file(GLOB presets RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS presets/*.yaml)
foreach(preset ${presets})
    configure_file(${preset} ${CMAKE_BINARY_DIR}/share/sluice/${preset} COPYONLY)
    install(FILES ${preset} DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice/presets)
endforeach()
install(FILES scripts/sluice.lua DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice OPTIONAL)

# Not in an architecture's own folder: voters bring no library, and their folder is lib/ too.
configure_file(scripts/cmake/sluice-plugin.pc.in sluice-plugin.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sluice-plugin.pc DESTINATION lib/pkgconfig)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/sluiceConfigVersion.cmake
    COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES scripts/cmake/sluiceConfig.cmake scripts/cmake/SluicePlugin.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/sluiceConfigVersion.cmake DESTINATION lib/cmake/sluice)

# Written when it is installed: the prefix may be another one than when the build was configured.
install(CODE "set(SLUICE_BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
    configure_file(\"${CMAKE_CURRENT_SOURCE_DIR}/scripts/cmake/sluiced.service.in\"
        \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/sluiced.service\" @ONLY)
    configure_file(\"${CMAKE_CURRENT_SOURCE_DIR}/scripts/cmake/sluice-host.service.in\"
        \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/sluice-host.service\" @ONLY)
    configure_file(\"${CMAKE_CURRENT_SOURCE_DIR}/scripts/cmake/sluiced-user.service.in\"
        \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/user/sluiced.service\" @ONLY)")
# Both straight to where they belong: two installations at once share nothing in the build folder.
install(CODE "execute_process(COMMAND \"${CMAKE_CURRENT_SOURCE_DIR}/scripts/manpages\"
    \"${CMAKE_RUNTIME_OUTPUT_DIRECTORY}\" \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/man\" COMMAND_ERROR_IS_FATAL ANY)")
install(CODE "foreach(words \"bash bash-completion/completions/sluice\" \"zsh zsh/vendor-completions/_sluice\"
            \"fish fish/vendor_completions.d/sluice.fish\")
        string(REPLACE \" \" \";\" words \${words})
        list(GET words 0 shell)
        list(GET words 1 file)
        set(file \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/\${file}\")
        get_filename_component(folder \${file} DIRECTORY)
        file(MAKE_DIRECTORY \${folder})
        execute_process(COMMAND \"${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/sluice\" completion \${shell}
            OUTPUT_FILE \${file} COMMAND_ERROR_IS_FATAL ANY)
    endforeach()")
