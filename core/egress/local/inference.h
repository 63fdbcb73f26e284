/* SPDX-License-Identifier: Apache-2.0 */
/* What https://inference.local serves, where its requests go, and how they are written for there.
 * Pure.
 *
 * Ownership: a set of routes copies what it is made of and overwrites the keys when it is freed. */
#ifndef EGRESS_LOCAL_INFERENCE_H
#define EGRESS_LOCAL_INFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "egress/destination/target.h"
#include "http/head.h"

#define INFERENCE_HOST "inference.local"
#define INFERENCE_HINT "set inference in the gateway's configuration, and reload it"

enum inference_protocol { INFERENCE_OPENAI, INFERENCE_ANTHROPIC };

/* Where the calls of one protocol go. */
struct inference_route {
    enum inference_protocol protocol;
    const char *base_url;                           /* http or https, with or without /v1 */
    const char *model;                              /* "": the client's */
    const char *key;
    unsigned timeout_ms;                            /* for the answer to begin */
};

struct inference_routes {
    size_t n;
    struct inference_route items[];
};

struct inference_routes *inference_routes_new(const struct inference_route *items, size_t n);
/* Whether it was made of these. */
bool inference_routes_are(const struct inference_routes *routes,
                          const struct inference_route *items, size_t n);
void inference_routes_free(struct inference_routes *routes);        /* NULL is fine */
/* NULL: protocol is none. */
const char *inference_protocol_word(enum inference_protocol protocol);
/* -1: it is none. */
int inference_protocol_parse(const char *word, enum inference_protocol *out);

/* What is asked. */
enum inference_call {
    INFERENCE_NONE,                                 /* nothing that is served */
    INFERENCE_GENERATE,                             /* of a protocol, with a model in its body */
    INFERENCE_LIST,                                 /* models, of either protocol */
    INFERENCE_INVOKE,                               /* of a protocol that no route has */
};

/* path may have a query. */
enum inference_call inference_call_find(const char *method, const char *path,
                                        enum inference_protocol *protocol);
/* NULL: there is none for the call. */
const struct inference_route *inference_route_find(const struct inference_routes *routes,
                                                   enum inference_call call,
                                                   enum inference_protocol protocol);

/* The parts of a base URL.  NULL, or why it is none. */
const char *inference_url_read(const char *url, struct egress_target *target, bool *secure,
                               const char **path);
/* The head of the request as the route's server gets it, with its key. */
void inference_print_head(const struct http_head *head, const struct inference_route *route,
                          const char *path, size_t length, struct buf *out);

/* A complete answer: {"error": TEXT} with a hint, NULL: none. */
void inference_print_error(int status, const char *error, const char *hint, struct buf *out);
/* The end of a stream of events that cannot go on, as a piece of a chunked body. */
void inference_print_broken(const char *message, struct buf *out);

#endif
