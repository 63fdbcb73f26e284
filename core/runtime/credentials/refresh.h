/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches credentials of providers before the last ones expire (secret/oauth.h), on a worker
 * thread, one after another, and gives them to the sandboxes that use them. */
#ifndef RUNTIME_CREDENTIALS_REFRESH_H
#define RUNTIME_CREDENTIALS_REFRESH_H

#include <uv.h>

#include "runtime/credentials/providers.h"
#include "runtime/runtime.h"

enum {
    REFRESH_LEAST_MS = 10000,                       /* between two of a provider that succeed */
    REFRESH_UNTOLD_MS = 50 * 60 * 1000,             /* where a server tells no end */
    REFRESH_RETRY_MS = 1000,                        /* after a failure; doubled with each ... */
    REFRESH_RETRY_MAX_MS = 300000,                  /* ... up to this */
};

struct refresher;

struct refresh_status {
    char word[16];                                  /* "pending", "refreshed" or "failed" */
    char error[256];                                /* the last one; "" where it succeeded */
    int64_t last_ms, next_ms, expires_ms;           /* 0: not yet, not known */
    unsigned failures;                              /* in a row */
};

/* Looks for providers from now on.  The runtime and the path of sluice-fetch are borrowed. */
struct refresher *refresher_new(uv_loop_t *loop, struct runtime *runtime, const char *program,
                                const struct providers *providers, struct jobs *jobs,
                                const struct log *log);
/* There may be one more, or one fewer.  Loop thread. */
void refresher_look(struct refresher *r);
/* The credentials of a provider are fetched now; done is called when its sandboxes have them or it
 * has failed, also when the refresher stops.  Loop thread. */
void refresher_fetch(struct refresher *r, const char *provider_id, void (*done)(void *arg),
                     void *arg);
/* Any thread. */
void refresher_status(struct refresher *r, const char *provider_id, struct refresh_status *out);
/* Nothing is fetched any more.  NULL is fine. */
void refresher_stop(struct refresher *r);
/* Once no job of it is under way; freed when its timer has closed.  NULL is fine. */
void refresher_close(struct refresher *r);

#endif
