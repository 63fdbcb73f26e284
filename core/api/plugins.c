/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/plugins: the chain of voters and its reload. */
#include "api/call.h"
#include "api/routes.h"
#include "runtime/inspectors.h"

/* How long a reload waits for supervisors to load the voters on requests. */
#define RELOAD_WAIT_MS 5000

/* What it was asked by supervisors. */
static void add_requests(json_t *voter, struct runtime *runtime,
                         const struct chain_voter_info *info)
{
    struct inspect_counts counts = runtime_inspected(runtime, info->name);
    json_object_set_new(voter, "inspects", json_boolean(info->inspects));
    json_object_set_new(voter, "requests", json_integer((json_int_t)counts.requests));
    json_object_set_new(voter, "request_denials", json_integer((json_int_t)counts.denials));
    json_object_set_new(voter, "request_holds", json_integer((json_int_t)counts.holds));
    json_object_set_new(voter, "request_quarantines",
                        json_integer((json_int_t)counts.quarantines));
    json_object_set_new(voter, "request_errors", json_integer((json_int_t)counts.errors));
}

static json_t *encode_chain(struct chain *chain, struct runtime *runtime)
{
    json_t *list = json_array();
    for (size_t i = 0; i < chain_size(chain); i++) {
        struct chain_voter_info v;
        chain_describe(chain, i, &v);
        json_t *voter =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I}",
                      "name", v.name, "version", v.version, "summary", v.summary, "kind", v.kind,
                      "level", v.level, "isolation", v.isolation, "path", v.path, "sha256",
                      v.sha256, "state", v.state, "reads_files", v.reads_files, "votes",
                      (json_int_t)v.votes, "denials", (json_int_t)v.denials, "errors",
                      (json_int_t)v.errors, "p50_us", (json_int_t)v.p50_us, "p99_us",
                      (json_int_t)v.p99_us);
        add_requests(voter, runtime, &v);
        json_array_append_new(list, voter);
    }
    return list;
}

static json_t *encode_list(struct api_call *call)
{
    struct chain *chain = updates_chain(call->api->updates);
    json_t *body =
        json_pack("{s:o, s:s, s:o}", "voters", encode_chain(chain, call->api->runtime), "digest",
                  chain_digest(chain), "not_inspecting",
                  runtime_not_inspecting(call->api->runtime));
    updates_leave_chain(call->api->updates, chain);
    return body;
}

int route_plugin_list(struct api_call *call)
{
    return api_reply(call, 200, encode_list(call));
}

/* What a reload that came off says besides. */
static json_t *encode_warnings(const struct problems *warnings)
{
    json_t *list = json_array();
    for (size_t i = 0; i < warnings->n; i++)
        json_array_append_new(list, json_string(warnings->items[i].message));
    return list;
}

int route_plugin_reload(struct api_call *call)
{
    if (call->api->reload(call->api->reload_ctx, &call->problems, &call->err) != 0) {
        if (call->api->config_file)
            call->body = json_pack("{s:s}", "file", call->api->config_file);
        return -1;
    }
    runtime_await_inspectors(call->api->runtime, RELOAD_WAIT_MS);
    json_t *body = encode_list(call);
    json_object_set_new(body, "warnings", encode_warnings(&call->problems));
    return api_reply(call, 200, body);
}
