/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sandboxes/{name}/traffic and /audit-report: the traffic record of a sandbox. */
#include <string.h>

#include "api/call.h"
#include "api/routes.h"
#include "store/words.h"

enum { LISTED = 1000, LISTED_MAX = 10000 };

static const char *const verdicts[] = {
#define X(id, word, meaning) word,
    STORE_TRAFFIC_VERDICTS(X)
#undef X
};
enum { N_VERDICTS = sizeof verdicts / sizeof *verdicts };

static int check_verdict(struct api_call *call, const char *verdict)
{
    for (size_t i = 0; i < N_VERDICTS; i++)
        if (strcmp(verdict, verdicts[i]) == 0)
            return 0;
    return error_set(
        &call->err, ERROR_MALFORMED,
        "query parameter verdict is one of" STORE_TRAFFIC_VERDICTS(STORE_EACH_WORD) ", not '%s'",
        verdict);
}

static json_t *encode(struct api_call *call, const struct store_traffic *t)
{
    return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "host", t->host, "port",
                     (int)t->port, "binary", t->binary, "verdict", t->verdict, "rule", t->rule,
                     "reason", t->reason, "count", (json_int_t)t->count, "first_seen",
                     api_time(call->arena, t->first_seen_ms), "last_seen",
                     api_time(call->arena, t->last_seen_ms));
}

static json_t *encode_audited(struct api_call *call, const struct store_traffic *t)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s}",
                     "binary", t->binary, "host", t->host, "port", (int)t->port, "method",
                     t->method, "path", t->path, "operation", t->operation, "field", t->field,
                     "rpc_method", t->rpc_method, "tool", t->tool, "rule", t->rule, "reason",
                     t->reason, "count", (json_int_t)t->count, "first_seen",
                     api_time(call->arena, t->first_seen_ms), "last_seen",
                     api_time(call->arena, t->last_seen_ms));
}

/* How many requests of each class have no row: the record was full. */
static int read_unlisted(struct api_call *call, const char *sandbox_id, json_t **out)
{
    struct store_traffic *rows;
    size_t n;
    if (store_traffic_unlisted(call->api->store, sandbox_id, call->arena, &rows, &n, &call->err) !=
        0)
        return -1;
    *out = json_object();
    for (size_t i = 0; i < n; i++)
        json_object_set_new(*out, rows[i].verdict, json_integer((json_int_t)rows[i].count));
    return 0;
}

static json_t *unlisted_of(const json_t *unlisted, const char *class)
{
    return json_integer(json_integer_value(json_object_get(unlisted, class)));
}

/* One page of rows, and what has none. */
struct page {
    struct store_sandbox sandbox;
    struct store_traffic_query query;
    struct store_traffic *rows;
    size_t n;
    json_t *unlisted;
};

static int read_page(struct api_call *call, struct page *page)
{
    struct store_traffic_query *query = &page->query;
    uint64_t limit;
    if (api_query_number(call, "after", 0, INT64_MAX, &query->after) != 0 ||
        api_query_number(call, "limit", LISTED, LISTED_MAX, &limit) != 0 ||
        store_sandbox_ever(call->api->store, api_param(call, "name"), call->arena, &page->sandbox,
                           &call->err) != 0)
        return -1;
    query->limit = limit ? limit : LISTED_MAX;
    query->sandbox_id = page->sandbox.id;
    if (store_traffic_list(call->api->store, query, call->arena, &page->rows, &page->n,
                           &call->err) != 0)
        return -1;
    return read_unlisted(call, page->sandbox.id, &page->unlisted);
}

typedef json_t *row_encoder(struct api_call *call, const struct store_traffic *row);

/* Takes unlisted. */
static int reply_page(struct api_call *call, const struct page *page, const char *name,
                      row_encoder *encode_row, json_t *unlisted)
{
    json_t *list = json_array();
    for (size_t i = 0; i < page->n; i++)
        json_array_append_new(list, encode_row(call, &page->rows[i]));
    json_t *body = json_pack("{s:s, s:o, s:o}", "sandbox", page->sandbox.name, name, list,
                             "unlisted", unlisted);
    if (page->n == page->query.limit)
        json_object_set_new(body, "next",
                            json_integer((json_int_t)page->rows[page->n - 1].number));
    json_decref(page->unlisted);
    return api_reply(call, 200, body);
}

int route_traffic_list(struct api_call *call)
{
    struct page page = {.query.verdict = api_query(call, "verdict")};
    if ((page.query.verdict && check_verdict(call, page.query.verdict) != 0) ||
        read_page(call, &page) != 0)
        return -1;
    json_t *unlisted = json_object();
    for (size_t i = 0; i < N_VERDICTS; i++)
        json_object_set_new(unlisted, verdicts[i], unlisted_of(page.unlisted, verdicts[i]));
    return reply_page(call, &page, "traffic", encode, unlisted);
}

int route_audit_report(struct api_call *call)
{
    struct page page = {.query.verdict = STORE_AUDITED};
    if (read_page(call, &page) != 0)
        return -1;
    return reply_page(call, &page, "requests", encode_audited,
                      unlisted_of(page.unlisted, STORE_AUDITED));
}
