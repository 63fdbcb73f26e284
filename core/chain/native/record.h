/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin record of a shared object, found and checked before and after it is mapped.
 *
 * Before: the bytes are read as ELF, within bounds, and must carry our note with our ABI number;
 * no code of a file that lacks it ever runs.  After: the record's own numbers and members. */
#ifndef CHAIN_NATIVE_RECORD_H
#define CHAIN_NATIVE_RECORD_H

#include <stddef.h>

#include <sluice/plugin.h>

#include "base/error.h"

/* path is for messages.  -1 with err: no plugin for this gateway. */
int record_check_note(const unsigned char *bytes, size_t size, const char *path, struct error *err);

/* Finds the record of a mapped object (a handle of dlopen) and copies what this gateway knows of
 * it.  The pointers in it live as long as the object stays mapped. */
int record_read(void *handle, const char *name, const char *path, struct sluice_plugin *out,
                struct error *err);

#endif
