/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sandboxes/{name}/traffic, /requests and /audit-report: the traffic record of a sandbox. */
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

/* One page of rows, and for each class what has no row, as the record was full. */
struct page {
    struct store_sandbox sandbox;
    struct store_traffic_query query;
    struct store_traffic *rows, *unlisted;
    size_t n, n_unlisted;
};

static const struct store_traffic *unlisted_of(const struct page *page, const char *class)
{
    static const struct store_traffic none;
    for (size_t i = 0; i < page->n_unlisted; i++)
        if (strcmp(page->unlisted[i].verdict, class) == 0)
            return &page->unlisted[i];
    return &none;
}

static json_t *count_unlisted(const struct page *page, const char *class)
{
    return json_integer((json_int_t)unlisted_of(page, class)->count);
}

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
    return store_traffic_unlisted(call->api->store, page->sandbox.id, call->arena, &page->unlisted,
                                  &page->n_unlisted, &call->err);
}

typedef json_t *row_encoder(struct api_call *call, const struct store_traffic *row);

/* more: its other members; taken. */
static int reply_page(struct api_call *call, const struct page *page, const char *name,
                      row_encoder *encode_row, json_t *more)
{
    json_t *list = json_array();
    for (size_t i = 0; i < page->n; i++)
        json_array_append_new(list, encode_row(call, &page->rows[i]));
    json_t *body = json_pack("{s:s, s:o}", "sandbox", page->sandbox.name, name, list);
    json_object_update(body, more);
    json_decref(more);
    if (page->n == page->query.limit)
        json_object_set_new(body, "next",
                            json_integer((json_int_t)page->rows[page->n - 1].number));
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
        json_object_set_new(unlisted, verdicts[i], count_unlisted(&page, verdicts[i]));
    return reply_page(call, &page, "traffic", encode, json_pack("{s:o}", "unlisted", unlisted));
}

int route_audit_report(struct api_call *call)
{
    struct page page = {.query.verdict = STORE_AUDITED};
    if (read_page(call, &page) != 0)
        return -1;
    return reply_page(call, &page, "requests", encode_audited,
                      json_pack("{s:o}", "unlisted", count_unlisted(&page, STORE_AUDITED)));
}

int route_request_list(struct api_call *call)
{
    struct page page = {.query.verdict = STORE_PASSED};
    if (read_page(call, &page) != 0)
        return -1;
    const struct store_traffic *t = unlisted_of(&page, STORE_PASSED);
    json_t *more = json_pack("{s:{s:I, s:s}, s:s}", "unlisted", "count", (json_int_t)t->count,
                             "last_seen", t->count ? api_time(call->arena, t->last_seen_ms) : "",
                             "since", api_time(call->arena, page.sandbox.passed_since_ms));
    return reply_page(call, &page, "requests", encode_audited, more);
}
