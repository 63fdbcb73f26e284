/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP API: the parts that its routes use.  The gateway fills a struct api, which outlives the
 * server.  Loop thread only, unless a comment says otherwise. */
#ifndef API_API_H
#define API_API_H

#include <uv.h>

#include "auth/auth.h"
#include "base/log.h"
#include "drafts/drafts.h"
#include "export/exports.h"
#include "http/router.h"
#include "http/server.h"
#include "runtime/credentials/providers.h"
#include "runtime/runtime.h"
#include "update/update.h"

struct api {
    uv_loop_t *loop;
    const struct log *log;
    struct store *store;
    struct updates *updates;
    struct drafts *drafts;
    struct jobs *jobs;
    const struct providers *providers;
    struct refresher *refresher;
    struct events *events;
    struct exports *exports;
    struct http_server *server;                     /* set once it listens */
    struct runtime *runtime;
    /* Reads the configuration again and reloads its chain; problems of one that came off are
     * warnings.  Worker thread. */
    int (*reload)(void *ctx, struct problems *problems, struct error *err);
    void *reload_ctx;
    struct runtime_host host;
    const char *config_file;                        /* what it reads; NULL: none */
    struct auth auth;
    struct buf openapi;                             /* /openapi.json, once somebody asked for it */
    struct runtime_counts counts;
    _Atomic bool draining;
    _Atomic unsigned logins;                        /* codes that are redeemed now */
    struct guesses logins_tried;                    /* each counts, also one that succeeds */
    int64_t started_ms;
    size_t list_bytes;                              /* of one answer; 0: API_LIST_BYTES */
};

/* The route table, with authentication before every request.  ctx of the server: struct api *. */
extern const struct http_router api_router;

#endif
