/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the gateway what its voters would say to the cures of refused requests.
 *
 * Each question costs the gateway a vote, and a workload can have any number of requests refused.
 * So what is known of the latest ones is kept for FORECASTS_KEPT_MS, or until another policy is in
 * force, and there are FORECASTS_MAX questions at once and FORECASTS_PER_SECOND from then on.
 * Loop thread only. */
#ifndef SANDBOX_SUPERVISOR_FORECASTS_H
#define SANDBOX_SUPERVISOR_FORECASTS_H

#include <uv.h>

#include "egress/proxy.h"
#include "sandbox/wire/protocol.h"

struct forecast_book;

enum {
    FORECASTS_MAX = 64,
    FORECASTS_PER_SECOND = 50,
    FORECASTS_KEPT_MS = 1000,
};

/* False: the gateway cannot be asked now. */
typedef bool sandbox_forecasts_sender(void *ctx, const struct sandbox_forecast *question);

struct forecast_book *sandbox_forecasts_new(uv_loop_t *loop, sandbox_forecasts_sender *send,
                                            void *ctx);
void sandbox_forecasts_free(struct forecast_book *book);
/* id: of the answer, if it comes later. */
struct egress_forecast sandbox_forecasts_ask(struct forecast_book *book, uint64_t id,
                                             const char *operations);
/* The gateway's answer: its outcome, or NULL where it is none. */
const char *sandbox_forecasts_answered(struct forecast_book *book,
                                       const struct sandbox_forecast *answer);
void sandbox_forecasts_forget(struct forecast_book *book);

#endif
