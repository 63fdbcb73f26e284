/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting until a revision of a policy is no longer pending.
 *
 * Ownership: a wait is freed once done was called; what it was made with outlives it, but for the
 * texts, which are copied. Threads: the loop's thread only. */
#ifndef RUNTIME_WAIT_H
#define RUNTIME_WAIT_H

#include "runtime/events.h"
#include "runtime/jobs.h"
#include "store/store.h"

struct revision_wait;

struct revision_wait_for {
    uv_loop_t *loop;
    struct jobs *jobs;
    struct events *events;
    struct store *store;
    const char *sandbox;                            /* its name */
    uint64_t revision;
    uint64_t timeout_ms;
};

/* done is called once, from the loop: the revision is loaded, failed or superseded, cannot be read
 * any more, the time is over, or the gateway stops.  What it is then is for the caller to read. */
struct revision_wait *revision_wait(const struct revision_wait_for *what, void (*done)(void *arg),
                                    void *arg);
/* Nobody waits any more: done is called by the loop's next turn. */
void revision_wait_cancel(struct revision_wait *wait);

#endif
