/* SPDX-License-Identifier: Apache-2.0 */
/* Health and status of the gateway, and its permissions. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/call.h"
#include "api/limits.h"
#include "api/routes.h"
#include "auth/oidc/oidc.h"
#include "base/clock.h"
#include "policy/enforceable.h"
#include "store/gateways.h"
#include "store/words.h"

void handle_health(struct api *api, struct http_request *req)
{
    (void)api;
    http_respond(req, 200, "text/plain", "ok\n", 3);
}

void handle_ready(struct api *api, struct http_request *req)
{
    if (api->draining)
        http_respond(req, 503, "text/plain", "draining\n", 9);
    else
        http_respond(req, 200, "text/plain", "ready\n", 6);
}

void handle_oidc_config(struct api *api, struct http_request *req)
{
    if (!api->auth.oidc) {
        struct error err;
        error_set(&err, ERROR_NOT_FOUND,
                  "this gateway has no OpenID Connect issuer: auth.oidc of its configuration would "
                  "name it");
        http_respond_error(req, &err);
        return;
    }
    const struct oidc_settings *s = oidc_settings_of(api->auth.oidc);
    json_t *config = json_pack("{s:s, s:s, s:s, s:s, s:s}", "issuer", s->issuer, "audience",
                               s->audience, "client_id", s->client_id, "scopes", s->scopes,
                               "authorization_endpoint", oidc_authorization_url(api->auth.oidc));
    http_respond_json(req, 200, config);
    json_decref(config);
}

static size_t count_voters(struct api *api)
{
    struct chain *chain = updates_chain(api->updates);
    size_t n = chain_size(chain);
    updates_leave_chain(api->updates, chain);
    return n;
}

int api_census(struct api_call *call, struct store_sandbox **sandboxes, size_t *n,
               uint64_t *pending)
{
    struct store *store = call->api->store;
    return store_sandbox_list(store, call->arena, sandboxes, n, &call->err) != 0 ||
                   store_draft_count(store, store_draft_status_word(STORE_DRAFT_PENDING), pending,
                                     &call->err) != 0
               ? -1
               : 0;
}

static json_t *encode_enforced(void)
{
    json_t *list = json_array();
    const char *field;
    for (size_t i = 0; (field = policy_enforced_field(i)); i++)
        json_array_append_new(list, json_string(field));
    return list;
}

static json_t *encode_uids(const struct api *api)
{
    return json_pack("{s:s, s:s?}", "kind", api->host.shared_uid ? "shared" : "own", "reason",
                     api->host.shared_uid);
}

/* None where the store has this one alone. */
static json_t *encode_gateways(struct api_call *call, const struct store_gateway *items, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct store_sandbox at_home = {.home = items[i].id};
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:b, s:b, s:s, s:s}", "id", items[i].id, "name",
                            items[i].name, "here", store_at_home(call->api->store, &at_home),
                            "alive", items[i].alive, "started_at",
                            api_time(call->arena, items[i].started_at_ms), "seen_at",
                            api_time(call->arena, items[i].seen_at_ms)));
    }
    return list;
}

int route_status(struct api_call *call)
{
    struct api *api = call->api;
    struct store_sandbox *items;
    struct store_gateway *gateways;
    uint64_t n_drafts;
    size_t n, n_gateways;
    if (api_census(call, &items, &n, &n_drafts) != 0 ||
        store_gateway_list(api->store, call->arena, &gateways, &n_gateways, &call->err) != 0)
        return -1;
    size_t ready = 0;
    for (size_t i = 0; i < n; i++)
        ready += strcmp(items[i].phase, "ready") == 0;
    return api_reply(call, 200,
                     json_pack("{s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:b, s:o, s:o, s:o, s:o}",
                               "status", "connected", "version", SLUICE_VERSION, "pid",
                               (int)getpid(), "started_at", api_time(call->arena, api->started_ms),
                               "sandboxes", (json_int_t)n, "ready", (json_int_t)ready,
                               "pending_drafts", (json_int_t)n_drafts, "voters",
                               (json_int_t)count_voters(api), "draining", (int)api->draining,
                               "limits", api_limits_host(api), "workload_uids", encode_uids(api),
                               "enforces", encode_enforced(), "gateways",
                               encode_gateways(call, gateways, n_gateways)));
}

static json_t *encode_roles(enum auth_permission permission, bool own_alone,
                            const struct auth_powers *custom, size_t n)
{
    json_t *list = json_array();
    for (unsigned role = 0; role < AUTH_ROLE_COUNT; role++)
        if (auth_role_has_own(role, permission) ||
            (!own_alone && auth_role_has(role, permission)))
            json_array_append_new(list, json_string(auth_role_word(role)));
    for (size_t i = 0; !own_alone && i < n; i++)
        if (custom[i].all & UINT32_C(1) << permission)
            json_array_append_new(list, json_string(custom[i].role));
    return list;
}

int route_permission_list(struct api_call *call)
{
    size_t n;
    struct auth_powers *custom = auth_roles_list(call->api->auth.roles, &n);
    json_t *list = json_array();
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:o, s:o}", "name", auth_permission_word(i), "help",
                            auth_permission_help(i), "roles", encode_roles(i, false, custom, n),
                            "own_roles", encode_roles(i, true, NULL, 0)));
    free(custom);
    return api_reply(call, 200, json_pack("{s:o}", "permissions", list));
}
