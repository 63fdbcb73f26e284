/* SPDX-License-Identifier: Apache-2.0 */
/* Signature Version 4 of AWS, as its clients write it and as its servers check it.  Pure; any
 * thread. */
#ifndef SECRET_SIGV4_H
#define SECRET_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

enum { SIGV4_TIME_SIZE = 17, SIGV4_NAMES_MAX = 64 };

/* A part of a text that somebody else owns. */
struct sigv4_text {
    const char *at;
    size_t len;
};

/* What a client says of its signature: KEY/DATE/REGION/SERVICE/aws4_request, and the names of the
 * fields that it covers, with ";" between them. */
struct sigv4_claim {
    struct sigv4_text key, region, service, names;
};

/* Whether the value of Authorization is a signature of any form of this family. */
bool sigv4_is(const char *authorization);
/* Returns NULL, or why it cannot be read. */
const char *sigv4_read(const char *authorization, struct sigv4_claim *out);
/* The same of a query, decoded into room.  *found: it has a signature at all. */
const char *sigv4_read_query(const char *query, struct buf *room, bool *found,
                             struct sigv4_claim *out);

struct sigv4_field {
    const char *name, *value;
};

/* A request as it is sent. */
struct sigv4_request {
    const char *method;
    struct sigv4_text path;
    const char *query;                              /* without "?" */
    const struct sigv4_field *fields;               /* in any order, with Host */
    size_t n;
    const char *payload;                            /* hash of the body, or a word in its place */
};

/* yyyymmddThhmmssZ */
void sigv4_time(int64_t ms, char out[SIGV4_TIME_SIZE]);
/* The value of Authorization: a signature by those keys, over the claim's fields that the request
 * has. */
void sigv4_sign(const struct sigv4_request *request, const struct sigv4_claim *claim,
                const char *time, const char *id, const char *secret, struct buf *out);
/* The request's query signed anew, with that time. */
void sigv4_sign_query(const struct sigv4_request *request, const struct sigv4_claim *claim,
                      const char *time, const char *id, const char *secret, struct buf *out);

/* Parts of it, as tests compare them with those of others. */
void sigv4_canonical(const struct sigv4_request *request, const struct sigv4_claim *claim,
                     struct buf *names, struct buf *out);

#endif
