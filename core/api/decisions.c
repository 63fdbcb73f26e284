/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/decisions and the audit chain. */
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "api/routes.h"
#include "http/problem.h"
#include "store/words.h"

static json_t *parsed(const char *json)
{
    json_t *value = json && *json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
    return value ? value : json_null();
}

/* The members that are not stored as JSON. */
static json_t *encode_facts(struct api_call *call, const struct store_decision *d)
{
    json_t *json = json_pack(
        "{s:s, s:I, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:s, s:I, s:I, s:s, s:s, s:b, s:s, "
        "s:s, s:s}",
        "id", d->id, "seq", (json_int_t)d->seq, "sandbox", d->sandbox, "kind", d->kind, "outcome",
        d->outcome, "actor", "name", d->actor, "role", d->role, "via", d->via, "identity",
        d->identity, "origin", d->origin, "reason", d->reason, "base_revision",
        (json_int_t)d->base_revision, "revision", (json_int_t)d->revision, "base_hash",
        d->base_hash, "candidate_hash", d->candidate_hash, "overridden", (int)d->overridden,
        "chain_digest", d->chain_digest, "at", api_time(call->arena, d->at_ms), "hash", d->hash);
    if (*d->draft_id)
        json_object_set_new(json, "draft", json_string(d->draft_id));
    return json;
}

static void add_stored(struct buf *out, const char *member, const char *json)
{
    buf_printf(out, ",\"%s\":%s", member, *json ? json : "null");
}

/* Copies stored JSON without parsing it, as a list may be long. */
static int add_decision(struct api_call *call, struct buf *out, const struct store_decision *d,
                        bool candidate)
{
    json_t *facts = encode_facts(call, d);
    char *text = json_dumps(facts, HTTP_JSON);
    json_decref(facts);
    if (!text)
        return error_set(&call->err, ERROR_INTERNAL, "decision '%s' cannot be written as JSON",
                         d->id);
    buf_add(out, text, strlen(text) - 1);
    add_stored(out, "votes", d->votes_json);
    if (candidate)
        add_stored(out, "candidate", d->candidate_json);
    buf_add(out, "}", 1);
    free(text);
    return 0;
}

/* Decisions about the sandbox of that name; if there is none, about deleted and refused ones. */
static int find_decisions(struct api_call *call, const char *name,
                          struct store_decision_query *query)
{
    struct store *store = call->api->store;
    struct store_sandbox sandbox;
    struct store_decision *items;
    size_t n;
    bool found = name && store_sandbox_get(store, name, call->arena, &sandbox, &call->err) == 0;
    if (name && !found && call->err.kind != ERROR_NOT_FOUND)
        return -1;
    query->sandbox_id = found ? sandbox.id : NULL;
    query->sandbox = name;
    if (!name || found || query->before_seq)
        return 0;
    struct store_decision_query any = *query;
    any.limit = 1;
    return store_decision_list(store, &any, call->arena, &items, &n, &call->err) == 0 && n ? 0 : -1;
}

int api_sandbox_on_record(struct api_call *call, const char *name)
{
    return find_decisions(call, name, &(struct store_decision_query){.limit = 0});
}

/* The next ones, as many as query.limit.  Afterwards before_seq is that of the last one. */
static int add_portion(struct api_call *call, struct store_decision_query *query, struct buf *out,
                       size_t *n)
{
    struct arena *arena = arena_new();
    struct store_decision *items;
    int rc = store_decision_list(call->api->store, query, arena, &items, n, &call->err);
    for (size_t i = 0; rc == 0 && i < *n; i++) {
        if (buf_str(out)[out->len - 1] != '[')
            buf_putc(out, ',');
        rc = add_decision(call, out, &items[i], query->candidates);
        query->before_seq = items[i].seq;
    }
    arena_free(arena);
    return rc;
}

/* Writes a list while reading it, and no more than a client should get at once: then *next is where
 * it goes on. */
static int add_decisions(struct api_call *call, struct store_decision_query *query, struct buf *out,
                         uint64_t *next)
{
    enum { PORTION = 256 };
    uint64_t left = query->limit ? query->limit : UINT64_MAX;
    size_t n = 0;
    do {
        query->limit = left < PORTION ? left : PORTION;
        if (add_portion(call, query, out, &n) != 0)
            return -1;
        left -= n;
    } while (left && n == query->limit && (query->candidates || !api_list_is_full(call, out)));
    *next = left && n == query->limit ? query->before_seq : 0;
    return 0;
}

int route_decision_list(struct api_call *call)
{
    enum { LISTED_MAX = 1000000, CANDIDATES_MAX = 100 };
    bool candidates = api_flag(call->req, "candidate");
    struct buf out = {0};
    uint64_t limit, since, before, next;
    if (api_query_number(call, "limit", 100, candidates ? CANDIDATES_MAX : LISTED_MAX, &limit) !=
            0 ||
        api_query_number(call, "since_ms", 0, INT64_MAX, &since) != 0 ||
        api_query_number(call, "before", 0, INT64_MAX, &before) != 0)
        return -1;
    struct store_decision_query query = {.since_ms = (int64_t)since, .before_seq = before,
                                         .candidates = candidates, .limit = limit};
    if (candidates && !limit)
        query.limit = CANDIDATES_MAX;
    if (find_decisions(call, api_query(call, "sandbox"), &query) != 0)
        return -1;
    buf_puts(&out, "{\"decisions\":[");
    if (add_decisions(call, &query, &out, &next) != 0) {
        buf_free(&out);
        return -1;
    }
    if (next)
        buf_printf(&out, "],\"next\":%lu}", (unsigned long)next);
    else
        buf_puts(&out, "]}");
    return api_reply_json(call, 200, buf_take(&out));
}

/* The cure that the decision was about: its chunk is of a refused request.  NULL: it is none. */
static json_t *encode_cure(struct api_call *call, const struct store_decision *d, json_t *effect)
{
    struct store_draft draft;
    struct error err;
    if (!*d->draft_id || store_draft_get(call->api->store, d->sandbox_id, d->draft_id, call->arena,
                                         &draft, &err) != 0)
        return NULL;
    if (strcmp(draft.source, store_draft_source_word(STORE_DRAFT_MECHANISTIC)) != 0)
        return NULL;
    return json_pack("{s:[{s:{s:s, s:o}}], s:O, s:s}", "operations", "add_rule", "rule_name",
                     draft.rule_name, "rule", parsed(draft.rule_json), "effect", effect,
                     "forecast", d->outcome);
}

int route_decision_get(struct api_call *call)
{
    struct store_decision d;
    if (store_decision_get(call->api->store, api_param(call, "id"), call->arena, &d, &call->err) !=
        0)
        return -1;
    json_t *json = encode_facts(call, &d);
    json_object_set_new(json, "votes", parsed(d.votes_json));
    json_object_set_new(json, "candidate", parsed(d.candidate_json));
    json_t *diff = parsed(d.diff_json), *effect = json_object_get(diff, "effect");
    effect = effect ? effect : json_null();         /* an older record has none */
    json_t *cure = encode_cure(call, &d, effect);
    json_object_set(json, "effect", effect);
    if (cure)
        json_object_set_new(json, "cure", cure);
    json_t *findings = json_object_get(diff, "findings");
    json_object_set(json, "findings", findings ? findings : json_null());
    json_object_del(diff, "effect");
    json_object_del(diff, "findings");
    json_object_set_new(json, "diff", diff);
    json_object_set_new(json, "warnings", parsed(d.warnings_json));
    json_object_set_new(json, "previous", json_string(d.previous));
    return api_reply(call, 200, json);
}

int route_audit_verify(struct api_call *call)
{
    struct store_audit_report report;
    if (store_audit_verify(call->api->store, api_query(call, "head"), &report, &call->err) != 0)
        return -1;
    return api_reply(call, 200,
                     json_pack("{s:b, s:I, s:I, s:s, s:s}", "intact", (int)(report.bad_seq == 0),
                               "records", (json_int_t)report.records, "first_bad",
                               (json_int_t)report.bad_seq, "why", report.why, "head", report.head));
}
