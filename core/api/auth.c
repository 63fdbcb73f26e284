/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticates and authorizes every request by core/auth before its body is read, and again once
 * it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/change.h"
#include "api/parameters.h"
#include "base/alloc.h"

static int answer_refusal(struct http_request *req, const struct auth_refusal *refusal)
{
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%d", refusal->retry_s);
    if (refusal->challenge)
        http_header(req, "WWW-Authenticate", "Bearer");
    if (refusal->retry_s)
        http_header(req, "Retry-After", seconds);
    http_respond_error(req, &refusal->err);
    return -1;
}

static int refuse(struct http_request *req, enum error_kind kind, const char *why)
{
    struct auth_refusal refusal = {.challenge = false};
    error_set(&refusal.err, kind, "%s", why);
    return answer_refusal(req, &refusal);
}

/* Who may propose a change may ask what it would do. */
static enum auth_permission enough_for(const struct http_request *req)
{
    const struct api_route *route = req->route->doc;
    return route->permission == AUTH_POLICY_CHANGE && route->takes & TAKES(DRY_RUN) &&
                   api_flag(req, "dry_run")
               ? AUTH_POLICY_PROPOSE
               : AUTH_ANYBODY;
}

static struct auth_question question_of(const struct http_request *req)
{
    const struct api_route *route = req->route->doc;
    return (struct auth_question){.permission = route->permission,
                                  .or_else = enough_for(req),
                                  .sandbox = http_request_param(req, "name"),
                                  .stateless = route->stateless};
}

static int check_override(struct http_request *req)
{
    const struct api_route *route = req->route->doc;
    const struct auth_principal *who = req->user;
    const char *sandbox = http_request_param(req, "name") ? who->asked : NULL;
    if (!(route->takes & TAKES(OVERRIDE)) || !api_overrides(req) ||
        auth_may(who, AUTH_POLICY_OVERRIDE, sandbox))
        return 0;
    return refuse(req, ERROR_FORBIDDEN, "only an admin may override a voter");
}

int api_authenticate(struct http_request *req, void *ctx)
{
    struct api *api = ctx;
    const struct api_route *route = req->route->doc;
    if (api->draining && strcmp(req->route->method, "GET") != 0)
        return refuse(req, ERROR_DRAINING, "the gateway is stopping: try again when it is back");
    const struct auth_question question = question_of(req);
    struct auth_principal *who = alloc_zero(1, sizeof *who);
    struct auth_refusal refusal;
    req->user = who;
    req->free_user = free;
    if (auth_admit(&api->auth, req, &question, who, &refusal) != 0)
        return answer_refusal(req, &refusal);
    if (check_override(req) != 0)
        return -1;
    return route->any_query ? 0 : api_check_parameters(req, route->takes);
}

int api_authenticate_again(struct http_request *req, struct api *api)
{
    const struct auth_question question = question_of(req);
    struct auth_refusal refusal;
    if (!req->head->chunked && !req->head->length)
        return 0;                                   /* it came with its head */
    if (auth_admit_again(&api->auth, &question, req->user, &refusal) != 0)
        return answer_refusal(req, &refusal);
    return check_override(req);
}
