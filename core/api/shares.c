/* SPDX-License-Identifier: Apache-2.0 */
/* With whom a sandbox is shared: /v1/sandboxes/{name}/shares/{with}. */
#include <stdlib.h>
#include <string.h>

#include "api/bodies.h"
#include "api/call.h"
#include "api/routes.h"
#include "auth/holders.h"
#include "auth/lease.h"
#include "runtime/record.h"

enum { SHARE_BYTES_MAX = 4096 };

static void shared(void *arg, const struct error *err)
{
    struct api_call *call = arg;
    const struct settings_change *change = call->then_arg;
    const char *holders = change->record.holders_json;
    call->status = 0;
    if (err) {
        call->err = *err;
    } else {
        char *owner = auth_holders_owner(holders);
        api_reply(call, 200, json_pack("{s:s, s:s, s:o}", "sandbox", change->sandbox, "owner",
                                       owner, "shares", auth_holders_shares(holders)));
        free(owner);
        auth_leases_wake(call->api->auth.leases);
    }
    api_finish(call);
}

static void change_share(struct api_call *call)
{
    runtime_set_settings(call->api->runtime, call->then_arg, shared, call);
}

static int begin(struct api_call *call, const char *role)
{
    struct sandbox_changes *changes = arena_zalloc(call->arena, sizeof *changes);
    struct settings_change *change = arena_zalloc(call->arena, sizeof *change);
    *changes = (struct sandbox_changes){.labels_json = "", .approval_mode = "",
                                        .share_with = api_param(call, "with"), .share_role = role};
    *change = (struct settings_change){.sandbox = api_param(call, "name"),
                                       .id = call->who->asked,
                                       .changes = changes,
                                       .actor = call->who->name,
                                       .arena = call->arena,
                                       .problems = &call->problems};
    call->then = change_share;
    call->then_arg = change;
    call->status = 200;
    return 0;
}

/* Nobody gives away what they may not do there themselves. */
static int check_role(struct api_call *call, enum auth_role role)
{
    uint32_t rights = auth_share_rights(role);
    for (unsigned i = AUTH_PERMISSION_FIRST; i < AUTH_PERMISSION_COUNT; i++)
        if (rights & UINT32_C(1) << i && !auth_may(call->who, i, call->who->asked))
            return error_set(&call->err, ERROR_FORBIDDEN,
                             "who has the role %s may do %s there, which you may not: share it in "
                             "another role, or ask an admin",
                             auth_role_word(role), auth_permission_word(i));
    return 0;
}

/* The longest name of a principal has 127 bytes. */
static int check_with(struct api_call *call)
{
    const char *with = api_param(call, "with");
    bool good = *with && strlen(with) < 128;
    for (const char *c = with; good && *c; c++)
        good = (unsigned char)*c >= ' ' && *c != 127;
    return good ? 0
                : error_set(&call->err, ERROR_INVALID,
                            "with whom? give the name that 'sluice whoami' shows them, of at most "
                            "127 bytes");
}

int route_share(struct api_call *call)
{
    const struct doc_node *body;
    void *decoded;
    enum auth_role role;
    if (check_with(call) != 0 || api_body(call, SHARE_BYTES_MAX, &body) != 0)
        return -1;
    call->tree = body;
    if (schema_decode(&body_share_schema, body, "", call->arena, &decoded, &call->problems) != 0)
        return error_set(&call->err, ERROR_INVALID, "%s", call->problems.items[0].message);
    const char *word = ((struct body_share *)decoded)->role;
    if (!auth_role_find(word, &role) || check_role(call, role) != 0)
        return -1;
    return begin(call, word);
}

int route_unshare(struct api_call *call)
{
    return begin(call, "");
}
