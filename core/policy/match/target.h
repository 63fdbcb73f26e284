/* SPDX-License-Identifier: Apache-2.0 */
/* The request-target of an HTTP request as rules see it.  Pure, any thread.
 *
 * The canonical path is what is judged, logged and sent on, so no server can read another path than
 * the one that a rule allowed:
 *  - escapes of characters that a segment may hold as they are (RFC 3986, pchar) are decoded, other
 *    bytes are escaped with upper-case digits;
 *  - parameters (from ';' to the end of a segment) are dropped, then repeated slashes are merged
 * and dot segments resolved; a slash at the end stays.
 * It is decoded once: "%252e" stands for the text "%2e".  A path that servers could read
 * differently is rejected, such as one whose escapes are no UTF-8 (an overlong "%C0%AE" is '.' to
 * some). */
#ifndef POLICY_MATCH_TARGET_H
#define POLICY_MATCH_TARGET_H

#include <stdbool.h>

#include "base/buf.h"

enum { POLICY_TARGET_PATH_MAX = 4096 };             /* bytes, as written and in canonical form */

/* Appends the canonical form of the path, which has no query.  keep_encoded_slash: %2F stays as it
 * is instead of being rejected.  NULL, or why the path is rejected. */
const char *policy_target_path(const char *path, size_t len, bool keep_encoded_slash,
                               struct buf *out);

/* One parameter of a raw query at a time. */
struct policy_query {
    const char *rest;                               /* set to the query, without "?", to begin */
    const char *separators;                         /* of parameters; NULL: "&" */
    struct buf key, value;                          /* decoded */
};

/* False when there is no more; *bad is set when an escape is malformed or a text is no UTF-8, and
 * it is false then too. */
bool policy_query_next(struct policy_query *query, bool *bad);
void policy_query_free(struct policy_query *query);
/* NULL, or why the raw query is rejected. */
const char *policy_query_check(const char *query);

#endif
