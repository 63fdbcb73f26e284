/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plugin/replay_requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "testkit/replay_requests.h"

enum { TIMEOUT_S = 30, PAGE = 1000 };

struct record {
    struct replay_source *source;
    json_t *pages;                                  /* the texts of the requests */
    struct replay_request *items;
    size_t n, room;
    json_t *differing;
};

/* ---- reading ---- */

/* Which protocol the endpoint had is not on record, but what was asked for tells it. */
static const char *protocol_of(const json_t *row)
{
    if (*json_text(row, "tool") || strncmp(json_text(row, "rpc_method"), "tools/", 6) == 0)
        return "mcp";
    if (*json_text(row, "rpc_method"))
        return "json-rpc";
    return *json_text(row, "operation") ? "graphql" : "rest";
}

/* A connection whose bytes are not inspected: no voter is asked about it. */
static bool is_connection(const json_t *row)
{
    return strcmp(json_text(row, "method"), "TCP") == 0 ||
           (strcmp(json_text(row, "method"), "CONNECT") == 0 && !*json_text(row, "path"));
}

static void add_request(struct record *record, const struct sluice_sandbox *sandbox,
                        const json_t *row)
{
    if (record->n == record->room) {
        record->room = record->room ? record->room * 2 : PAGE;
        record->items = alloc_resize(record->items, record->room, sizeof *record->items);
    }
    const char *rpc = json_text(row, "rpc_method");
    record->items[record->n++] = (struct replay_request){
        .sandbox = sandbox->name, .last_seen = json_text(row, "last_seen"),
        .count = json_number(row, "count"),
        .request = {
            .size = sizeof(struct sluice_request), .sandbox = sandbox,
            .binary = json_text(row, "binary"), .host = json_text(row, "host"),
            .port = (uint16_t)json_number(row, "port"), .rule = json_text(row, "rule"),
            .protocol = protocol_of(row), .method = json_text(row, "method"),
            .path = json_text(row, "path"), .query = "", .body = "",
            .operation = *rpc ? rpc : json_text(row, "operation"),
            .tool = json_text(row, "tool"), .message = "", .tls = "",
        },
    };
}

/* after: of the last page; 0 at the end. */
static int read_page(struct record *record, const struct sluice_sandbox *sandbox, int64_t since,
                     long long *after)
{
    int code;
    size_t i;
    char *name = url_escape(sandbox->name);
    char *path = alloc_printf("/v1/sandboxes/%s/requests?limit=%d&after=%lld", name, PAGE, *after);
    json_t *row, *page = replay_source_get(record->source->cli, path, &code);
    free(name);
    json_array_foreach(json_object_get(page, "requests"), i, row)
        if (!is_connection(row) && time_read(json_text(row, "last_seen")) >= since)
            add_request(record, sandbox, row);
    *after = json_number(page, "next");
    if (page)
        json_array_append_new(record->pages, page);
    return code;
}

static int read_sandbox(struct record *record, const char *name, int64_t since)
{
    const struct sluice_sandbox *sandbox;
    long long after = 0;
    int code = replay_source_sandbox(record->source, name, true, &sandbox);
    while (code == EXIT_DONE) {
        code = read_page(record, sandbox, since, &after);
        if (!after)
            break;
    }
    return code;
}

static int read_all(struct record *record, int64_t since)
{
    int code;
    size_t i;
    json_t *sandbox, *list = replay_source_get(record->source->cli, alloc_str("/v1/sandboxes"),
                                               &code);
    if (list)
        json_array_append_new(record->pages, list);
    json_array_foreach(json_object_get(list, "sandboxes"), i, sandbox)
        if (code == EXIT_DONE)
            code = read_sandbox(record, json_text(sandbox, "name"), since);
    return code;
}

static int read_record(struct record *record)
{
    struct cli *cli = record->source->cli;
    const char *name = arg_value(cli, "sandbox");
    int64_t since;
    int code = arg_time(cli, "since", 0, &since);
    if (code >= 0)
        return code;
    code = name ? read_sandbox(record, name, since) : read_all(record, since);
    return code == EXIT_REFUSED ? EXIT_USAGE : code;
}

/* ---- telling ---- */

static void print_difference(const json_t *d)
{
    const json_t *request = json_object_get(d, "request");
    size_t i;
    json_t *vote;
    terminal_print(stdout, "%s  %s  %s:%lld %s %s%s%s%s%s, %lld times, last %s\n  now %s%s%s\n",
                   json_text(d, "sandbox"), json_text(request, "binary"),
                   json_text(request, "host"), json_number(request, "port"),
                   json_text(request, "method"), json_text(request, "path"),
                   *json_text(request, "operation") ? " " : "", json_text(request, "operation"),
                   *json_text(request, "tool") ? " " : "", json_text(request, "tool"),
                   json_number(d, "count"), json_text(d, "last_seen"), json_text(d, "now"),
                   *json_text(d, "how") ? ": " : "", json_text(d, "how"));
    json_array_foreach(json_object_get(d, "votes"), i, vote) {
        if (strcmp(json_text(vote, "verdict"), "deny") != 0 &&
            strcmp(json_text(vote, "verdict"), "hold") != 0)
            continue;
        terminal_print(stdout, "    %s: %s %s, %s\n", json_text(vote, "voter"),
                       json_text(vote, "verdict"), json_text(vote, "code"),
                       json_text(vote, "message"));
    }
}

static void on_difference(void *arg, const struct replay_request_difference *d)
{
    struct record *record = arg;
    const struct sluice_request *r = &d->request->request;
    json_t *request =
        json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s}", "binary", r->binary, "host",
                  r->host, "port", (int)r->port, "rule", r->rule, "protocol", r->protocol, "method",
                  r->method, "path", r->path, "operation", r->operation, "tool", r->tool);
    json_t *json = json_pack("{s:s, s:o, s:I, s:s, s:s, s:s}", "sandbox", d->request->sandbox,
                             "request", request, "count", (json_int_t)d->request->count,
                             "last_seen", d->request->last_seen, "now", d->outcome, "how", d->how);
    json_object_set_new(json, "votes", d->votes ? json_incref(d->votes) : json_array());
    if (record->source->cli->output == OUT_TABLE)
        print_difference(json);
    json_array_append_new(record->differing, json);
}

static void on_progress(void *arg, size_t done, size_t n)
{
    replay_source_progress(((struct record *)arg)->source->cli, "requests", done, n);
}

static int ask(struct record *record, const struct stage_settings *settings, json_t *out)
{
    const struct cli *cli = record->source->cli;
    const struct replay_requests r = {.chain = arg_value(cli, "chain"), .settings = *settings,
                                      .timeout_s = TIMEOUT_S, .requests = record->items,
                                      .n = record->n, .progress = on_progress,
                                      .differs = on_difference, .arg = record};
    struct error err;
    size_t asked = 0;
    long differing = replay_requests_run(&r, &asked, &err);
    if (differing < 0) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    if (asked && cli->output == OUT_TABLE)
        terminal_print(stdout,
                       "%zu requests asked, without rule, query, headers and body, %ld would not "
                       "pass\n",
                       asked, differing);
    json_object_set_new(out, "requests",
                        json_pack("{s:I, s:I, s:O}", "asked", (json_int_t)asked, "differing",
                                  (json_int_t)differing, "requests", record->differing));
    return differing ? EXIT_REFUSED : EXIT_DONE;
}

int replay_recorded_requests(struct replay_source *h, const struct stage_settings *settings,
                             json_t *out)
{
    struct record record = {.source = h, .pages = json_array(), .differing = json_array()};
    int code = read_record(&record);
    if (code == EXIT_DONE)
        code = ask(&record, settings, out);
    json_decref(record.pages);
    json_decref(record.differing);
    free(record.items);
    return code;
}
