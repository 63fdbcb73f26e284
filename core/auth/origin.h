/* SPDX-License-Identifier: Apache-2.0 */
/* What the header fields of a request say about where it comes from: a web page, or a proxy. */
#ifndef AUTH_ORIGIN_H
#define AUTH_ORIGIN_H

#include <stdbool.h>

struct http_request;

/* A browser says that a page of another site, or of another port of this one, has made the
 * request. */
bool origin_is_other_site(const struct http_request *req);
/* The page that made the request was not loaded from this gateway (Origin). */
bool origin_is_foreign_page(const struct http_request *req);
/* The name it was sent to means this machine.  A page reaches a loopback port under a name of its
 * own (DNS rebinding): without a token only these names are answered there. */
bool origin_host_is_local(const struct http_request *req);
/* The same of names below localhost (RFC 6761), which no name server answers for. */
bool origin_host_is_below_local(const struct http_request *req);
/* The field by which a proxy says that the request is somebody else's; NULL: there is none. */
const char *origin_forwarded_by(const struct http_request *req);

#endif
