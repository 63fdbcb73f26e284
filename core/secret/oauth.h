/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that are fetched before the last ones expire: what is asked of which server, and what
 * its answer gives.  Pure; any thread.
 *
 * What a provider is made of is a flat JSON object of texts: "strategy" and the parts that the
 * strategy needs.  It holds secrets; no error names one. */
#ifndef SECRET_OAUTH_H
#define SECRET_OAUTH_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define OAUTH_STRATEGY_NAMES \
    "oauth2_refresh_token, oauth2_client_credentials, google_service_account_jwt or " \
    "aws_sts_assume_role"

enum { OAUTH_VALUES_MAX = 3, OAUTH_ANSWER_MAX = 64 * 1024, OAUTH_TIMEOUT_MS = 10000 };

/* Which variables the credentials are, NULL ends: parts "output", or those of AWS. */
void oauth_outputs(const json_t *parts, const char *out[OAUTH_VALUES_MAX + 1]);
/* -1: err says which part is missing, unknown or wrong. */
int oauth_check(const json_t *parts, struct error *err);

struct oauth_request {
    char *url;
    struct buf body;                                /* a form */
    struct buf fields;                              /* lines without line ends, NUL after each */
};

/* Freed by oauth_request_free, also after an error. */
int oauth_ask(const json_t *parts, int64_t now_ms, struct oauth_request *out, struct error *err);
void oauth_request_free(struct oauth_request *request);

/* Texts live as long as json does. */
struct oauth_answer {
    const char *names[OAUTH_VALUES_MAX], *values[OAUTH_VALUES_MAX];
    size_t n;
    int64_t expires_at_ms;                          /* 0: not told */
    const char *refresh_token;                      /* a new one in place of the last; or NULL */
    json_t *json;
};

/* 0: out is freed by oauth_answer_free.  -1: err has the server's word for it, at most. */
int oauth_read(const json_t *parts, int status, const struct buf *body, int64_t now_ms,
               struct oauth_answer *out, struct error *err);
void oauth_answer_free(struct oauth_answer *answer);

#endif
