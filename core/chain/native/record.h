/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin record of a mapped shared object: its own numbers and members. */
#ifndef CHAIN_NATIVE_RECORD_H
#define CHAIN_NATIVE_RECORD_H

#include <stddef.h>

#include "base/error.h"
#include <sluice/plugin.h>

/* Finds the record of a mapped object (a handle of dlopen) and copies what this gateway knows of
 * it.  The pointers in it live as long as the object stays mapped; path is for messages. */
int record_read(void *handle, const char *name, const char *path, struct sluice_plugin *out,
                struct error *err);

#endif
