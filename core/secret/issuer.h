/* SPDX-License-Identifier: Apache-2.0 */
/* Asks an OpenID Connect issuer for a person's token: in their browser (RFC 8628), by a refresh
 * token (RFC 6749 section 6) or by a code that it gave their browser (RFC 7636), and gives it back
 * (RFC 7009).  fetcher: the path of sluice-fetch, borrowed.  Blocks; any thread. */
#ifndef SECRET_ISSUER_H
#define SECRET_ISSUER_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"

/* What an issuer gives. */
struct issuer_grant {
    char *token, *refresh;                          /* refresh "": it gives none */
    int64_t expires_ms;                             /* 0: not told */
};

struct issuer {
    const char *fetcher;
    json_t *discovery;
    const char *token_url;
    const char *device_url, *revoke_url;            /* NULL: it knows no such way */
};

/* -1: err says why not.  Always to be followed by issuer_free. */
int issuer_open(const char *fetcher, const char *name, struct issuer *out, struct error *err);
void issuer_free(struct issuer *issuer);

/* A POST of a form to it: the status, and what it answers (NULL: no JSON).  fields: names and
 * values in turn, NULL ends; those without a value are left out.  -1 with err. */
int issuer_post(const char *fetcher, const char *url, const char *const *fields, json_t **answer,
                struct error *err);
/* What an answer of the token endpoint gives, in place of what out has.  -1: err has the issuer's
 * word for it. */
int issuer_take_token(int status, const json_t *answer, struct issuer_grant *out,
                      struct error *err);
/* Has the issuer revoke what it gave.  -1: err says why it did not. */
int issuer_revoke(const char *fetcher, const char *name, const char *client_id,
                  const struct issuer_grant *grant, struct error *err);

/* What a browser brings back from it. */
struct issuer_code {
    const char *code, *verifier, *redirect_uri, *client_id;
};
/* -1: err has the issuer's word for it.  out is freed by issuer_grant_free. */
int issuer_redeem(const struct issuer *issuer, const struct issuer_code *code,
                  struct issuer_grant *out, struct error *err);
void issuer_grant_free(struct issuer_grant *grant); /* its texts, overwritten */

#endif
