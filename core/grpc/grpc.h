/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC on the gateway's listeners: requests whose content type is application/grpc.
 *
 * The gateway fills a struct grpc, which outlives its server, and offers grpc_service with it as
 * context (http_server_offer).  Loop thread only. */
#ifndef GRPC_GRPC_H
#define GRPC_GRPC_H

#include <stdatomic.h>
#include <uv.h>

#include "auth/auth.h"
#include "base/buf.h"
#include "base/log.h"
#include "grpc/replays.h"
#include "http/router.h"

struct grpc_services;
struct drafts;
struct events;
struct jobs;
struct providers;
struct refresher;
struct runtime;
struct store;
struct updates;

struct grpc {
    uv_loop_t *loop;
    const struct log *log;
    struct auth *auth;                              /* of the API: guesses count together */
    const _Atomic bool *draining;
    struct jobs *jobs;
    struct store *store;
    struct drafts *drafts;
    struct runtime *runtime;
    struct events *events;
    const struct providers *providers;
    struct refresher *refresher;
    struct updates *updates;
    const struct grpc_services *services;
    /* Freed with the gateway: */
    struct buf descriptor;                          /* of reflection.c */
    struct grpc_replays replays;
};

extern const struct http_service grpc_service;
/* All that the gateway offers. */
extern const struct grpc_services grpc_all_services;

#endif
