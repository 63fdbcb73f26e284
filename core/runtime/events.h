/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's events: published on any thread, delivered on the loop thread, and kept so that a
 * client that was away can resume, also after a restart of the gateway.
 *
 * The newest EVENTS_KEPT of each class are kept, in memory and in the store.  A workload can cause
 * any number of events of the class "workload", so they have a limit of their own.  Numbers grow
 * across restarts and are never reused; those of several gateways on one store grow with time, so a
 * client may resume at another one.  Durable subscribers get an event after it was stored, so a
 * gateway that is killed never forgets an event that it has delivered to them. */
#ifndef RUNTIME_EVENTS_H
#define RUNTIME_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

enum { EVENTS_KEPT = 1024 };

struct events;
struct events_subscriber;
struct jobs;
struct log;
struct store;

struct event {                                      /* lives until the callback returns */
    uint64_t id;
    const char *type;                               /* such as "revision" */
    const char *sandbox;                            /* its name, "" for the gateway's own */
    const char *json;
};

typedef void events_fn(void *ctx, const struct event *event);

struct events *events_new(uv_loop_t *loop);
/* Loads the stored events, and stores events from now on.  Before the first event; blocks. */
int events_keep(struct events *events, struct store *store, struct jobs *jobs,
                const struct log *log, struct error *err);
/* Other gateways number events as well.  Before the first event; number: of this gateway. */
void events_share(struct events *events, uint64_t number);
/* Delivers an event that another gateway has stored, and keeps it in memory. */
void events_receive(struct events *events, uint64_t id, const char *type, const char *sandbox,
                    const char *json);
/* Stores the rest; the store is not used after that.  When jobs are idle; blocks. */
void events_finish(struct events *events);
void events_close(struct events *events); /* after the last publisher and subscriber are gone */

/* Any thread.  Takes data; {sandbox, at} are added to it. */
void events_publish(struct events *events, const char *type, const char *sandbox, json_t *data);

/* Loop thread.  sandbox NULL: of all.  No event is delivered from inside these calls, except by
 * events_replay, which hands over those after last_id; false: some of them are forgotten. */
struct events_subscriber *events_subscribe(struct events *events, const char *sandbox,
                                           events_fn *fn, void *ctx);
/* The same, for events that are in the store: what events_replay hands over and what follows it. */
struct events_subscriber *events_subscribe_durable(struct events *events, const char *sandbox,
                                                   events_fn *fn, void *ctx);
void events_unsubscribe(struct events *events, struct events_subscriber *subscriber);
bool events_replay(struct events *events, uint64_t last_id, const char *sandbox, events_fn *fn,
                   void *ctx);
/* Hands over those after last_id that are not in the store yet. */
void events_replay_unwritten(struct events *events, uint64_t last_id, const char *sandbox,
                             events_fn *fn, void *ctx);

#endif
