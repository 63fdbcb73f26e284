/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the promise of include/sluice/: a change that would break plugins which are built already
 * does not compile.  Holds no code. */
#include <stddef.h>

#include <sluice/plugin.h>

#if __SIZEOF_POINTER__ == 8

#define STRUCT(name, bytes)                        \
    _Static_assert(sizeof(struct name) == (bytes), \
                   "struct " #name " has another size than in ABI 1");
#define FIELD(name, member, at, bytes)                                                            \
    _Static_assert(offsetof(struct name, member) == (at), #name "." #member " moved since ABI 1"); \
    _Static_assert(sizeof(((struct name *)0)->member) == (bytes),                                 \
                   #name "." #member " has another size than in ABI 1");
#define NUMBER(name, value) \
    _Static_assert((name) == (value), #name " is another number than in ABI 1");

#include "chain/native/abi1.h"

#endif
