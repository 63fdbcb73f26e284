/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sandboxes/{name}/traffic: the traffic record of a sandbox. */
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

static int check_verdict(struct api_call *call, const char *verdict)
{
    for (size_t i = 0; i < STORE_TRAFFIC_VERDICT_COUNT; i++)
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

/* How many requests of each verdict have no row, as the record was full. */
static json_t *encode_unlisted(struct api_call *call, const char *sandbox_id)
{
    struct store_traffic *rows;
    size_t n;
    if (store_traffic_unlisted(call->api->store, sandbox_id, call->arena, &rows, &n, &call->err) !=
        0)
        return NULL;
    json_t *json = json_object();
    for (size_t i = 0; i < STORE_TRAFFIC_VERDICT_COUNT; i++)
        json_object_set_new(json, verdicts[i], json_integer(0));
    for (size_t i = 0; i < n; i++)
        json_object_set_new(json, rows[i].verdict, json_integer((json_int_t)rows[i].count));
    return json;
}

static int read_query(struct api_call *call, struct store_traffic_query *query)
{
    uint64_t limit;
    query->verdict = api_query(call, "verdict");
    if ((query->verdict && check_verdict(call, query->verdict) != 0) ||
        api_query_number(call, "after", 0, INT64_MAX, &query->after) != 0 ||
        api_query_number(call, "limit", LISTED, LISTED_MAX, &limit) != 0)
        return -1;
    query->limit = limit ? limit : LISTED_MAX;
    return 0;
}

int route_traffic_list(struct api_call *call)
{
    struct store_sandbox sandbox;
    struct store_traffic_query query = {0};
    struct store_traffic *rows;
    size_t n;
    json_t *unlisted;
    if (read_query(call, &query) != 0 ||
        store_sandbox_ever(call->api->store, api_param(call, "name"), call->arena, &sandbox,
                           &call->err) != 0)
        return -1;
    query.sandbox_id = sandbox.id;
    if (store_traffic_list(call->api->store, &query, call->arena, &rows, &n, &call->err) != 0 ||
        !(unlisted = encode_unlisted(call, sandbox.id)))
        return -1;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, encode(call, &rows[i]));
    json_t *body = json_pack("{s:s, s:o, s:o}", "sandbox", sandbox.name, "traffic", list,
                             "unlisted", unlisted);
    if (n == query.limit)
        json_object_set_new(body, "next", json_integer((json_int_t)rows[n - 1].number));
    return api_reply(call, 200, body);
}
