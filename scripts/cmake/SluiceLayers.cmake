# SPDX-License-Identifier: Apache-2.0

# sluice_layer(NAME [USES LAYER...] [LINKS TARGET...]): the static library sluice_NAME of all
# sources below core/NAME, except programs (files that end in main.c) and folders with a CMakeLists of their own.
function(sluice_layer name)
    cmake_parse_arguments(LAYER "" "" "USES;LINKS" ${ARGN})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/core/${name}/*.c)
    list(FILTER sources EXCLUDE REGEX "main\\.c$")
    list(FILTER sources EXCLUDE REGEX "core/sandbox/init/")
    if(sources)
        add_library(sluice_${name} STATIC ${sources})
        set(scope PUBLIC)
    else()
        add_library(sluice_${name} INTERFACE)
        set(scope INTERFACE)
    endif()
    target_include_directories(sluice_${name} ${scope} ${PROJECT_SOURCE_DIR}/core ${PROJECT_SOURCE_DIR}/include)
    foreach(layer ${LAYER_USES})
        target_link_libraries(sluice_${name} ${scope} sluice_${layer})
    endforeach()
    target_link_libraries(sluice_${name} ${scope} ${LAYER_LINKS} Threads::Threads)
endfunction()

# The target that builds every program.
add_custom_target(programs)

# sluice_program(NAME LAYER MAIN): the executable NAME of one main file and the layers up to LAYER.
function(sluice_program name layer main)
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${main})
        return()
    endif()
    add_executable(${name} ${main})
    target_link_libraries(${name} PRIVATE sluice_${layer})
    add_dependencies(programs ${name})
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
