/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object as bytes, judged before any of its code can run: the loader runs constructors
 * before anybody can ask for a symbol.  Every read is within bounds, whatever the bytes say. */
#ifndef CHAIN_NATIVE_OBJECT_H
#define CHAIN_NATIVE_OBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Whether it is an object for this machine, carries our note with our ABI number, and makes the
 * loader search for nothing: its libraries are parts of the C library, and it brings no search path
 * of its own.  path is for messages. */
int object_check(const unsigned char *bytes, size_t size, const char *path, struct error *err);

int object_refuse_abi(uint32_t abi, const char *path, struct error *err);

#endif
