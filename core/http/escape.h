/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding of paths and queries.  For the http folder and its users; any thread. */
#ifndef HTTP_ESCAPE_H
#define HTTP_ESCAPE_H

#include "http/request.h"

/* Writes the decoded bytes and a NUL to out, which has room for len + 1, and returns the place
 * behind the NUL; NULL when an escape is bad or the result is no UTF-8 without NUL.  plus: "+" is
 * a space, as in queries. */
char *http_unescape(const char *text, size_t len, bool plus, char *out);
/* The name=value pairs of a query, in one block that the caller frees; NULL when one is bad or
 * there are more than HTTP_QUERY_MAX. */
struct http_param *http_query_parse(const char *query, size_t *n);

#endif
