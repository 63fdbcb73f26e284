/* SPDX-License-Identifier: Apache-2.0 */
/* /auth/oidc-token: people log in to the console at the issuer, which sends their browser back with
 * a code.  The page may ask nobody but the gateway, so the gateway redeems it.
 *
 * Whoever asks is not known yet: few are served at once, and few of one source in a minute.  What
 * they send goes to the configured issuer alone, which has to know code and verifier. */
#include <stdatomic.h>
#include <stdio.h>

#include "api/bodies.h"
#include "api/call.h"
#include "api/routes.h"
#include "auth/oidc/oidc.h"
#include "base/clock.h"
#include "secret/issuer.h"

enum { BODY_MAX = 16 * 1024, LOGINS_MAX = 4 };

static int redeem(struct api_call *call, const struct oidc_settings *s,
                  const struct body_code *body)
{
    const struct issuer_code code = {body->code, body->verifier, body->redirect_uri, s->client_id};
    struct issuer_grant grant = {.token = NULL};
    struct issuer issuer;
    int rc = issuer_open(runtime_fetcher(call->api->runtime), s->issuer, &issuer, &call->err);
    if (rc == 0)
        rc = issuer_redeem(&issuer, &code, &grant, &call->err);
    if (rc == 0)
        rc = api_reply(call, 200,
                       json_pack("{s:s, s:s?}", "token", grant.token, "expires_at",
                                 api_time(call->arena, grant.expires_ms)));
    else
        error_prefix(&call->err, "the issuer gives no token for this login");
    issuer_free(&issuer);
    issuer_grant_free(&grant);
    return rc;
}

static int refuse_crowd(struct api_call *call)
{
    return error_set(&call->err, ERROR_LIMIT, "too many people log in at this moment: try again");
}

int route_oidc_token(struct api_call *call)
{
    const struct oidc *oidc = call->api->auth.oidc;
    const struct doc_node *tree;
    void *decoded;
    if (!oidc)
        return error_set(&call->err, ERROR_NOT_FOUND,
                         "this gateway has no OpenID Connect issuer: auth.oidc of its "
                         "configuration would name it");
    if (call->req->peer->listener & HTTP_NO_SECRETS)
        return error_set(&call->err, ERROR_FORBIDDEN,
                         "no token is given here: this address is not encrypted and other machines "
                         "can reach it");
    if (api_body(call, BODY_MAX, &tree) != 0)
        return -1;
    if (schema_decode(&body_code_schema, tree, "", call->arena, &decoded, &call->problems) != 0)
        return error_set(&call->err, ERROR_INVALID, "the body is no code of an issuer: %s",
                         call->problems.items[0].message);
    api_keeps_secrets(call);
    unsigned before = atomic_fetch_add(&call->api->logins, 1);
    int rc = before < LOGINS_MAX ? redeem(call, oidc_settings_of(oidc), decoded)
                                 : refuse_crowd(call);
    atomic_fetch_sub(&call->api->logins, 1);
    return rc;
}

/* Before its work, on the loop. */
void handle_oidc_token(struct api *api, struct http_request *req)
{
    int64_t now = clock_now_ms(), wait = guesses_wait_ms(&api->logins_tried, req->peer, now);
    char seconds[24];
    struct error err;
    if (wait <= 0) {
        guesses_count(&api->logins_tried, req->peer, now);
        api_dispatch(req, api);
        return;
    }
    snprintf(seconds, sizeof seconds, "%d", (int)(wait / 1000) + 1);
    http_header(req, "Retry-After", seconds);
    error_set(&err, ERROR_LIMIT,
              "more than %d logins were tried from here within a minute: try again in %s s",
              GUESSES_MAX, seconds);
    http_respond_error(req, &err);
}
