/* SPDX-License-Identifier: Apache-2.0 */
/* Fields by which a request asks for another method or path than its request line has.  Some
 * servers obey them, so rules about methods and paths have to know.  Pure. */
#ifndef EGRESS_INSPECT_OVERRIDE_H
#define EGRESS_INSPECT_OVERRIDE_H

#include "http/head.h"

/* NULL, or why such a field cannot be judged: it names a path, or no method. */
const char *egress_override_problem(const struct http_head *head);
/* The first field from *at on that asks for another method than the request line's, and moves *at
 * behind it; NULL: none. */
const struct http_field *egress_override_next(const struct http_head *head, size_t *at);

#endif
