/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/seen.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

int seen_options(const struct cli *cli, struct seen *out)
{
    *out = (struct seen){0};
    int code = arg_time(cli, "from", 0, &out->from_ms);
    if (code < 0)
        code = arg_time(cli, "to", INT64_MAX, &out->to_ms);
    if (code < 0 && out->from_ms > out->to_ms)
        return usage_error(cli, "--from is later than --to");
    return code;
}

static struct policy_seen read_row(const json_t *r)
{
    return (struct policy_seen){
        .host = json_text(r, "host"), .port = (uint16_t)json_number(r, "port"),
        .program = json_text(r, "binary"), .method = json_text(r, "method"),
        .path = json_text(r, "path"), .operation = json_text(r, "operation"),
        .field = json_text(r, "field"), .rpc_method = json_text(r, "rpc_method"),
        .tool = json_text(r, "tool"), .problem = json_text(r, "reason"),
        .evidence = {.count = (uint64_t)json_number(r, "count"),
                     .first_ms = time_read(json_text(r, "first_seen")),
                     .last_ms = time_read(json_text(r, "last_seen"))}};
}

/* Counts what has no row, but for what was seen before that time. */
static int check_whole(const struct seen *seen)
{
    const json_t *unlisted = json_object_get(seen->json, "unlisted");
    const char *last = json_text(unlisted, "last_seen");
    if (json_number(unlisted, "count") == 0 || time_read(last) < seen->from_ms)
        return EXIT_DONE;
    complain("%lld requests until %s are not on record one by one: there were too many different "
             "ones, so nobody knows what they needed; what came later is on record",
             json_number(unlisted, "count"), last);
    return EXIT_REFUSED;
}

int seen_read(const struct cli *cli, const char *name, struct seen *out)
{
    char *escaped = url_escape(name);
    char *path = alloc_printf("/v1/sandboxes/%s/requests?limit=10000&after=", escaped);
    int code = client_pages(cli, path, "requests", &out->json);
    free(path);
    free(escaped);
    if (code != EXIT_DONE)
        return code;
    size_t i;
    json_t *r, *list = json_object_get(out->json, "requests");
    out->items = alloc_zero(json_array_size(list) + 1, sizeof *out->items);
    json_array_foreach(list, i, r) {
        const struct policy_seen row = read_row(r);
        if (row.evidence.last_ms >= out->from_ms && row.evidence.first_ms <= out->to_ms)
            out->items[out->n++] = row;
    }
    return check_whole(out);
}

void seen_free(struct seen *seen)
{
    free(seen->items);
    json_decref(seen->json);
}

json_t *seen_encode(const struct policy_seen *seen)
{
    return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "host", seen->host, "port",
                     (int)seen->port, "binary", seen->program, "method", seen->method, "path",
                     seen->path, "operation", seen->operation, "field", seen->field, "rpc_method",
                     seen->rpc_method, "tool", seen->tool);
}

bool seen_is_deleted(const struct cli *cli, const char *name)
{
    struct reply reply;
    char *escaped = url_escape(name);
    struct call call = {.method = "GET", .path = alloc_printf("/v1/sandboxes/%s", escaped)};
    free(escaped);
    client_call(cli, &call, &reply);
    bool deleted = reply.status == 404;
    reply_free(&reply);
    return deleted;
}
