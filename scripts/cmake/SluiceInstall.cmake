# SPDX-License-Identifier: Apache-2.0
install(DIRECTORY include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY scripts/rules/ DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice/rules
    FILES_MATCHING PATTERN "*.lua" PATTERN "cases" EXCLUDE)
install(FILES scripts/sluice.lua DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice)
