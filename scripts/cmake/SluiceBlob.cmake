# SPDX-License-Identifier: Apache-2.0
# sluice_blob(TARGET PROGRAM NAME HEADER): TARGET gets the bytes of what the target PROGRAM builds, as the array NAME and their
# number as NAME_size; HEADER declares both.  Run as a script (-P) this file writes the C source.

if(CMAKE_SCRIPT_MODE_FILE)
    file(READ ${FILE} hex HEX)
    string(LENGTH "${hex}" length)
    math(EXPR length "${length} / 2")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nconst unsigned char ${NAME}[] = {${bytes}};\nconst size_t ${NAME}_size = ${length};\n")
    return()
endif()

function(sluice_blob target program name header)
    set(file $<TARGET_FILE:${program}>)
    set(output ${PROJECT_BINARY_DIR}/${name}.c)
    add_custom_command(OUTPUT ${output}
        COMMAND ${CMAKE_COMMAND} -DFILE=${file} -DNAME=${name} -DHEADER=${header} -DOUTPUT=${output}
                -P ${PROJECT_SOURCE_DIR}/scripts/cmake/SluiceBlob.cmake
        DEPENDS ${program} ${file} ${PROJECT_SOURCE_DIR}/scripts/cmake/SluiceBlob.cmake)
    target_sources(${target} PRIVATE ${output})
endfunction()
