/* SPDX-License-Identifier: Apache-2.0 */
/* The voters on requests that the gateway's chain has, as they are loaded here.
 *
 * What cannot be loaded leaves those at work that were there before.  Where there were none, no
 * request passes.
 *
 * Ownership: the supervisor's; the set lives on as long as a request is judged by it.  Loop thread
 * only. */
#ifndef SANDBOX_SUPERVISOR_INSPECTORS_H
#define SANDBOX_SUPERVISOR_INSPECTORS_H

#include <uv.h>

#include "sandbox/supervisor/network.h"
#include "sandbox/wire/protocol.h"
#include "sandbox/wire/spec.h"

struct inspectors_load;

enum { INSPECTORS_REPORT_MS = 1000, INSPECTORS_MAX = 64 };

struct held_inspectors {
    uv_timer_t timer;                               /* of reports; begun with the first set */
    bool reports;
    /* Sends what the voters said, counted.  counts NULL: whether it could be sent now. */
    bool (*tell)(void *ctx, const struct sandbox_inspected *counts);
    void *ctx;
    struct inspectors *set;                         /* at work; NULL: there are none */
    char *digest;                                   /* of the configuration that was asked for */
    bool loading;                                   /* a worker loads what was asked for */
    struct inspectors_load *next;                   /* to be loaded after that; or NULL */
    void (*changed)(void *ctx);                     /* what was asked for is loaded, or is not */
    bool closed;
    char *error;                                    /* why that is not the one at work, or NULL */
};

/* From now on these.  What is at work already is not loaded again.  now: they are loaded before
 * this returns, as nothing else runs yet; else a worker loads them, those from before judge
 * meanwhile, and changed is called.  False: they are being loaded. */
bool sandbox_inspectors_use(struct held_inspectors *held, const struct sandbox_inspectors *wanted,
                            uv_loop_t *loop, const struct log *log, struct network *network,
                            bool now);
/* They end with what they judge now. */
void sandbox_inspectors_close(struct held_inspectors *held, struct network *network);

#endif
