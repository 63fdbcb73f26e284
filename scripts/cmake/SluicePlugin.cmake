# SPDX-License-Identifier: Apache-2.0

# sluice_plugin(NAME SOURCES FILE... [CASES DIR]): builds the voter NAME as plugins/NAME.so.
function(sluice_plugin name)
    cmake_parse_arguments(PLUGIN "" "CASES" "SOURCES" ${ARGN})
    add_library(${name} MODULE ${PLUGIN_SOURCES})
    if(TARGET sluice::plugin)
        target_link_libraries(${name} PRIVATE sluice::plugin)
    else()
        target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/include)
    endif()
    set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden
        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
    if(PROJECT_NAME STREQUAL "sluice")
        install(TARGETS ${name} LIBRARY DESTINATION lib/sluice/plugins)
    endif()
endfunction()
