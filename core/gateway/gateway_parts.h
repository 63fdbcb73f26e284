/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/gateway: the parts of a running gateway.  Loop thread, except what is said of
 * reload. */
#ifndef GATEWAY_GATEWAY_PARTS_H
#define GATEWAY_GATEWAY_PARTS_H

#include <pthread.h>

#include "api/api.h"
#include "base/digest.h"
#include "gateway/config.h"
#include "grpc/grpc.h"

struct gateway {
    const struct gateway_flags *flags;
    const struct log *log;
    struct arena *arena;                            /* of the configuration */
    int folder;                                     /* held, so that no other gateway works there */
    struct gateway_config config;
    pthread_mutex_t reload_lock;                    /* one reload at a time */

    uv_loop_t loop;
    uv_signal_t signals[3];
    struct store *store;
    struct updates *updates;
    struct drafts *drafts;
    struct jobs *jobs;
    struct events *events;
    struct runtime *runtime;
    struct http_server *server;
    struct tls_server **tls;                        /* of each listener; NULL: clear text */
    struct api api;
    struct grpc grpc;
    struct fleet *fleet;                            /* fleet.c; NULL: it follows nobody */
    char id[UUID_SIZE]; /* on a shared store (store/gateways.h), else "" */
    uint64_t number;                                /* there; else 0 */
    char admin_token_hash[DIGEST_HEX_SIZE];
    struct secret_key key;                          /* seals credentials */
    struct providers providers;
    struct inference_settings *inference;
    struct refresher *refresher;                    /* of credentials that are fetched */
    struct issuer *issuer;                          /* of people's tokens; NULL: there is none */
    struct peer_identity *peer_identity; /* of this process, for other gateways; or NULL */
    char *supervisor_address;
    bool stopping;
    uv_timer_t memory_timer;
    size_t memory_left;                             /* resident after the last trim */
    bool trimming;                                  /* a worker does, and writes memory_left */
};

/* reload.c */
/* Prints what is wrong and frees the problems; returns code. */
int gateway_report(const struct gateway_flags *flags, struct problems *problems,
                   const struct error *err, int code);
/* A new reference; NULL: err, and problems with line and column. */
struct chain *gateway_load_chain(const struct gateway_config *config, const struct log *log,
                                 struct problems *problems, struct error *err);
/* The gateway hears of voters that are quarantined. */
void gateway_watch_chain(struct gateway *g, struct chain *chain);
void gateway_protect_files(struct gateway *g, const struct gateway_config *config,
                           struct arena *arena);
/* Reads the configuration again and reloads its chain, all or nothing: a chain that does not load
 * leaves the old one at work.  ctx: struct gateway *.  Worker thread. */
int gateway_reload(void *ctx, struct problems *problems, struct error *err);
void gateway_on_hangup(uv_signal_t *signal, int number);

/* certificates.c */
/* Reads the files of the TLS listeners.  -1: err says which is wrong. */
int gateway_open_tls(struct gateway *g, struct error *err);
/* The same, to see whether they are good. */
int gateway_check_tls(const struct gateway_config *config, struct error *err);
/* Reads them again.  What does not load is logged, and what was read before stays.  Any thread. */
void gateway_tighten(struct gateway *g);
void gateway_reload_tls(struct gateway *g);
void gateway_free_tls(struct gateway *g);

/* gateway.c */
/* The tokens of the store are good from now on, and no others.  Any thread. */
int gateway_read_tokens(struct gateway *g, struct error *err);

/* fleet.c */
/* Makes this process a gateway of its store. */
int gateway_join(struct gateway *g, struct error *err);
/* Takes the questions of other gateways, and may ask; nothing without peers. */
int gateway_open_peers(struct gateway *g, struct error *err);
/* What other gateways write is heard of from now on, and until the other call; both do nothing on a
 * store that is not shared. */
int gateway_follow(struct gateway *g, struct error *err);
void gateway_unfollow(struct gateway *g);

/* memory.c */
void gateway_watch_memory(struct gateway *g);

/* shutdown.c */
void gateway_on_terminate(uv_signal_t *signal, int number);

#endif
