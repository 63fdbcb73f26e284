/* SPDX-License-Identifier: Apache-2.0 */
/* Inside providers*.c. */
#ifndef RUNTIME_CREDENTIALS_PROVIDERS_PARTS_H
#define RUNTIME_CREDENTIALS_PROVIDERS_PARTS_H

#include <string.h>

#include "store/store.h"

/* Rows which no variable can be called: the parts by which values are fetched, and how the last
 * fetch came out. */
#define PROVIDER_PARTS_ROW "refresh:"
#define PROVIDER_STATUS_ROW "refresh status:"

static inline bool provider_is_parts(const struct store_credential *c)
{
    return strcmp(c->name, PROVIDER_PARTS_ROW) == 0;
}

static inline bool provider_is_status(const struct store_credential *c)
{
    return strcmp(c->name, PROVIDER_STATUS_ROW) == 0;
}

/* It is the value of a variable. */
static inline bool provider_is_value(const struct store_credential *c)
{
    return !provider_is_parts(c) && !provider_is_status(c);
}

#endif
