/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the voters of a chain that look at requests about requests that passed before, and reports
 * those that they would refuse or hold.
 *
 * Voters run in a forked process.  If a voter crashes, its request counts as different and a new
 * process continues with the next one.  Results live in the arena of the caller.  One thread. */
#ifndef TESTKIT_REPLAY_REQUESTS_H
#define TESTKIT_REPLAY_REQUESTS_H

#include <jansson.h>

#include "testkit/stage.h"

struct replay_request {
    const char *sandbox, *last_seen;                /* for people */
    long long count;                                /* how often it passed */
    struct sluice_request request;
};

struct replay_request_difference {
    const struct replay_request *request;
    const char *outcome;                            /* now; "crashed" where there is none */
    json_t *votes;                                  /* now; NULL after a crash */
    const char *how;                                /* of a crash; "" else */
};

struct replay_requests {
    const char *chain;                              /* a gateway's configuration */
    struct stage_settings settings;
    unsigned timeout_s;                             /* for one request */
    const struct replay_request *requests;
    size_t n;
    void (*progress)(void *arg, size_t done, size_t n);     /* NULL: none */
    void (*differs)(void *arg, const struct replay_request_difference *difference);
    void *arg;
};

/* Calls differs in the order of the requests.  Sets *asked to how many were asked about: 0 where no
 * voter looks at requests.  Returns how many differ; -1 with err if the chain does not load. */
long replay_requests_run(const struct replay_requests *replay, size_t *asked, struct error *err);

#endif
