/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP API: what its routes work with, and what they need from whoever runs sandboxes.  The
 * gateway fills a struct api, which outlives the server.  Loop thread only, except what is said to
 * run on a worker thread. */
#ifndef API_API_H
#define API_API_H

#include <uv.h>

#include "api/events.h"
#include "api/jobs.h"
#include "auth/auth.h"
#include "base/log.h"
#include "drafts/drafts.h"
#include "http/router.h"
#include "http/server.h"
#include "update/update.h"

/* err is NULL on success and lives until the callback returns. */
typedef void api_done(void *arg, const struct error *err);

/* What the gateway does with sandboxes.  Called on the loop thread; done comes later, on it too. */
struct api_sandboxes {
    void (*start)(void *ctx, const char *sandbox_id, api_done *done, void *arg);
    void (*stop)(void *ctx, const char *sandbox_id, api_done *done, void *arg);
    /* Stops it, deletes its record and its files. */
    void (*remove)(void *ctx, const char *sandbox_id, api_done *done, void *arg);
    /* Each owns the request from here on and answers it. */
    void (*exec)(void *ctx, struct http_request *req, const char *sandbox);
    void (*logs)(void *ctx, struct http_request *req, const char *sandbox);
    void (*supervisor_stream)(void *ctx, struct http_request *req, const char *sandbox_id);
    void (*supervisor_exec)(void *ctx, struct http_request *req, const char *sandbox_id,
                            const char *exec_id);
    /* A new list of texts: what of its last start is not as its policy reads. */
    json_t *(*warnings)(void *ctx, const char *sandbox_id);
};

/* What the gateway can give a sandbox on this host.  A reason is NULL where it can. */
struct api_host {
    const char *cgroup;                             /* "v1", "v2" or "none" */
    const char *no_memory, *no_cpus, *no_pids;      /* why this limit cannot be enforced */
    const char *shared_uid;                         /* why sandboxes have no host uid of their own */
};

enum { API_OUTCOMES = CHAIN_HELD + 1 };

struct api_counts {
    _Atomic uint64_t decided[API_OUTCOMES];         /* since the start, by enum chain_outcome; any thread */
};

struct api {
    uv_loop_t *loop;
    const struct log *log;
    struct store *store;
    struct updates *updates;
    struct drafts *drafts;
    struct jobs *jobs;
    struct events *events;
    struct http_server *server;                     /* set once it listens */
    const struct api_sandboxes *sandboxes;
    void *sandboxes_ctx;
    /* Reads the configuration again and reloads its chain.  Worker thread. */
    int (*reload)(void *ctx, struct problems *problems, struct error *err);
    void *reload_ctx;
    struct api_host host;
    const char *config_file;                        /* what it reads; NULL: none */
    struct auth auth;
    struct api_counts counts;
    _Atomic bool draining;
    int64_t started_ms;
};

/* For requests that the gateway answers itself. */
/* By Content-Type; JSON where there is none. */
int api_body_format(struct http_request *req, enum doc_format *out, struct error *err);
/* A query parameter that was checked to be true, false, 1, 0 or nothing (which is true). */
bool api_flag(const struct http_request *req, const char *name);

/* The route table, with authentication before every request.  ctx of the server: struct api *. */
extern const struct http_router api_router;

#endif
