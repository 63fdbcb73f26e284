# SPDX-License-Identifier: Apache-2.0
# find_package(sluice) for authors of voters: the target sluice::plugin (headers, no library) and the
# function sluice_plugin().
get_filename_component(sluice_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET sluice::plugin)
    add_library(sluice::plugin INTERFACE IMPORTED)
    set_target_properties(sluice::plugin PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${sluice_PREFIX}/include")
endif()
find_program(SLUICE_PROGRAM sluice HINTS "${sluice_PREFIX}/bin" "${sluice_PREFIX}/lib/sluice-dev/bin")
# Here, because in a function it would not outlive the call.
enable_testing()
include("${CMAKE_CURRENT_LIST_DIR}/SluicePlugin.cmake")
