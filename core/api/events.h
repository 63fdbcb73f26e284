/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's events: published on any thread, delivered on the loop thread, the newest
 * EVENTS_KEPT remembered so that a client that was away can resume.
 *
 * Numbers grow across restarts, so an old Last-Event-ID is recognised as a gap, never mistaken. */
#ifndef API_EVENTS_H
#define API_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { EVENTS_KEPT = 1024 };

struct events;
struct events_subscriber;

struct event {                                      /* lives until the callback returns */
    uint64_t id;
    const char *type;                               /* such as "revision" */
    const char *sandbox;                            /* its name, "" for the gateway's own */
    const char *json;
};

typedef void events_fn(void *ctx, const struct event *event);

struct events *events_new(uv_loop_t *loop);
void events_close(struct events *events);           /* after the last publisher and subscriber are gone */

/* Any thread.  Takes data; {sandbox, at} are added to it. */
void events_publish(struct events *events, const char *type, const char *sandbox, json_t *data);

/* Loop thread.  sandbox NULL: of all.  No event is delivered from inside these calls, except by
 * events_replay, which hands over those after last_id; false: some of them are forgotten. */
struct events_subscriber *events_subscribe(struct events *events, const char *sandbox, events_fn *fn,
                                           void *ctx);
void events_unsubscribe(struct events *events, struct events_subscriber *subscriber);
bool events_replay(struct events *events, uint64_t last_id, const char *sandbox, events_fn *fn,
                   void *ctx);

#endif
