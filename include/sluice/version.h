/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin ABI's version.
 *
 * SLUICE_ABI changes when a plugin built against older headers can no longer be loaded; a gateway
 * refuses any other number, naming both.  Within one ABI number structs only grow at their end:
 * each begins with its size, and arrays hold pointers, so an older plugin reads a longer struct
 * safely, and a plugin that reads a newer field asks SLUICE_HAS first. */
#ifndef SLUICE_VERSION_H
#define SLUICE_VERSION_H

#include <stddef.h>

#define SLUICE_ABI 1u

/* True if the struct that p points to was made by a gateway that knows the field. */
#define SLUICE_HAS(p, field) \
    ((p)->size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field))

#endif
