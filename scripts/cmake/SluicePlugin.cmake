# SPDX-License-Identifier: Apache-2.0

# sluice_plugin(NAME SOURCES FILE... [CASES DIR]): builds the voter NAME as plugins/NAME.so.  Outside
# of sluice itself, its cases are a test of ctest as well.
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
    install(TARGETS ${name} LIBRARY DESTINATION lib/sluice/plugins)
    if(PLUGIN_CASES AND SLUICE_PROGRAM)
        add_test(NAME ${name} COMMAND ${SLUICE_PROGRAM} plugin test
            --plugin-dir ${CMAKE_BINARY_DIR}/plugins ${CMAKE_CURRENT_SOURCE_DIR}/${PLUGIN_CASES})
    endif()
endfunction()
