/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting until what is on record has changed: a revision of a policy is no longer pending, the
 * main process of a sandbox has ended.
 *
 * Ownership: a wait is freed once done was called; what it was made with outlives it, but for the
 * texts, which are copied. Threads: the loop's thread only. */
#ifndef RUNTIME_WAIT_H
#define RUNTIME_WAIT_H

#include "runtime/events.h"
#include "runtime/jobs.h"
#include "store/store.h"

struct record_wait;

struct record_wait_for {
    /* Worker thread: whether there is nothing left to wait for, or it cannot be read. */
    bool (*settled)(const struct record_wait_for *what);
    uv_loop_t *loop;
    struct jobs *jobs;
    struct events *events;
    struct store *store;
    const char *sandbox;                            /* its name */
    uint64_t revision;                              /* of record_wait_revision */
    uint64_t timeout_ms;
};

/* Such conditions. */
bool record_wait_revision(const struct record_wait_for *what);      /* loaded, failed, superseded */
bool record_wait_main(const struct record_wait_for *what);          /* ended, or there is none */

/* done is called once, from the loop: it is settled, the time is over, or the gateway stops.  How
 * it stands then is for the caller to read. */
struct record_wait *record_wait(const struct record_wait_for *what, void (*done)(void *arg),
                                    void *arg);
/* Nobody waits any more: done is called by the loop's next turn. */
void record_wait_cancel(struct record_wait *wait);

#endif
