/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches the keys of the OpenID Connect issuer of the configuration: at the start, once an hour,
 * and when a token names one that is not there.  OpenID Connect Discovery 1.0.  Loop thread. */
#ifndef GATEWAY_ISSUER_H
#define GATEWAY_ISSUER_H

#include <uv.h>

#include "auth/oidc/oidc.h"
#include "base/log.h"
#include "runtime/jobs.h"

struct issuer;

/* Begins to fetch.  What is given is borrowed; fetcher: the path of sluice-fetch. */
struct issuer *issuer_new(uv_loop_t *loop, const struct oidc_settings *settings,
                          const char *fetcher, struct jobs *jobs, const struct log *log);
struct oidc *issuer_oidc(struct issuer *issuer);
/* Nothing is fetched any more.  NULL is fine, here and below. */
void issuer_stop(struct issuer *issuer);
/* Once no job of it is under way; freed when its timer has closed. */
void issuer_close(struct issuer *issuer);

#endif
