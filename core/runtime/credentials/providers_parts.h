/* SPDX-License-Identifier: Apache-2.0 */
/* Inside providers*.c. */
#ifndef RUNTIME_CREDENTIALS_PROVIDERS_PARTS_H
#define RUNTIME_CREDENTIALS_PROVIDERS_PARTS_H

#include <string.h>

#include "store/store.h"

/* The row of the parts by which values are fetched, which no variable can be called. */
#define PROVIDER_PARTS_ROW "refresh:"

static inline bool provider_is_parts(const struct store_credential *c)
{
    return strcmp(c->name, PROVIDER_PARTS_ROW) == 0;
}

#endif
