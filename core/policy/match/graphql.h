/* SPDX-License-Identifier: Apache-2.0 */
/* What GraphQL requests ask for: the envelope of a request, a batch or a WebSocket message, and
 * the operations in it as calls (calls.h).
 *
 * Whatever two servers could read differently is a problem: a key that is written twice or in
 * another spelling, parameters of a POST in its query string, a GET with a body, a document beside
 * an identifier of another one.
 *
 * What is read lives in the arena of out, whose problem or calls are filled in.  Pure, any
 * thread. */
#ifndef POLICY_MATCH_GRAPHQL_H
#define POLICY_MATCH_GRAPHQL_H

#include <stddef.h>

#include <sluice/policy.h>

struct policy_calls;
struct policy_http_request;

enum { GRAPHQL_BATCH_MAX = 256 };                   /* operations in one request */

void graphql_read_request(const struct sluice_endpoint *e,
                          const struct policy_http_request *request, const char *body, size_t len,
                          struct policy_calls *out);
/* A text message of graphql-transport-ws or of the older graphql-ws. */
void graphql_read_message(const struct sluice_endpoint *e, const char *text, size_t len,
                          struct policy_calls *out);

#endif
