# SPDX-License-Identifier: Apache-2.0
# Writes the files of a folder into a program.
#
# sluice_files(TARGET FOLDER TABLE HEADER): TARGET gets TABLE, an array of struct embedded_file (HEADER) with a row
# for each file of FOLDER.  Run as a script (-P) this file writes the C source.

if(CMAKE_SCRIPT_MODE_FILE)
    file(GLOB paths ${FOLDER}/*)
    list(SORT paths)
    set(rows "")
    set(data "")
    set(i 0)
    foreach(path ${paths})
        get_filename_component(name ${path} NAME)
        file(READ ${path} hex HEX)
        file(SHA256 ${path} digest)
        string(SUBSTRING ${digest} 0 32 digest)
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
        string(LENGTH "${hex}" length)
        math(EXPR length "${length} / 2")
        string(APPEND data "static const unsigned char file_${i}[] = {${bytes}};\n")
        string(APPEND rows "    {\"${name}\", \"\\\"${digest}\\\"\", file_${i}, ${length}},\n")
        math(EXPR i "${i} + 1")
    endforeach()
    file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\n${data}\nconst struct embedded_file ${TABLE}[] = {\n${rows}    {0},\n};\n")
    return()
endif()

function(sluice_files target folder table header)
    file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*)
    set(output ${PROJECT_BINARY_DIR}/${table}.c)
    add_custom_command(OUTPUT ${output}
        COMMAND ${CMAKE_COMMAND} -DFOLDER=${PROJECT_SOURCE_DIR}/${folder} -DTABLE=${table} -DHEADER=${header} -DOUTPUT=${output}
                -P ${PROJECT_SOURCE_DIR}/scripts/cmake/SluiceFiles.cmake
        DEPENDS ${files} ${PROJECT_SOURCE_DIR}/scripts/cmake/SluiceFiles.cmake)
    target_sources(${target} PRIVATE ${output})
endfunction()
