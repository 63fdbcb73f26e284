/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/providers, and what a sandbox has of them.  No answer, event or error has a value. */
#include <string.h>

#include "api/bodies.h"
#include "api/call.h"
#include "api/routes.h"
#include "runtime/credentials/refresh.h"
#include "secret/profile.h"

enum { BODY_MAX = 256 * 1024 };

/* ---- answers ---- */

static json_t *encode_endpoints(const char *profile_name)
{
    const struct secret_profile *profile = secret_profile_find(profile_name);
    json_t *list = json_array();
    for (const struct secret_place *p = profile ? profile->places : NULL; p && p->host; p++)
        json_array_append_new(list, json_sprintf("%s:%u", p->host, p->port));
    return list;
}

/* NULL: its values are given. */
static json_t *encode_refresh(struct api_call *call, const struct provider_facts *facts)
{
    struct refresh_status status;
    struct error err;
    if (!facts->refresh)
        return NULL;
    json_t *parts = providers_parts(call->api->providers, facts, &err);
    refresher_status(call->api->refresher, facts->provider.id, &status);
    json_t *json = json_pack("{s:s?, s:s, s:s, s:i, s:s?, s:s?, s:s?}", "strategy",
                             json_string_value(json_object_get(parts, "strategy")), "status",
                             status.word, "last_error", status.error, "failures",
                             (int)status.failures, "last_refresh_at",
                             api_time(call->arena, status.last_ms), "next_refresh_at",
                             api_time(call->arena, status.next_ms), "expires_at",
                             api_time(call->arena, status.expires_ms));
    json_decref(parts);
    return json;
}

static json_t *encode(struct api_call *call, const struct provider_facts *facts)
{
    const struct store_provider *p = &facts->provider;
    json_t *names = json_array(), *sandboxes = json_array();
    for (size_t i = 0; i < facts->n_credentials; i++)
        json_array_append_new(names, json_string(facts->credentials[i].name));
    for (size_t i = 0; i < facts->n_attachments; i++)
        json_array_append_new(sandboxes, json_string(facts->attachments[i].sandbox));
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:s, s:s?, s:o*, s:[]}", "name", p->name,
                     "id",
                     p->id, "profile", p->profile, "credentials", names, "endpoints",
                     encode_endpoints(p->profile), "sandboxes", sandboxes, "rotations",
                     (json_int_t)p->rotations, "created_at",
                     api_time(call->arena, p->created_at_ms), "rotated_at",
                     api_time(call->arena, p->rotated_at_ms), "refresh",
                     encode_refresh(call, facts), "unconfirmed");
}

static int reply(struct api_call *call, const char *name, int status, struct provider_facts *facts)
{
    if (providers_get(call->api->providers, name, call->arena, facts, &call->err) != 0)
        return -1;
    return api_reply(call, status, encode(call, facts));
}

int route_provider_list(struct api_call *call)
{
    struct store_provider *list;
    size_t n;
    if (store_provider_list(call->api->store, call->arena, &list, &n, &call->err) != 0)
        return -1;
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++) {
        struct provider_facts facts;
        struct error gone;
        if (providers_get(call->api->providers, list[i].name, call->arena, &facts, &gone) == 0)
            json_array_append_new(all, encode(call, &facts));
    }
    return api_reply(call, 200, json_pack("{s:o}", "providers", all));
}

int route_provider_get(struct api_call *call)
{
    struct provider_facts facts;
    return reply(call, api_param(call, "provider"), 200, &facts);
}

/* ---- changes ---- */

static void note_unconfirmed(void *arg, const char *why)
{
    struct api_call *call = arg;
    json_array_append_new(json_object_get(call->body, "unconfirmed"), json_string(why));
}

static void told(void *arg, const struct error *err)
{
    (void)err;
    api_finish(arg);
}

static void tell(struct api_call *call)
{
    refresher_look(call->api->refresher);
    runtime_tell_provider(call->api->runtime, call->then_arg, told, call);
}

/* The answer waits until sandboxes use what was changed. */
static void tell_of(struct api_call *call, const struct provider_facts *facts, const char *what,
                    const struct store_sandbox *one)
{
    struct provider_change *change =
        providers_change(facts, what, call->who->name, one, call->arena);
    change->unconfirmed = note_unconfirmed;
    call->then_arg = change;
    call->then = tell;
}

/* ---- values in a request ---- */

/* The body's bytes are overwritten once they are decoded.  Errors of YAML would quote them. */
static int read_values(struct api_call *call, const struct schema *schema,
                       struct body_provider **out)
{
    enum doc_format format = DOC_JSON;
    const struct doc_node *tree;
    void *body = NULL;
    int rc = api_body_format(call->req, &format, &call->err);
    if (rc == 0 && format != DOC_JSON)
        rc = error_set(&call->err, ERROR_MEDIA_TYPE, "credentials are sent as application/json");
    if (rc == 0)
        rc = api_body(call, BODY_MAX, &tree);
    if (rc == 0 && schema_decode(schema, tree, "", call->arena, &body, &call->problems) != 0)
        rc = error_set(&call->err, ERROR_INVALID, "the body is no %s: %s", schema->name,
                       call->problems.items[0].message);
    if (call->req->body.data)
        explicit_bzero(call->req->body.data, call->req->body.len);
    *out = body;
    return rc;
}

static int create(struct api_call *call, const struct body_provider *body)
{
    const struct providers *p = call->api->providers;
    if (!body->refresh.n)
        return providers_create(p, body->name, body->profile, &body->credentials, call->arena,
                                &call->err);
    if (body->credentials.n)
        return error_set(&call->err, ERROR_INVALID,
                         "credentials are given or fetched: leave out one of both");
    return providers_create_fetched(p, body->name, body->profile, &body->refresh, call->arena,
                                    &call->err);
}

int route_provider_create(struct api_call *call)
{
    struct body_provider *body;
    struct provider_facts facts;
    api_keeps_secrets(call);
    if (read_values(call, &body_provider_schema, &body) != 0 ||
        create(call, body) != 0)
        return -1;
    if (reply(call, body->name, 201, &facts) != 0)
        return -1;
    tell_of(call, &facts, "created", NULL);
    return 0;
}

int route_provider_rotate(struct api_call *call)
{
    struct body_provider *body;
    struct provider_facts facts;
    const char *name = api_param(call, "provider");
    api_keeps_secrets(call);
    if (read_values(call, &body_rotation_schema, &body) != 0 ||
        providers_rotate(call->api->providers, name, &body->credentials, call->arena,
                         &call->err) != 0)
        return -1;
    if (reply(call, name, 200, &facts) != 0)
        return -1;
    tell_of(call, &facts, "rotated", NULL);
    return 0;
}

int route_provider_delete(struct api_call *call)
{
    struct provider_facts facts;
    const char *name = api_param(call, "provider");
    if (reply(call, name, 200, &facts) != 0)
        return -1;
    if (providers_delete(call->api->providers, name, call->arena, &call->err) != 0) {
        json_decref(call->body);
        call->body = NULL;
        return -1;
    }
    tell_of(call, &facts, "deleted", NULL);
    return 0;
}

typedef int change_attachment(const struct providers *p, const char *name,
                              const struct store_sandbox *sandbox, struct arena *arena,
                              struct error *err);

static int change(struct api_call *call, change_attachment *fn, const char *what)
{
    struct store_sandbox sandbox;
    struct provider_facts facts;
    const char *name = api_param(call, "provider");
    if (api_sandbox(call, &sandbox) != 0 ||
        fn(call->api->providers, name, &sandbox, call->arena, &call->err) != 0 ||
        reply(call, name, 200, &facts) != 0)
        return -1;
    tell_of(call, &facts, what, &sandbox);
    return 0;
}

int route_provider_attach(struct api_call *call)
{
    return change(call, providers_attach, "attached");
}

int route_provider_detach(struct api_call *call)
{
    return change(call, providers_detach, "detached");
}
