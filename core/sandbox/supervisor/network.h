/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between a sandbox and the network: its certificates, its proxy and its resolver.
 *
 * Ownership: the maker's until sandbox_network_free, which must come after the loop has run out of
 * work.  Loop thread only. */
#ifndef SANDBOX_SUPERVISOR_NETWORK_H
#define SANDBOX_SUPERVISOR_NETWORK_H

#include <uv.h>

#include "sandbox/container/container.h"
#include "sandbox/supervisor/forecasts.h"
#include "sandbox/wire/protocol.h"
#include "sandbox/wire/spec.h"

struct egress_passed;
struct inspectors;
struct log;
struct network;
struct policy;
struct secret_credentials;

struct network_calls {
    void (*denial)(void *ctx, const struct sandbox_denial *denial);     /* texts are borrowed */
    /* So many held requests wait for the decision about it; what names it counts alone. */
    void (*waiting)(void *ctx, const struct sandbox_denial *denial, unsigned waiting);
    void (*line)(void *ctx, const struct egress_line *line);            /* of the decision log */
    void (*audited)(void *ctx, const struct egress_passed *audited);
    void (*passed)(void *ctx, const struct egress_passed *passed);
    sandbox_forecasts_sender *forecast;
    /* False: the gateway cannot be asked now. */
    bool (*ask)(void *ctx, const struct sandbox_message *question);
};

struct network *sandbox_network_new(uv_loop_t *loop, const struct sandbox_spec *spec,
                                    const struct log *log, const struct network_calls *calls,
                                    void *ctx);
/* Makes the certificates and the files of /etc that have them.  -1: err says why not. */
int sandbox_network_make_files(struct network *network, struct container_files *out,
                               struct error *err);
/* use: a use of the grant of that rule was let through.  Before the start. */
void sandbox_network_count_uses(struct network *network, void (*use)(void *ctx, const char *rule),
                                void *ctx);
/* Serves on the sockets that init has made.  -1: err says why not. */
int sandbox_network_start(struct network *network, const struct container_ready *ready,
                          struct policy *policy, struct error *err);
/* Once it has started: the next decision uses the policy. */
void sandbox_network_set_policy(struct network *network, struct policy *policy,
                                const struct egress_grant *grants, size_t n);
/* From now on; before the start, too. */
void sandbox_network_set_settings(struct network *network,
                                  const struct spec_settings *settings);
/* Once it has started: the next request uses these, which are borrowed until others take their
 * place. */
void sandbox_network_set_credentials(struct network *network,
                                     const struct secret_credentials *credentials);
/* Where calls of inference.local go from now on. */
void sandbox_network_set_inference(struct network *network, const struct sandbox_inference *items,
                                   size_t n);
/* Voters on requests from now on; before the start, too.  set may be NULL: then none, or with why
 * no request passes. */
void sandbox_network_set_inspectors(struct network *network, struct inspectors *set,
                                    const char *why);
/* The gateway's answer to a question. */
void sandbox_network_forecast(struct network *network, const struct sandbox_forecast *answer);
/* The policy in force is that of this revision. */
void sandbox_network_loaded(struct network *network, uint64_t revision);
/* The gateway is there again. */
void sandbox_network_reconnected(struct network *network);
/* PROPOSED, CHUNK or CHUNK_CHANGED. */
void sandbox_network_answer(struct network *network, const struct sandbox_message *message);
/* What waits for that is refused. */
void sandbox_network_reject(struct network *network, const struct sandbox_rejected *rejected);
/* These requests, which voters hold, pass. */
void sandbox_network_approve(struct network *network, const struct sandbox_approvals *approvals);
size_t sandbox_network_approvals(const struct network *network);
void sandbox_network_close(struct network *network);
void sandbox_network_free(struct network *network);

#endif
