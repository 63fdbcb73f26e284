/* SPDX-License-Identifier: Apache-2.0 */
/* One change of a request, as a middleware asks for it. */
#ifndef CHAIN_INSPECT_CHANGE_H
#define CHAIN_INSPECT_CHANGE_H

#include <stddef.h>

struct inspect_change {
    const char *header;                             /* in lower case; NULL: the body */
    const char *value;                              /* of a header; NULL: it is removed */
    size_t len;                                     /* of value */
};

#endif
