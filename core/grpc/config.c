/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and their revisions, and the settings that a sandbox has. */
#include <stdlib.h>
#include <string.h>

#include "grpc/page.h"
#include "grpc/work.h"
#include "runtime/record.h"

enum { REVISIONS_MAX = 10000 };

#define APPROVAL_MODE "proposal_approval_mode"
#define AGENT_PROPOSALS "agent_policy_proposals_enabled"

/* Settings that clients know and that have one value here. */
static const struct fixed_setting {
    const char *key;
    bool value;
    const char *why;
} fixed_settings[] = {
    {"providers_v2_enabled", true, "providers of this gateway always have profiles"},
    {"ocsf_json_enabled", false, "sandboxes of this gateway keep no log of OCSF records in JSON"},
};

enum { FIXED = sizeof fixed_settings / sizeof *fixed_settings };

/* ---- a revision ---- */

static void put_revision(struct doc_writer *w, const struct store_revision *r)
{
    doc_write_open(w, DOC_MAP);
    grpc_put_number(w, "version", r->revision);
    grpc_put_text(w, "policy_hash", r->hash);
    grpc_put_word(w, "status", r->status);
    grpc_put_text(w, "load_error", r->error);
    grpc_put_time(w, "created_at_ms", "created_time", r->created_at_ms);
    grpc_put_time(w, "loaded_at_ms", "loaded_time", r->loaded_at_ms);
    if (r->policy_json) {
        doc_write_key(w, "policy");
        doc_write_json(w, r->policy_json);
    }
    doc_write_close(w, DOC_MAP);
}

static int no_global(struct grpc_work *work)
{
    return error_set(&work->err, ERROR_NOT_FOUND, "no global policy revision found");
}

static int status(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    struct store_revision r;
    if (grpc_flag(work, "global"))
        return grpc_judge(work, NULL) == 0 ? no_global(work) : -1;
    if (grpc_find_sandbox(work, "sandbox", &s) != 0)
        return -1;
    if (store_revision_get(work->grpc->store, s.id, grpc_number(work, "version"), work->arena, &r,
                           &work->err) != 0)
        return work->err.kind == ERROR_NOT_FOUND
                   ? error_set(&work->err, ERROR_NOT_FOUND, "policy revision not found")
                   : -1;
    doc_write_key(w, "revision");
    put_revision(w, &r);
    grpc_put_number(w, "active_version", s.loaded_revision);
    return 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Only the newest are listed, however far a client counts. */
static int list(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    struct store_revision *items = NULL;
    size_t n = 0, offset, limit;
    bool global = grpc_flag(work, "global");
    if ((global ? grpc_judge(work, NULL) : grpc_find_sandbox(work, "sandbox", &s)) != 0 ||
        grpc_page(work, &offset, &limit) != 0 ||
        (!global && store_revision_list(work->grpc->store, s.id, 0,
                                        smaller(offset + limit + 1, REVISIONS_MAX), work->arena,
                                        &items, &n, &work->err) != 0))
        return -1;
    doc_write_key(w, "revisions");
    doc_write_open(w, DOC_LIST);
    for (size_t i = offset; i < n && i < offset + limit; i++)
        put_revision(w, &items[i]);
    doc_write_close(w, DOC_LIST);
    if (n > offset + limit)
        grpc_put_next_page(w, offset + limit);
    return 0;
}

/* ---- GetSandboxConfig ---- */

static void put_setting(struct doc_writer *w, const char *key, const char *kind, const char *value)
{
    doc_write_key(w, key);
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "value");
    doc_write_open(w, DOC_MAP);
    if (value) {
        doc_write_key(w, kind);
        if (strcmp(kind, "bool_value") == 0)
            doc_write_literal(w, value);
        else
            doc_write_text(w, value);
    }
    doc_write_close(w, DOC_MAP);
    if (value)
        grpc_put_text(w, "scope", "SANDBOX");
    doc_write_close(w, DOC_MAP);
}

/* Clients expect all that they know of. */
static void put_settings(struct doc_writer *w, const struct store_sandbox *s)
{
    doc_write_key(w, "settings");
    doc_write_open(w, DOC_MAP);
    put_setting(w, APPROVAL_MODE, "string_value", s->approval_mode);
    put_setting(w, AGENT_PROPOSALS, "bool_value",
                s->agent_proposals ? "true" : "false");
    for (size_t i = 0; i < FIXED; i++)
        put_setting(w, fixed_settings[i].key, "bool_value", NULL);
    doc_write_close(w, DOC_MAP);
}

static int get(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    struct store_revision r;
    if (grpc_find_sandbox(work, "name", &s) != 0 ||
        store_revision_get(work->grpc->store, s.id, 0, work->arena, &r, &work->err) != 0)
        return -1;
    doc_write_key(w, "policy");
    doc_write_json(w, r.policy_json);
    grpc_put_number(w, "version", r.revision);
    grpc_put_text(w, "policy_hash", r.hash);
    put_settings(w, &s);
    grpc_put_number(w, "config_revision", r.revision);
    grpc_put_text(w, "policy_source", "SANDBOX");
    grpc_put_text(w, "workspace", s.workspace);
    doc_write_key(w, "configuration_admitted");
    doc_write_bool(w, true);
    return 0;
}

/* The gateway has no settings of its own: nobody has set one, and what is fixed cannot be. */
static int get_gateway(struct grpc_work *work, struct doc_writer *w)
{
    const char *keys[2 + FIXED] = {APPROVAL_MODE, AGENT_PROPOSALS};
    (void)work;
    for (size_t i = 0; i < FIXED; i++)
        keys[2 + i] = fixed_settings[i].key;
    doc_write_key(w, "settings");
    doc_write_open(w, DOC_MAP);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        doc_write_key(w, keys[i]);
        doc_write_open(w, DOC_MAP);
        doc_write_close(w, DOC_MAP);
    }
    doc_write_close(w, DOC_MAP);
    return 0;
}

/* ---- UpdateConfig ---- */

static void begin_update(struct grpc_work *work, const struct store_sandbox *s,
                         enum sluice_kind kind, struct update_request *out)
{
    *out = (struct update_request){
        .kind = kind,
        .sandbox = s->name,
        .actor = auth_actor(&work->who),
        .account = work->who.account,
        .document_path = "policy",
        .if_revision = grpc_number(work, "expected_resource_version"),
    };
}

/* The operations have the names and members of those of PATCH …/policy. */
static int read_operations(struct grpc_work *work, const struct doc_node *list,
                           struct policy_operations *out)
{
    struct doc_tree_writer tree;
    struct doc_writer *w = doc_tree_writer(&tree, work->arena, &work->problems);
    tree.build.depth_max = DOC_DEPTH_MAX + DOC_AROUND;
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "operations");
    doc_write_tree(w, list);
    doc_write_close(w, DOC_MAP);
    const struct doc_node *body = doc_tree_writer_end(&tree);
    if (body && policy_operations_decode(body, work->arena, out, &work->problems) == 0)
        return 0;
    return error_set(&work->err, ERROR_INVALID, "the operations cannot be read");
}

static int run_update(struct grpc_work *work, const struct store_sandbox *s,
                      const struct doc_node *policy, const struct doc_node *operations,
                      struct doc_writer *w)
{
    struct policy_operations read;
    struct update_request request;
    struct update_result result;
    begin_update(work, s, policy ? SLUICE_REPLACE : SLUICE_MERGE, &request);
    request.document = policy;
    if (operations && read_operations(work, operations, &read) != 0)
        return -1;
    request.operations = operations ? &read : NULL;
    if (update_run(work->grpc->updates, &request, work->arena, &result, &work->problems,
                   &work->err) != 0) {
        if (work->err.kind == ERROR_MOVED)
            grpc_tell_version(work, result.base_revision);
        return -1;
    }
    if (grpc_check_outcome(work, &result) != 0)
        return -1;
    grpc_put_number(w, "version", result.revision);
    grpc_put_text(w, "policy_hash", result.hash);
    return 0;
}

static const struct fixed_setting *find_fixed(const struct grpc_work *work)
{
    for (size_t i = 0; i < FIXED; i++)
        if (strcmp(fixed_settings[i].key, grpc_text(work, "setting_key")) == 0)
            return &fixed_settings[i];
    return NULL;
}

/* Exactly one thing is changed. */
static int check_shape(struct grpc_work *work, const struct doc_node *policy,
                       const struct doc_node *operations)
{
    bool setting = *grpc_text(work, "setting_key");
    int things = (policy != NULL) + (operations && operations->n) + setting;
    if (things > 1)
        return error_set(&work->err, ERROR_MALFORMED,
                         "policy, setting_key, and merge_operations are mutually exclusive");
    if (!things)
        return error_set(&work->err, ERROR_MALFORMED,
                         "one of policy, setting_key, or merge_operations must be provided");
    if (grpc_flag(work, "global") && !find_fixed(work))
        return error_set(&work->err, ERROR_UNSUPPORTED,
                         "this gateway has no global policy and no global settings: name a "
                         "sandbox");
    return 0;
}

/* ---- settings ---- */

static int check_value(struct grpc_work *work, const char *kind, const struct doc_node **out)
{
    const struct doc_node *value = doc_get(work->request, "setting_value");
    *out = value ? doc_get(value, kind) : NULL;
    if (*out || grpc_flag(work, "delete_setting"))
        return 0;
    if (!value)
        return error_set(&work->err, ERROR_MALFORMED, "setting_value is required");
    return error_set(&work->err, ERROR_MALFORMED, "setting '%s' takes a %s",
                     grpc_text(work, "setting_key"), kind);
}

/* One that is deleted has its default again. */
static int read_setting(struct grpc_work *work, struct sandbox_changes *out)
{
    const char *key = grpc_text(work, "setting_key");
    const struct doc_node *value;
    *out = (struct sandbox_changes){.approval_mode = "", .labels_json = ""};
    if (strcmp(key, APPROVAL_MODE) == 0) {
        if (check_value(work, "string_value", &value) != 0)
            return -1;
        out->approval_mode = value ? value->text : "manual";
        return 0;
    }
    if (strcmp(key, AGENT_PROPOSALS) == 0) {
        if (check_value(work, "bool_value", &value) != 0)
            return -1;
        out->has_proposals = true;
        out->agent_proposals = value && strcmp(value->text, "true") == 0;
        return 0;
    }
    return error_set(&work->err, ERROR_MALFORMED,
                     "unknown setting '%.100s': this gateway has " APPROVAL_MODE
                     " and " AGENT_PROPOSALS, key);
}

/* What it is may be asked for. */
static int update_fixed(struct grpc_work *work, const struct fixed_setting *setting,
                        struct doc_writer *w)
{
    struct store_sandbox s = {.revision = 0};
    const struct doc_node *value;
    if ((grpc_flag(work, "global")
             ? grpc_judge(work, NULL)
             : grpc_find_sandbox_to(work, "sandbox", AUTH_SANDBOX_CREATE, &s)) != 0 ||
        check_value(work, "bool_value", &value) != 0)
        return -1;
    if (value && (strcmp(value->text, "true") == 0) != setting->value)
        return error_set(&work->err, ERROR_STATE, "setting '%s' is %s here and cannot be changed: "
                         "%s", setting->key, setting->value ? "true" : "false", setting->why);
    grpc_put_number(w, "version", s.revision);
    grpc_put_number(w, "settings_revision", s.revision);
    return 0;
}

static int put_changed_setting(struct grpc_work *work, struct doc_writer *w)
{
    const struct settings_change *change = work->then_arg;
    grpc_put_number(w, "version", change->record.revision);
    grpc_put_number(w, "settings_revision", change->record.revision);
    if (grpc_flag(work, "delete_setting")) {
        doc_write_key(w, "deleted");
        doc_write_bool(w, true);
    }
    return 0;
}

static void setting_changed(void *arg, const struct error *err)
{
    struct grpc_work *work = arg;
    if (err)
        grpc_work_fail(work, err);
    else
        grpc_work_again(work, put_changed_setting);
}

static void change_setting(struct grpc_work *work)
{
    runtime_set_settings(work->grpc->runtime, work->then_arg, setting_changed, work);
}

static int update_setting(struct grpc_work *work)
{
    struct store_sandbox s;
    struct sandbox_changes *changes = arena_zalloc(work->arena, sizeof *changes);
    struct settings_change *change = arena_zalloc(work->arena, sizeof *change);
    /* As the API asks for it: settings are not the policy. */
    if (grpc_find_sandbox_to(work, "sandbox", AUTH_SANDBOX_CREATE, &s) != 0 ||
        read_setting(work, changes) != 0)
        return -1;
    *change = (struct settings_change){.sandbox = s.name,
                                       .id = s.id,
                                       .changes = changes,
                                       .actor = work->who.name,
                                       .arena = work->arena,
                                       .problems = &work->problems};
    work->then = change_setting;
    work->then_arg = change;
    return 0;
}

static int update(struct grpc_work *work, struct doc_writer *w)
{
    const struct doc_node *policy = doc_get(work->request, "policy"),
                          *operations = doc_get(work->request, "merge_operations");
    struct store_sandbox s;
    if (check_shape(work, policy, operations) != 0)
        return -1;
    if (find_fixed(work))
        return update_fixed(work, find_fixed(work), w);
    if (*grpc_text(work, "setting_key"))
        return update_setting(work);
    if (grpc_find_sandbox(work, "sandbox", &s) != 0)
        return -1;
    return run_update(work, &s, policy, operations, w);
}

static const struct grpc_method methods[] = {
    READ_ONE("GetSandboxConfig", AUTH_POLICY_READ, get),
    READ("GetGatewayConfig", AUTH_GATEWAY_READ, get_gateway),
    CHANGE_ONE("UpdateConfig", AUTH_POLICY_CHANGE, update),
    READ_ONE("GetSandboxPolicyStatus", AUTH_POLICY_READ, status),
    READ_ONE("ListSandboxPolicies", AUTH_POLICY_READ, list),
};

const struct grpc_methods grpc_config_methods = {OPENSHELL_SERVICE, methods,
                                                 sizeof methods / sizeof *methods};
