/* SPDX-License-Identifier: Apache-2.0 */
/* What inspect() is asked about: a request that the policy lets through, or the answer to one.
 *
 * A message of a WebSocket is asked about with its handshake as the request, and message "text" or
 * "binary".  What the client sends is the body of the request.  What the server sends is the body
 * of an answer with the status 101, so only SLUICE_INSPECT_RESPONSES asks about it.
 *
 * Ownership and lifetime: everything belongs to the gateway and lives until inspect() returns.  All
 * of it is read only.
 * Text:   never NULL; "" where there is none.  Names and values of headers, path and query are the
 *         bytes that are sent, without control characters; they need not be UTF-8.
 * Secret: a credential is not in here: where one will be put, the request still has the
 *         placeholder. */
#ifndef SLUICE_REQUEST_H
#define SLUICE_REQUEST_H

#include <sluice/transition.h>

struct sluice_header {
    const char *name, *value;                       /* the name in lower case */
};

/* The answer of the origin, when it is judged (SLUICE_INSPECT_RESPONSES). */
struct sluice_response {
    uint32_t size;
    uint16_t status;
    const struct sluice_header *headers;
    size_t n_headers;
    const char *body;                               /* its first bytes, body_len of them */
    size_t body_len;
    bool body_complete;                             /* body is all of it */
};

struct sluice_request {
    uint32_t size;
    const struct sluice_sandbox *sandbox;
    const char *binary;                             /* the program, as the kernel resolves it */
    const char *const *ancestors; /* the programs that started it, nearest first */
    size_t n_ancestors;
    const char *host;                               /* canonical: lower case, no dot at its end */
    uint16_t port;
    const char *rule;                               /* the key of the rule that lets it through */
    const char *protocol;                           /* of the endpoint, such as "rest" or "mcp" */
    const char *method, *path, *query;              /* of a WebSocket message: its handshake's */
    const struct sluice_header *headers;            /* repeated ones in their order */
    size_t n_headers;
    const char *body; /* its first bytes, body_len of them; of a WebSocket client: its message */
    size_t body_len;
    bool body_complete;                             /* body is all of it */
    const char *operation; /* GraphQL: "mutation NAME"; JSON-RPC: the method; else "" */
    const char *tool;                               /* MCP: the tool that is called; else "" */
    const struct sluice_response *response;         /* NULL when the request itself is judged */
    const char *message; /* "text" or "binary": a WebSocket message; else "" */
    const char *tls; /* the version of TLS towards the client, such as "TLSv1.3"; "": none */
};

#endif
