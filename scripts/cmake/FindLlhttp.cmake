# SPDX-License-Identifier: Apache-2.0
# Finds llhttp as target llhttp::llhttp: an installed library, or the C sources that the Debian
# package node-llhttp ships, built here into a static library.
find_path(LLHTTP_INCLUDE_DIR llhttp.h PATH_SUFFIXES llhttp PATHS /usr/share/include)
find_library(LLHTTP_LIBRARY llhttp)
find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
if(LLHTTP_LIBRARY)
    find_package_handle_standard_args(Llhttp REQUIRED_VARS LLHTTP_LIBRARY LLHTTP_INCLUDE_DIR)
else()
    find_package_handle_standard_args(Llhttp REQUIRED_VARS LLHTTP_SOURCE_DIR LLHTTP_INCLUDE_DIR)
endif()

if(Llhttp_FOUND AND NOT TARGET llhttp::llhttp)
    if(LLHTTP_LIBRARY)
        add_library(llhttp::llhttp UNKNOWN IMPORTED)
        set_target_properties(llhttp::llhttp PROPERTIES IMPORTED_LOCATION ${LLHTTP_LIBRARY}
            INTERFACE_INCLUDE_DIRECTORIES ${LLHTTP_INCLUDE_DIR})
    else()
        add_library(llhttp STATIC ${LLHTTP_SOURCE_DIR}/llhttp.c ${LLHTTP_SOURCE_DIR}/api.c
            ${LLHTTP_SOURCE_DIR}/http.c)
        target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE_DIR})
        target_compile_options(llhttp PRIVATE -w)
        add_library(llhttp::llhttp ALIAS llhttp)
    endif()
endif()
