/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints that let a program do what it did at one host and port. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/glob.h"
#include "policy/learn/learn_parts.h"

/* An endpoint in the making: the items that the same endpoint of the ceiling treats, and, where
 * rules name no paths, that have the same path. */
struct draft {
    const struct sluice_endpoint *model;
    const char *path;
    bool calls;                                     /* judged by calls, or by messages */
    struct learn_item **items;
    size_t n, room;
};

struct drafts {
    struct draft *items;
    size_t n, room;
};

struct entry {
    struct sluice_l7_rule *rule;
    struct policy_evidence evidence;
};

struct making {
    struct learn_run *run;
    struct learn_place *place;
    struct policy_decision decision;                /* of the ceiling about the connection */
    struct policy_candidates candidates;
    struct arena *arena;
};

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

/* ---- how the ceiling treats what was recorded ---- */

static int refuse(const struct making *m, const struct learn_item *item, struct error *err)
{
    return error_set(err, ERROR_INVALID,
                     "the ceiling does not allow what is on record: %s; give another one with "
                     "--ceiling, or learn from another time with --from and --to",
                     policy_seen_name(item->seen, m->arena));
}

static bool judges_calls(const struct sluice_endpoint *e)
{
    return policy_always_has_calls(e) || is(e->protocol, "websocket");
}

/* A call may be on record in the words of another protocol, by another policy.  False: it has none
 * of this one's. */
static bool fit_call(struct learn_item *item)
{
    const char *protocol = item->model->protocol;
    item->has_call &= judges_calls(item->model);
    if (is(protocol, "json-rpc"))
        item->call.tool = "";
    bool rpc = is(protocol, "json-rpc") || is(protocol, "mcp");
    return !item->has_call || *(rpc ? item->call.method : item->call.type);
}

static int judge(const struct making *m, struct learn_item *item, struct error *err)
{
    struct policy_http_decision decision = {.allowed = true, .endpoint = m->decision.endpoint};
    if (item->kind == LEARN_BYTES && m->candidates.n)
        return refuse(m, item, err);
    if (item->kind == LEARN_REQUEST && m->candidates.n)
        decision = learn_decide(&m->candidates, item);
    item->model = decision.endpoint;
    return decision.allowed && fit_call(item) ? 0 : refuse(m, item, err);
}

static bool is_plain(const struct sluice_endpoint *e)
{
    return !*e->protocol || is(e->protocol, "tcp");
}

/* ---- the endpoint ---- */

/* Without what lets every method pass. */
static const struct sluice_mcp *narrow_mcp(const struct sluice_mcp *mcp, struct arena *arena)
{
    if (!mcp || (mcp->strict_tool_names && !mcp->max_body_bytes))
        return NULL;
    struct sluice_mcp *narrow = arena_alloc(arena, sizeof *narrow);
    *narrow = *mcp;
    narrow->allow_all_known_mcp_methods = false;
    return narrow;
}

/* The connection's endpoint says which addresses the host may stand for. */
static struct sluice_endpoint *like(const struct making *m, const struct sluice_endpoint *model)
{
    const struct sluice_endpoint *connection = m->decision.endpoint;
    struct sluice_endpoint *e = arena_alloc(m->arena, sizeof *e);
    uint16_t *port = arena_alloc(m->arena, sizeof *port);
    *e = *model;
    *port = m->place->connection.port;
    e->doc_path = "";
    e->host = m->place->connection.host;
    e->ports = port;
    e->n_ports = 1;
    e->path = e->access = e->enforcement = "";
    e->rules = e->deny_rules = NULL;
    e->n_rules = e->n_deny_rules = 0;
    e->tls = is(connection->tls, "skip") ? "skip" : "";
    e->allowed_ips = connection->allowed_ips;
    e->n_allowed_ips = connection->n_allowed_ips;
    e->public_only = !e->n_allowed_ips && !m->decision.exact_host;
    e->mcp = narrow_mcp(e->mcp, m->arena);
    return e;
}

static struct sluice_l7_rule *make_rule(const char *method, const char *path, struct arena *arena)
{
    struct sluice_l7_rule *rule = arena_zalloc(arena, sizeof *rule);
    *rule = (struct sluice_l7_rule){.size = sizeof *rule, .doc_path = "", .method = method,
                                    .path = path, .command = "", .operation_type = "",
                                    .operation_name = ""};
    return rule;
}

static struct learn_endpoint *add(const struct making *m, struct learn_endpoints *out,
                                  struct sluice_endpoint *e)
{
    out->items = arena_grow(m->arena, out->items, out->n, &out->room, sizeof *out->items);
    out->items[out->n] = (struct learn_endpoint){.endpoint = e};
    return &out->items[out->n++];
}

static void count_place(const struct making *m, struct learn_endpoint *endpoint)
{
    for (size_t i = 0; i < m->place->n; i++)
        learn_count(&endpoint->evidence, &m->place->items[i].seen->evidence);
}

/* The connection alone: its bytes are not looked at. */
static void add_uninspected(const struct making *m, struct learn_endpoints *out)
{
    count_place(m, add(m, out, like(m, m->decision.endpoint)));
}

/* All endpoints of a host and port have to agree in it. */
static bool keeps_slash(const struct making *m)
{
    const struct policy_request *at = &m->place->connection;
    for (size_t i = 0; i < m->run->n_slashed; i++)
        if (m->run->slashed[i]->port == at->port && is(m->run->slashed[i]->host, at->host))
            return true;
    return false;
}

/* It may be opened, and no request is on record. */
static void add_silent(const struct making *m, struct learn_endpoints *out)
{
    struct sluice_endpoint *e = like(m, m->decision.endpoint);
    const struct sluice_l7_rule **deny = arena_alloc(m->arena, sizeof *deny);
    deny[0] = make_rule("*", "**", m->arena);
    e->protocol = "rest";
    e->enforcement = "enforce";
    e->allow_encoded_slash = keeps_slash(m);
    e->access = "read-only";
    e->deny_rules = deny;
    e->n_deny_rules = 1;
    count_place(m, add(m, out, e));
}

/* ---- entries ---- */

static const struct sluice_matcher *const *only_tool(const char *tool, struct arena *arena)
{
    const struct sluice_matcher **params = arena_alloc(arena, sizeof *params);
    struct sluice_matcher *name = arena_zalloc(arena, sizeof *name);
    const char **any = arena_alloc(arena, sizeof *any);
    any[0] = tool;
    *name = (struct sluice_matcher){.size = sizeof *name, .key = "name", .any = any, .n_any = 1};
    params[0] = name;
    return params;
}

static struct sluice_l7_rule *call_rule(const struct policy_call *call, struct arena *arena)
{
    struct sluice_l7_rule *rule = make_rule(call->method, "", arena);
    rule->operation_type = call->type;
    rule->operation_name = call->name;
    rule->fields = call->n_fields ? call->fields : NULL;
    rule->n_fields = call->n_fields;
    rule->params = *call->tool ? only_tool(call->tool, arena) : NULL;
    rule->n_params = *call->tool ? 1 : 0;
    return rule;
}

static bool same_call(const struct learn_item *a, const struct learn_item *b)
{
    if (!a->has_call || !b->has_call)
        return a->has_call == b->has_call;
    return is(a->seen->operation, b->seen->operation) && is(a->seen->field, b->seen->field) &&
           is(a->seen->rpc_method, b->seen->rpc_method) && is(a->seen->tool, b->seen->tool);
}

/* Items are in order, so that those with the same entry follow each other, where HEAD is GET. */
static bool same_entry(const struct learn_item *a, const char *path_a, const struct learn_item *b,
                       const char *path_b)
{
    return is(path_a, path_b) && policy_method_match(a->method, b->method) && same_call(a, b);
}

struct entries {
    struct entry *items;
    size_t n;
};

static void put_entry(const struct making *m, struct entries *entries,
                      const struct learn_item *item, const char *path)
{
    struct sluice_l7_rule *rule =
        item->has_call ? call_rule(&item->call, m->arena) : make_rule(item->method, path, m->arena);
    entries->items[entries->n++] = (struct entry){rule, item->seen->evidence};
}

/* A pattern and its item, to be put in order. */
struct shaped {
    const struct learn_item *item;
    const char *path;
};

static int by_path_and_method(const void *left, const void *right)
{
    const struct shaped *a = left, *b = right;
    int order = strcmp(a->path, b->path);
    return order ? order : learn_method_order(a->item->method, b->item->method);
}

/* For any sandbox. */
static const char *general(const struct making *m, const char *path)
{
    const struct policy_learning *learning = m->run->learning;
    if (!learning->general || m->run->literal)
        return path;
    const char *pattern = learning->general(path, m->arena);
    m->run->generalised |= !is(pattern, path);
    return pattern;
}

static struct shaped *shape(const struct making *m, const struct draft *draft)
{
    struct shaped *shaped = arena_alloc(m->arena, draft->n * sizeof *shaped);
    const char **paths = arena_alloc(m->arena, draft->n * sizeof *paths);
    const char **patterns = arena_alloc(m->arena, draft->n * sizeof *patterns);
    for (size_t i = 0; i < draft->n; i++)
        paths[i] = draft->items[i]->seen->path;
    learn_generalise(paths, draft->n, draft->calls ? 0 : m->run->learning->max_paths, m->arena,
                     patterns);
    for (size_t i = 0; i < draft->n; i++)
        shaped[i] = (struct shaped){draft->items[i], general(m, patterns[i])};
    if (!draft->calls)
        qsort(shaped, draft->n, sizeof *shaped, by_path_and_method);
    return shaped;
}

static bool any_operation(const struct draft *draft)
{
    for (size_t i = 0; i < draft->n; i++)
        if (draft->items[i]->has_call)
            return true;
    return false;
}

/* What has no call is let through with an endpoint of calls, as are control messages with one of
 * operations in messages. */
static bool needs_entry(const struct draft *draft, const struct learn_item *item, bool operations)
{
    if (item->has_call || !draft->calls)
        return true;
    bool message = is(item->method, POLICY_WEBSOCKET_TEXT);
    return is(draft->model->protocol, "websocket") && !(operations && message);
}

static struct entries make_entries(const struct making *m, const struct draft *draft)
{
    struct shaped *shaped = shape(m, draft);
    struct entries entries = {arena_alloc(m->arena, (draft->n + 1) * sizeof *entries.items), 0};
    const struct shaped *last = NULL;
    bool operations = any_operation(draft);
    for (size_t i = 0; i < draft->n; i++) {
        const struct shaped *s = &shaped[i];
        if (!needs_entry(draft, s->item, operations))
            continue;
        if (last && same_entry(last->item, last->path, s->item, s->path)) {
            learn_count(&entries.items[entries.n - 1].evidence, &s->item->seen->evidence);
            continue;
        }
        put_entry(m, &entries, s->item, s->path);
        last = s;
    }
    return entries;
}

/* A rule for an operation without a name, or with more fields, may take another's. */
static bool covers(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule,
                   const struct sluice_l7_rule *other)
{
    const struct policy_call call = {.type = other->operation_type, .name = other->operation_name,
                                     .fields = other->fields, .n_fields = other->n_fields,
                                     .method = other->method,
                                     .tool = other->n_params ? other->params[0]->any[0] : ""};
    bool about_calls = !*rule->path && !*other->path;
    return about_calls && policy_rule_takes_call(e, rule, &call, false);
}

static void drop_covered(const struct sluice_endpoint *e, struct entries *entries)
{
    for (size_t i = 0; i < entries->n;) {
        size_t by = 0;
        while (by < entries->n &&
               (by == i || !covers(e, entries->items[by].rule, entries->items[i].rule)))
            by++;
        if (by == entries->n) {
            i++;
            continue;
        }
        learn_count(&entries->items[by].evidence, &entries->items[i].evidence);
        memmove(&entries->items[i], &entries->items[i + 1],
                (--entries->n - i) * sizeof *entries->items);
    }
}

/* ---- what the ceiling denies ---- */

static bool may_meet(const struct sluice_l7_rule *deny, const struct entries *entries)
{
    if (!policy_rule_is_about_requests(deny))
        return true;
    for (size_t i = 0; i < entries->n; i++) {
        const struct sluice_l7_rule *rule = entries->items[i].rule;
        if (*rule->path &&
            (policy_method_match(deny->method, rule->method) ||
             policy_method_match(rule->method, deny->method)) &&
            (is(deny->path, "**") || glob_overlap(deny->path, rule->path, '/', 0, NULL)))
            return true;
    }
    return false;
}

/* What a pattern of ours, or any query, might let through.  An endpoint that only audits lets pass
 * what it denies. */
static void copy_denials(const struct making *m, const struct sluice_endpoint *model,
                         struct sluice_endpoint *e, const struct entries *entries)
{
    const struct sluice_l7_rule **rules = NULL;
    size_t room = 0;
    for (size_t i = 0; is(model->enforcement, "enforce") && i < m->candidates.n; i++) {
        const struct sluice_endpoint *of = m->candidates.items[i].endpoint;
        for (size_t j = 0; is(of->protocol, e->protocol) && j < of->n_deny_rules; j++) {
            if (!may_meet(of->deny_rules[j], entries))
                continue;
            rules = arena_grow(m->arena, rules, e->n_deny_rules, &room, sizeof *rules);
            rules[e->n_deny_rules++] = of->deny_rules[j];
        }
    }
    e->deny_rules = rules;
}

/* ---- drafts ---- */

static struct draft *find_draft(const struct making *m, struct drafts *drafts,
                                const struct learn_item *item)
{
    const struct sluice_endpoint *model = item->model;
    bool calls = judges_calls(model);
    const char *path = calls ? general(m, item->seen->path) : is_plain(model) ? "" : model->path;
    for (size_t i = drafts->n; i > 0; i--)
        if (drafts->items[i - 1].model == model && is(drafts->items[i - 1].path, path))
            return &drafts->items[i - 1];
    drafts->items = arena_grow(m->arena, drafts->items, drafts->n, &drafts->room,
                               sizeof *drafts->items);
    drafts->items[drafts->n] = (struct draft){.model = model, .path = path, .calls = calls};
    return &drafts->items[drafts->n++];
}

static struct drafts make_drafts(const struct making *m)
{
    struct drafts drafts = {0};
    for (size_t i = 0; i < m->place->n; i++) {
        struct learn_item *item = &m->place->items[i];
        if (item->kind != LEARN_REQUEST)
            continue;
        struct draft *draft = find_draft(m, &drafts, item);
        draft->items = arena_grow(m->arena, draft->items, draft->n, &draft->room,
                                  sizeof *draft->items);
        draft->items[draft->n++] = item;
    }
    return drafts;
}

static void leave_out(struct learn_run *run, struct learn_item *item, const char *why)
{
    run->left_out[run->n_left_out++] = (struct policy_left_out){item->seen, why};
    item->seen = NULL;
}

static void add_draft(const struct making *m, const struct draft *draft,
                      struct learn_endpoints *out)
{
    struct sluice_endpoint *e = like(m, draft->model);
    struct entries entries = make_entries(m, draft);
    const struct sluice_l7_rule **rules = arena_alloc(m->arena, (entries.n + 1) * sizeof *rules);
    e->path = draft->path;
    e->protocol = is_plain(draft->model) ? "rest" : draft->model->protocol;
    e->enforcement = "enforce";
    e->allow_encoded_slash = keeps_slash(m);
    if (draft->calls)
        drop_covered(e, &entries);
    if (!entries.n) {
        for (size_t i = 0; i < draft->n; i++)
            leave_out(m->run, draft->items[i], "no call is on record beside it, which rules of "
                                               "its endpoint are about");
        return;
    }
    struct learn_endpoint *endpoint = add(m, out, e);
    endpoint->entries = arena_alloc(m->arena, entries.n * sizeof *endpoint->entries);
    for (size_t i = 0; i < entries.n; i++) {
        rules[i] = entries.items[i].rule;
        endpoint->entries[i] = entries.items[i].evidence;
    }
    e->rules = rules;
    e->n_rules = entries.n;
    for (size_t i = 0; i < draft->n; i++)
        learn_count(&endpoint->evidence, &draft->items[i]->seen->evidence);
    copy_denials(m, draft->model, e, &entries);
}

/* ---- all of a place ---- */

static bool any_bytes(const struct learn_place *place)
{
    for (size_t i = 0; i < place->n; i++)
        if (place->items[i].kind == LEARN_BYTES)
            return true;
    return false;
}

static void leave_out_connections(const struct making *m)
{
    for (size_t i = 0; i < m->place->n; i++)
        if (m->place->items[i].seen)
            leave_out(m->run, &m->place->items[i], "no request was made on it, and a rule of its "
                                                   "endpoint's protocol would allow one");
}

static void make(const struct making *m, struct learn_endpoints *out)
{
    const struct sluice_endpoint *connection = m->decision.endpoint;
    bool opaque = is(connection->protocol, "tcp") || is(connection->tls, "skip");
    size_t before = out->n;
    if (opaque || any_bytes(m->place)) {
        add_uninspected(m, out);
        return;
    }
    const struct drafts drafts = make_drafts(m);
    for (size_t i = 0; i < drafts.n; i++)
        add_draft(m, &drafts.items[i], out);
    if (out->n > before)
        return;
    if (drafts.n == 0 && (is_plain(connection) || is(connection->protocol, "rest")))
        add_silent(m, out);
    else
        leave_out_connections(m);
}

/* Without what was left out. */
static void compact(struct learn_place *place)
{
    size_t n = 0;
    for (size_t i = 0; i < place->n; i++)
        if (place->items[i].seen)
            place->items[n++] = place->items[i];
    place->n = n;
}

int learn_endpoints_of(struct learn_run *run, struct learn_place *place,
                       struct learn_endpoints *out, struct error *err)
{
    struct making m = {.run = run, .place = place, .arena = run->arena};
    int rc = 0;
    policy_match(run->learning->ceiling, &place->connection, &m.decision, NULL);
    if (!m.decision.allowed)
        return refuse(&m, &place->items[0], err);
    if (!is(m.decision.endpoint->tls, "skip"))
        policy_candidates_find(run->learning->ceiling, &place->connection, &m.candidates);
    for (size_t i = 0; i < place->n && rc == 0; i++)
        rc = judge(&m, &place->items[i], err);
    if (rc == 0)
        make(&m, out);
    policy_candidates_free(&m.candidates);
    compact(place);
    return rc;
}
