/* SPDX-License-Identifier: Apache-2.0 */
/* Sends requests by a sluice-fetch of its own, one after the other over the same connection.
 *
 * Its functions block and are for one thread, but for sender_interrupt, which any thread may
 * call. */
#ifndef EXPORT_SENDER_H
#define EXPORT_SENDER_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct sender;

struct sender_request {
    const char *url, *ca;                           /* ca "": the system's authorities */
    json_t *fields;                                 /* lines of the head; they may have secrets */
    const struct buf *body;
    uint32_t timeout_ms;
};

struct sender_answer {
    int status;
    int64_t retry_after_ms;                         /* 0: not told */
    struct buf body;                                /* its beginning; the caller frees it */
};

/* program: the path of sluice-fetch, borrowed.  It is started with the first request, and again
 * after it has failed. */
struct sender *sender_new(const char *program);
/* -1: there is no answer, err says why not. */
int sender_send(struct sender *s, const struct sender_request *request, struct sender_answer *out,
                struct error *err);
/* What is being sent fails at once, and so does what is sent later. */
void sender_interrupt(struct sender *s);
void sender_free(struct sender *s);                 /* NULL is fine */

#endif
