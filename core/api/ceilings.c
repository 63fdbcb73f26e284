/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/ceilings: what the policies of sandboxes must lie within. */
#include <stdio.h>
#include <string.h>

#include "api/change.h"
#include "api/routes.h"
#include "base/clock.h"
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
                              json_pack("{s:s, s:I, s:s, s:O, s:o}", "sandbox", sandbox,
                                        "revision", (json_int_t)r->revision, "hash", r->hash,
                                        "effect", r->effect_json, "warnings",
                                        update_problems_json(&r->warnings)));
}

static int set(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_ceiling_set(tx, arg, err);
}

static int write_ceiling(struct api_call *call, const char *selector, const struct policy *policy)
{
    struct store_ceiling ceiling = {
        .selector = selector,
        .policy_json = policy_json(policy),
        .hash = policy_hash(policy),
        .actor = call->who->name,
        .identity = auth_identity_word(call->who),
        .origin = call->who->origin,
        .at_ms = clock_now_ms(),
    };
    if (store_write(call->api->store, set, &ceiling, &call->err) != 0)
        return -1;
    log_info(call->api->log, "the ceiling for %s was set by %s (%s)",
             *selector ? selector : "every sandbox", call->who->name, call->who->origin);
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
    if (!policy || (!dry_run && write_ceiling(call, selector, policy) != 0)) {
        problems_free(&warnings);
        return -1;
    }
    struct outcome outcome = {json_array(), json_array()};
    const char *why = arena_printf(call->arena, "the ceiling for %s was set%s%s",
                                   *selector ? selector : "every sandbox",
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

static int delete_ceiling(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_ceiling_delete(tx, arg, err);
}

int route_ceiling_delete(struct api_call *call)
{
    const char *selector;
    if (read_selector(call, &selector) != 0)
        return -1;
    char *kept = arena_str(call->arena, selector);
    if (store_write(call->api->store, delete_ceiling, kept, &call->err) != 0)
        return -1;
    log_info(call->api->log, "the ceiling for %s was deleted by %s (%s)",
             *selector ? selector : "every sandbox", call->who->name, call->who->origin);
    return api_reply(call, 200, json_pack("{s:o}", "label", encode_label(selector)));
}
