/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/ceilings: what the policies of sandboxes must lie within. */
#include <stdio.h>
#include <string.h>

#include "api/change.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "policy/check/check.h"

/* ?label=KEY=VALUE; "": every sandbox. */
static int read_selector(struct api_call *call, const char **out)
{
    size_t n = 0;
    *out = "";
    for (size_t i = 0; i < call->req->n_query; i++)
        if (strcmp(call->req->query[i].name, "label") == 0) {
            *out = call->req->query[i].value;
            n++;
        }
    if (n > 1)
        return error_set(&call->err, ERROR_MALFORMED,
                         "a ceiling has one label: set one for each of them");
    const char *equals = strchr(*out, '=');
    if (n && (!equals || equals == *out))
        return error_set(&call->err, ERROR_MALFORMED,
                         "query parameter label is KEY=VALUE, not '%s'", *out);
    return 0;
}

static json_t *encode_label(const char *selector)
{
    return *selector ? json_string(selector) : json_null();
}

static json_t *encode(struct api_call *call, const struct store_ceiling *c)
{
    return json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:o}", "label", encode_label(c->selector),
                     "hash", c->hash, "set_by", c->actor, "identity", c->identity, "origin",
                     c->origin, "at", api_time(call->arena, c->at_ms), "policy",
                     json_loads(c->policy_json, 0, NULL));
}

int route_ceiling_list(struct api_call *call)
{
    struct store_ceiling *all;
    size_t n;
    if (store_ceiling_list(call->api->store, call->arena, &all, &n, &call->err) != 0)
        return -1;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, encode(call, &all[i]));
    return api_reply(call, 200, json_pack("{s:o}", "ceilings", list));
}

/* ---- PUT ---- */

/* Static sections that are written limit nothing. */
static void warn_of_sections(const struct sluice_policy *model, struct problems *warnings)
{
    const struct {
        const char *name;
        bool written;
    } sections[] = {
        {"filesystem_policy", model->filesystem},
        {"landlock", model->landlock},
        {"process", model->process},
    };
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (sections[i].written)
            problems_add(warnings, sections[i].name, 0, 0,
                         "a ceiling limits what may be reached: this section limits nothing");
}

static struct policy *read_policy(struct api_call *call, struct problems *warnings)
{
    const struct doc_node *document;
    if (api_body(call, POLICY_BYTES_MAX, &document) != 0)
        return NULL;
    call->tree = document;
    struct policy *written = policy_keep(policy_decode(document, "", &call->problems), call->arena);
    if (written)
        warn_of_sections(policy_model(written), warnings);
    struct policy *whole =
        written ? policy_keep(policy_complete(written, NULL), call->arena) : NULL;
    if (whole && policy_check(whole, &call->problems, warnings) == 0)
        return whole;
    error_set(&call->err, ERROR_INVALID, "the ceiling has %zu problem%s", call->problems.n,
              call->problems.n == 1 ? "" : "s");
    return NULL;
}

struct outcome {
    json_t *changed, *failed;
};

static void add_sandbox(void *ctx, const char *sandbox, const struct update_result *r,
                        const struct error *err)
{
    struct outcome *out = ctx;
    if (!r)
        json_array_append_new(out->failed,
                              json_pack("{s:s, s:s}", "sandbox", sandbox, "why", err->text));
    else
        json_array_append_new(out->changed,
                              json_pack("{s:s, s:I, s:s, s:o, s:o}", "sandbox", sandbox,
                                        "revision", (json_int_t)r->revision, "hash", r->hash,
                                        "effect", update_effect_json(r->diff), "warnings",
                                        update_problems_json(&r->warnings)));
}

/* A ceiling that is set (policy_json) or deleted (NULL), and its record in the audit chain: one of
 * no sandbox, with the kind ceiling_set or ceiling_delete. */
struct ceiling_change {
    struct store_ceiling ceiling;
    struct store_decision decision;
    struct store *store;
    struct arena *arena;
};

static const char *shown(const char *selector)
{
    return *selector ? selector : "every sandbox";
}

/* The hash of the ceiling that there is, or "". */
static int find_hash(struct ceiling_change *c, struct error *err)
{
    struct store_ceiling *all;
    size_t n;
    if (store_ceiling_list(c->store, c->arena, &all, &n, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].selector, c->ceiling.selector) == 0)
            c->decision.base_hash = all[i].hash;
    return 0;
}

static int write_change(struct store_tx *tx, void *arg, struct error *err)
{
    struct ceiling_change *c = arg;
    struct store_decision record = c->decision;
    int rc = c->ceiling.policy_json ? store_tx_ceiling_set(tx, &c->ceiling, err)
                                    : store_tx_ceiling_delete(tx, c->ceiling.selector, err);
    return rc == 0 ? store_tx_decision_append(tx, &record, err) : -1;
}

static void describe_change(struct api_call *call, struct ceiling_change *c, const char *reason)
{
    const struct auth_principal *who = call->who;
    const char *selector = c->ceiling.selector;
    struct chain *chain = updates_chain(call->api->updates);
    char id[UUID_SIZE];
    bool set = c->ceiling.policy_json != NULL;
    c->decision = (struct store_decision){
        .id = arena_str(call->arena, digest_uuid(id)), .sandbox_id = "", .sandbox = "",
        .kind = set ? "ceiling_set" : "ceiling_delete", .outcome = "allowed", .actor = who->name,
        .role = who->powers.role, .via = who->via, .identity = c->ceiling.identity,
        .origin = c->ceiling.origin, .base_hash = "", .candidate_hash = set ? c->ceiling.hash : "",
        .candidate_json = set ? c->ceiling.policy_json : "", .votes_json = "[]",
        .diff_json = "{\"added\":[],\"removed\":[],\"changed\":[],\"static\":[]}",
        .warnings_json = "[]", .draft_id = "", .at_ms = c->ceiling.at_ms,
        .chain_digest = arena_str(call->arena, chain_digest(chain)),
        .reason = arena_printf(call->arena, "the ceiling for %s was %s%s%s", shown(selector),
                               set ? "set" : "deleted", reason && *reason ? ": " : "",
                               reason ? reason : ""),
    };
    updates_leave_chain(call->api->updates, chain);
}

/* policy NULL: it is deleted.  Fills the change. */
static int change_ceiling(struct api_call *call, const char *selector, const struct policy *policy,
                          const char *reason, struct ceiling_change *c)
{
    *c = (struct ceiling_change){
        .ceiling = {.selector = arena_str(call->arena, selector),
                    .policy_json = policy ? policy_json(policy) : NULL,
                    .hash = policy ? policy_hash(policy) : "", .actor = call->who->name,
                    .identity = auth_identity_word(call->who), .origin = call->who->origin,
                    .at_ms = clock_now_ms()},
        .store = call->api->store, .arena = call->arena};
    describe_change(call, c, reason);
    if (find_hash(c, &call->err) != 0 ||
        store_write(call->api->store, write_change, c, &call->err) != 0)
        return -1;
    log_info(call->api->log, "the ceiling for %s was %s by %s (%s)", shown(selector),
             policy ? "set" : "deleted", call->who->name, call->who->origin);
    return 0;
}

int route_ceiling_set(struct api_call *call)
{
    const char *selector, *reason;
    bool dry_run = api_flag(call->req, "dry_run");
    struct problems warnings = {0};
    if (read_selector(call, &selector) != 0 || api_reason(call, &reason) != 0)
        return -1;
    struct policy *policy = read_policy(call, &warnings);
    struct ceiling_change change;
    if (!policy || (!dry_run && change_ceiling(call, selector, policy, reason, &change) != 0)) {
        problems_free(&warnings);
        return -1;
    }
    struct outcome outcome = {json_array(), json_array()};
    const char *why = arena_printf(call->arena, "the ceiling for %s was set%s%s", shown(selector),
                                   reason && *reason ? ": " : "", reason ? reason : "");
    const struct update_ceiling trial = {selector, policy_model(policy)};
    const struct update_tightening t = {
        .actor = auth_actor(call->who), .account = call->who->account, .reason = why,
        .selector = selector, .dry_run = dry_run, .trial = dry_run ? &trial : NULL,
        .each = add_sandbox, .ctx = &outcome,
    };
    int rc = updates_tighten(call->api->updates, &t, &call->err);
    json_t *body = json_pack("{s:o, s:s, s:b, s:o, s:o, s:o}", "label", encode_label(selector),
                             "hash", policy_hash(policy), "dry_run", (int)dry_run, "changed",
                             outcome.changed, "failed", outcome.failed, "warnings",
                             update_problems_json(&warnings));
    problems_free(&warnings);
    if (rc == 0)
        return api_reply(call, 200, body);
    json_decref(body);
    return -1;
}

/* ---- DELETE ---- */

int route_ceiling_delete(struct api_call *call)
{
    const char *selector, *reason;
    struct ceiling_change change;
    if (read_selector(call, &selector) != 0 || api_reason(call, &reason) != 0 ||
        change_ceiling(call, selector, NULL, reason, &change) != 0)
        return -1;
    return api_reply(call, 200, json_pack("{s:o}", "label", encode_label(selector)));
}
