/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/tokens, and who the caller is.  A token is in one answer only: that of its creation. */
#include <stdio.h>
#include <string.h>

#include "api/bodies.h"
#include "api/call.h"
#include "api/routes.h"
#include "auth/lease.h"
#include "auth/token.h"
#include "base/clock.h"

enum { BODY_MAX = 64 * 1024 };

static json_t *encode(struct api_call *call, const struct store_token *t, const char *secret)
{
    bool expired = t->expires_at_ms && t->expires_at_ms <= clock_now_ms();
    return json_pack("{s:s, s:s, s:s, s:s?, s:b, s:s, s:s, s:s?, s:s*}", "id", t->id, "name",
                     t->name, "role", t->role, "sandbox", *t->sandbox ? t->sandbox : NULL,
                     "expired", (int)expired, "created_by", t->created_by, "created_at",
                     api_time(call->arena, t->created_at_ms), "expires_at",
                     api_time(call->arena, t->expires_at_ms), "token", secret);
}

static void tell(struct api_call *call, const char *change, const struct store_token *t)
{
    log_info(call->api->log, "token %s of role %s was %s by %s (%s)", t->name, t->role, change,
             call->who->name, call->req->peer->text);
    events_publish(call->api->events, "token", t->sandbox,
                   json_pack("{s:s, s:s, s:s, s:s}", "token", t->name, "role", t->role, "change",
                             change, "actor", call->who->name));
}

int route_token_list(struct api_call *call)
{
    struct store_token *list;
    size_t n;
    if (store_token_list(call->api->store, call->arena, &list, &n, &call->err) != 0)
        return -1;
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, encode(call, &list[i], NULL));
    return api_reply(call, 200, json_pack("{s:o}", "tokens", all));
}

/* ---- creation ---- */

/* Nobody gives away what they may not do themselves. */
static int check_role(struct api_call *call, const char *word)
{
    struct auth_powers role;
    if (!auth_roles_find(call->api->auth.roles, word, &role)) {
        problems_add(&call->problems, "role", 0, 0,
                     "there is no role '%s': GET /v1/permissions lists the roles", word);
        return error_set(&call->err, ERROR_INVALID,
                         "the body is no request for a token: there is no role '%s': GET "
                         "/v1/permissions lists the roles", word);
    }
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++)
        if ((role.all | role.own) & UINT32_C(1) << i && !auth_may(call->who, i, NULL))
            return error_set(&call->err, ERROR_FORBIDDEN,
                             "the role %s has the permission %s, which you lack",
                             word, auth_permission_word(i));
    return 0;
}

/* A token that ends, or a certificate, makes none that outlasts it.  Whoever logs in at an issuer
 * does so again and again, and may. */
static int check_end(struct api_call *call, const struct body_token *body)
{
    const struct auth_principal *who = call->who;
    bool ends = who->until_ms && (who->kind == AUTH_BY_TOKEN || who->kind == AUTH_BY_CERTIFICATE);
    if (!ends || (body->expires_ms && clock_now_ms() + body->expires_ms <= who->until_ms))
        return 0;
    return error_set(&call->err, ERROR_FORBIDDEN,
                     "you come with a %s that ends at %s, and a token of yours ends no later: give "
                     "it an end before (--expires)", auth_identity_word(who),
                     api_time(call->arena, who->until_ms));
}

static int check_sandbox(struct api_call *call, const struct body_token *body,
                         struct store_sandbox *out)
{
    *out = (struct store_sandbox){.id = "", .name = ""};
    if (!*body->sandbox)
        return 0;
    return store_sandbox_get(call->api->store, body->sandbox, call->arena, out, &call->err);
}

static int insert(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_token_insert(tx, arg, err);
}

static void go_live(struct api_call *call, const struct store_token *t)
{
    struct auth_live_token live = {.expires_at_ms = t->expires_at_ms};
    snprintf(live.id, sizeof live.id, "%s", t->id);
    snprintf(live.name, sizeof live.name, "%s", t->name);
    snprintf(live.role, sizeof live.role, "%s", t->role);
    snprintf(live.sha256, sizeof live.sha256, "%s", t->sha256);
    snprintf(live.sandbox, sizeof live.sandbox, "%s", t->sandbox_id);
    auth_live_add(call->api->auth.live, &live);
}

static int create(struct api_call *call, const struct body_token *body)
{
    char token[TOKEN_SIZE], sha256[DIGEST_HEX_SIZE], id[UUID_SIZE];
    struct store_sandbox sandbox;
    if (check_sandbox(call, body, &sandbox) != 0)
        return -1;
    token_make(token);
    digest_of(token, strlen(token), sha256);
    struct store_token t = {
        .id = digest_uuid(id),
        .name = *body->name ? body->name : arena_printf(call->arena, "token-%.8s", id),
        .sha256 = sha256,
        .role = body->role,
        .sandbox = sandbox.name,
        .sandbox_id = sandbox.id,
        .created_by = call->who->name,
        .created_at_ms = clock_now_ms(),
    };
    t.expires_at_ms = body->expires_ms ? t.created_at_ms + body->expires_ms : 0;
    int rc = store_write(call->api->store, insert, &t, &call->err);
    if (rc == 0) {
        go_live(call, &t);
        tell(call, "created", &t);
        rc = api_reply(call, 201, encode(call, &t, token));
    }
    explicit_bzero(token, sizeof token);
    return rc;
}

int route_token_create(struct api_call *call)
{
    const struct doc_node *tree;
    void *decoded;
    if (api_body(call, BODY_MAX, &tree) != 0)
        return -1;
    if (schema_decode(&body_token_schema, tree, "", call->arena, &decoded, &call->problems) != 0)
        return error_set(&call->err, ERROR_INVALID, "the body is no request for a token: %s",
                         call->problems.items[0].message);
    const struct body_token *body = decoded;
    if (check_role(call, body->role) != 0 || check_end(call, body) != 0)
        return -1;
    api_keeps_secrets(call);
    return create(call, body);
}

/* ---- revocation ---- */

struct revocation {
    const char *token;
    struct arena *arena;
    struct store_token found;
};

static int remove_token(struct store_tx *tx, void *arg, struct error *err)
{
    struct revocation *r = arg;
    if (store_tx_token_get(tx, r->token, r->arena, &r->found, err) != 0)
        return -1;
    return store_tx_token_delete(tx, r->found.id, err);
}

int route_token_revoke(struct api_call *call)
{
    struct revocation r = {.token = api_param(call, "token"), .arena = call->arena};
    if (store_write(call->api->store, remove_token, &r, &call->err) != 0)
        return -1;
    auth_live_remove(call->api->auth.live, r.found.id);
    auth_leases_wake(call->api->auth.leases);
    tell(call, "revoked", &r.found);
    return api_reply(call, 200, encode(call, &r.found, NULL));
}

/* ---- GET /v1/whoami ---- */

int route_whoami(struct api_call *call)
{
    const struct auth_principal *who = call->who;
    json_t *permissions = json_array(), *own = json_array();
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++)
        if ((who->powers.all | who->powers.own) & UINT32_C(1) << i)
            json_array_append_new(permissions, json_string(auth_permission_word(i)));
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++)
        if (who->powers.own & UINT32_C(1) << i)
            json_array_append_new(own, json_string(auth_permission_word(i)));
    return api_reply(call, 200,
                     json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:o, s:o}", "name", who->name,
                               "role", who->powers.role, "identity",
                               auth_identity_word(who), "via", who->via, "from",
                               call->req->peer->text, "sandbox_id", *who->only ? who->only : NULL,
                               "permissions", permissions, "own_permissions", own));
}
