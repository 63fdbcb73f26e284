/* SPDX-License-Identifier: Apache-2.0 */
/* The program of core/sandbox/attach, which scripts/cmake/SluiceBlob.cmake writes into this one. */
#ifndef SANDBOX_SUPERVISOR_PROCESS_ATTACH_PROGRAM_H
#define SANDBOX_SUPERVISOR_PROCESS_ATTACH_PROGRAM_H

#include <stddef.h>

extern const unsigned char sandbox_attach_program[];
extern const size_t sandbox_attach_program_size;

#endif
