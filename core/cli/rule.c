/* SPDX-License-Identifier: Apache-2.0 */
/* sluice rule …: draft chunks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/document.h"
#include "store/words.h"

static char *drafts_path(const char *name, const char *id, const char *verb)
{
    char *escaped = url_escape(name), *chunk = id ? url_escape(id) : NULL;
    char *path = alloc_printf("/v1/sandboxes/%s/drafts%s%s%s", escaped, chunk ? "/" : "",
                              chunk ? chunk : "", verb);
    free(escaped);
    free(chunk);
    return path;
}

static void print_endpoints(const json_t *rule)
{
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(rule, "endpoints"), i, e) {
        const char *protocol = json_text(e, "protocol");
        long long port = json_number(e, "port");
        char *ports = port ? alloc_printf("%lld", port)
                           : json_dumps(json_object_get(e, "ports"), JSON_COMPACT);
        terminal_print(stdout, "  Endpoint:   %s:%s [%s]\n", json_text(e, "host"),
                       ports ? ports : "", *protocol ? protocol : "L4");
        free(ports);
    }
    json_array_foreach(json_object_get(rule, "binaries"), i, e)
        terminal_print(stdout, "  Binary:     %s\n", json_text(e, "path"));
}

static void print_votes(const json_t *chunk)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(chunk, "votes"), i, v) {
        const char *code = json_text(v, "code");
        terminal_print(stdout, "  Vote:       %s: %s%s%s%s%s\n", json_text(v, "voter"),
                       json_text(v, "verdict"), *code ? ", " : "", code, *code ? ": " : "",
                       json_text(v, "message"));
    }
}

static void print_findings(const json_t *chunk)
{
    size_t i;
    json_t *f;
    json_array_foreach(json_object_get(chunk, "findings"), i, f)
        terminal_print(stdout, "  Finding:    %s\n", json_text(f, "text"));
}

static void print_texts(const char *what, const json_t *list)
{
    size_t i;
    json_t *item;
    if (json_array_size(list))
        terminal_print(stdout, "  %-12s", what);
    json_array_foreach(list, i, item)
        terminal_print(stdout, "%s%s", i ? ", " : "", json_string_value(item));
    if (json_array_size(list))
        terminal_print(stdout, "\n");
}

static void print_grant(const json_t *grant)
{
    const json_t *uses = json_object_get(grant, "uses");
    if (!json_is_object(grant))
        return;
    bool ended = json_boolean_value(json_object_get(grant, "ended"));
    terminal_print(stdout, "  Grant:      %s %s", ended ? "has ended, was to end" : "ends",
                   json_text(grant, "ends"));
    if (json_is_integer(uses))
        terminal_print(stdout, ", %lld left", (long long)json_integer_value(uses));
    if (*json_text(grant, "expires_at"))
        terminal_print(stdout, " (%s)", json_text(grant, "expires_at"));
    terminal_print(stdout, "\n");
}

static void print_chunk(const json_t *c)
{
    terminal_print(
        stdout,
        "Chunk %s\n  Status:     %s\n  Rule:       %s\n  Source:     %s (confidence %.0f%%)\n",
        json_text(c, "id"), json_text(c, "status"), json_text(c, "rule_name"),
        json_text(c, "source"), 100 * json_number_value(json_object_get(c, "confidence")));
    if (*json_text(c, "rationale"))
        terminal_print(stdout, "  Rationale:  %s\n", json_text(c, "rationale"));
    if (*json_text(c, "security_notes"))
        terminal_print(stdout, "  Security:   %s\n", json_text(c, "security_notes"));
    if (*json_text(c, "method"))
        terminal_print(stdout, "  Request:    %s %s\n", json_text(c, "method"),
                       json_text(c, "path"));
    if (*json_text(c, "operation"))
        terminal_print(stdout, "  Operation:  %s %s\n", json_text(c, "operation"),
                       json_text(c, "field"));
    if (*json_text(c, "rpc_method"))
        terminal_print(stdout, "  Call:       %s %s\n", json_text(c, "rpc_method"),
                       json_text(c, "tool"));
    print_endpoints(json_object_get(c, "rule"));
    print_grant(json_object_get(c, "grant"));
    print_texts("Addresses:", json_object_get(c, "addresses"));
    print_texts("Asked by:", json_object_get(c, "asked_by"));
    if (json_number(c, "hits") > 1)
        terminal_print(stdout, "  Hits:       %lld (first seen %s, last seen %s)\n",
                       json_number(c, "hits"), json_text(c, "first_seen"),
                       json_text(c, "last_seen"));
    if (json_number(c, "waiting"))
        terminal_print(stdout, "  Waiting:    %lld held request%s\n", json_number(c, "waiting"),
                       json_number(c, "waiting") == 1 ? "" : "s");
    print_effect(json_object_get(c, "effect"), "  ");
    print_findings(c);
    if (*json_text(c, "would_be"))
        terminal_print(stdout, "  If approved now: %s\n", json_text(c, "would_be"));
    print_votes(c);
    if (*json_text(c, "error"))
        terminal_print(stdout, "  Problem:    %s\n", json_text(c, "error"));
    if (strcmp(json_text(c, "status"), "pending") == 0 && *json_text(c, "reason"))
        terminal_print(stdout, "  Waits:      %s\n", json_text(c, "reason"));
    if (*json_text(c, "decided_by"))
        terminal_print(stdout, "  Decided:    by %s at %s%s%s\n", json_text(c, "decided_by"),
                       json_text(c, "decided_at"), *json_text(c, "reason") ? ": " : "",
                       json_text(c, "reason"));
}

static void table_chunks(const struct cli *cli, const json_t *json)
{
    size_t i;
    json_t *c, *list = json_object_get(json, "chunks");
    if (json_array_size(list) == 0)
        say(cli, "No network rules are proposed.");
    json_array_foreach(list, i, c)
        print_chunk(c);
}

static int check_status(const struct cli *cli, const char *status)
{
    char *words = NULL;
    for (enum store_draft_status i = 0; i < STORE_DRAFT_STATUS_COUNT; i++) {
        const char *word = store_draft_status_word(i), *before = words ? words : "";
        if (strcmp(word, status) == 0) {
            free(words);
            return -1;
        }
        char *more = alloc_printf("%s%s%s", before, words ? ", " : "", word);
        free(words);
        words = more;
    }
    int code = usage_error(cli, "--status is one of %s, not '%s'", words, status);
    free(words);
    return code;
}

/* A long list comes in parts. */
static int fetch_chunks(struct cli *cli, const char *name, const char *status, json_t *all)
{
    long long next = 0;
    int code = EXIT_DONE;
    do {
        struct reply reply;
        char *query =
            alloc_printf("?after=%lld%s%s", next, status ? "&status=" : "", status ? status : "");
        client_call(cli, &(struct call){.method = "GET", .path = drafts_path(name, NULL, query)},
                    &reply);
        if (reply.status != 200 || !reply.json)
            code = reply_failed(cli, &reply);
        json_array_extend(all, json_object_get(reply.json, "chunks"));
        next = code == EXIT_DONE ? json_number(reply.json, "next") : 0;
        reply_free(&reply);
        free(query);
    } while (next);
    return code;
}

int cmd_rule_get(struct cli *cli)
{
    const char *status = arg_value(cli, "status");
    if (status && check_status(cli, status) >= 0)
        return EXIT_USAGE;
    const char *name = sandbox_operand(cli, 0);
    if (!name)
        return EXIT_USAGE;
    json_t *all = json_array(), *json = json_pack("{s:o}", "chunks", all);
    int code = fetch_chunks(cli, name, status, all);
    if (code == EXIT_DONE && cli->output != OUT_TABLE)
        print_json(cli, json);
    else if (code == EXIT_DONE)
        table_chunks(cli, json);
    json_decref(json);
    return code;
}

/* The sandbox and the chunk of a command.  NULL after saying what is missing. */
static const char *chunk_operand(struct cli *cli, const char **id)
{
    *id = arg_value(cli, "chunk-id");
    if (!*id) {
        usage_error(cli, "which chunk? --chunk-id ID; sluice rule get shows them");
        return NULL;
    }
    return sandbox_operand(cli, 0);
}

/* The token of the chunk as it stands. */
static char *fetch_token(struct cli *cli, const char *name, const char *id, int *code)
{
    struct reply reply;
    char *token = NULL;
    client_call(cli, &(struct call){.method = "GET", .path = drafts_path(name, id, "")}, &reply);
    if (reply.status == 200)
        token = alloc_str(json_text(reply.json, "review_token"));
    else
        *code = reply_failed(cli, &reply);
    reply_free(&reply);
    return token;
}

/* Takes path.  An exit code when nothing was sent, or -1 with a reply to be freed. */
static int post(struct cli *cli, char *path, const json_t *body, struct reply *reply)
{
    char *header;
    int code = reason_header(cli, &header);
    if (code >= 0) {
        free(path);
        return code;
    }
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct call call = {.method = "POST",
                        .path = path,
                        .type = text ? "application/json" : NULL,
                        .body = text,
                        .len = text ? strlen(text) : 0};
    size_t n = 0;
    if (header)
        call.headers[n++] = header;
    if (arg_given(cli, "override"))
        call.headers[n++] = "Sluice-Override: true";
    client_call(cli, &call, reply);
    free(text);
    free(header);
    return -1;
}

static int post_update(struct cli *cli, const char *name, char *path, const json_t *body)
{
    struct reply reply;
    int code = post(cli, path, body, &reply);
    if (code >= 0)
        return code;
    code = update_finish(cli, name, &reply);
    reply_free(&reply);
    return code;
}

int cmd_rule_approve(struct cli *cli)
{
    const char *id, *name = chunk_operand(cli, &id), *given = arg_value(cli, "token");
    int code = EXIT_USAGE;
    json_t *body = json_object();
    int usage = name ? grant_add(cli, body) : code;
    char *token = usage >= 0 ? NULL
                  : given    ? alloc_str(given)
                             : fetch_token(cli, name, id, &code);
    if (!token) {
        json_decref(body);
        return usage >= 0 ? usage : code;
    }
    json_object_set_new(body, "review_token", json_string(token));
    code = post_update(cli, name, drafts_path(name, id, "/approve"), body);
    json_decref(body);
    free(token);
    return code;
}

int cmd_rule_undo(struct cli *cli)
{
    const char *id, *name = chunk_operand(cli, &id);
    return name ? post_update(cli, name, drafts_path(name, id, "/undo"), NULL) : EXIT_USAGE;
}

static void print_skipped(const struct cli *cli, const json_t *json)
{
    size_t i;
    json_t *s;
    say(cli, "%lld chunk(s) approved, %zu skipped", json_number(json, "approved"),
        json_array_size(json_object_get(json, "skipped")));
    json_array_foreach(json_object_get(json, "skipped"), i, s)
        say(cli, "  skipped %s: %s", json_text(s, "id"), json_text(s, "why"));
}

static int show_reply(struct cli *cli, const struct reply *reply, const char *done)
{
    if (reply->status != 200)
        return reply_failed(cli, reply);
    if (cli->output != OUT_TABLE)
        print_json(cli, reply->json);
    else
        terminal_print(stdout, "%s\n", done);
    return EXIT_DONE;
}

int cmd_rule_approve_all(struct cli *cli)
{
    const char *name = sandbox_operand(cli, 0);
    struct reply reply;
    if (!name)
        return EXIT_USAGE;
    json_t *body = json_pack("{s:b}", "include_security_flagged",
                             (int)arg_given(cli, "include-security-flagged"));
    int code = post(cli, drafts_path(name, NULL, "/approve-all"), body, &reply);
    json_decref(body);
    if (code >= 0)
        return code;
    if (reply.status == 200)
        print_skipped(cli, reply.json);
    bool nothing = reply.status == 200 && json_number(reply.json, "approved") == 0;
    code = nothing ? show_reply(cli, &reply, "· Nothing to approve: policy unchanged")
                   : update_finish(cli, name, &reply);
    reply_free(&reply);
    return code;
}

int cmd_rule_reject(struct cli *cli)
{
    const char *id, *name = chunk_operand(cli, &id), *reason = arg_value(cli, "reason");
    struct reply reply;
    if (!name)
        return EXIT_USAGE;
    json_t *body = json_pack("{s:s}", "reason", reason ? reason : "");
    int code = post(cli, drafts_path(name, id, "/reject"), body, &reply);
    json_decref(body);
    if (code >= 0)
        return code;
    code = reply.status == 202 ? update_finish(cli, name, &reply)
                               : show_reply(cli, &reply, "✓ Chunk rejected");
    reply_free(&reply);
    return code;
}

static int send_rule(struct cli *cli, char *path, const struct document *rule)
{
    struct buf body = {0};
    struct reply reply;
    json_t *head = json_object();
    document_body(rule, head, "rule", &body);
    json_decref(head);
    client_call(cli,
                &(struct call){.method = "PATCH",
                               .path = path,
                               .type = document_type(rule),
                               .body = buf_str(&body),
                               .len = body.len},
                &reply);
    document_locate(rule, &body, "rule", &reply);
    int code = show_reply(cli, &reply, "✓ Chunk edited");
    reply_free(&reply);
    buf_free(&body);
    return code;
}

int cmd_rule_edit(struct cli *cli)
{
    const char *id, *file = arg_value(cli, "rule");
    struct document rule;
    if (!file)
        return usage_error(cli, "which rule? --rule FILE, or --rule - for stdin");
    const char *name = chunk_operand(cli, &id);
    if (!name)
        return EXIT_USAGE;
    int code = document_read(cli, file, &rule);
    if (code < 0)
        code = send_rule(cli, drafts_path(name, id, ""), &rule);
    document_free(&rule);
    return code;
}

int cmd_rule_clear(struct cli *cli)
{
    const char *name = sandbox_operand(cli, 0);
    struct reply reply;
    char done[64];
    if (!name)
        return EXIT_USAGE;
    client_call(cli, &(struct call){.method = "DELETE", .path = drafts_path(name, NULL, "")},
                &reply);
    snprintf(done, sizeof done, "✓ %lld pending chunk(s) cleared",
             json_number(reply.json, "cleared"));
    int code = show_reply(cli, &reply, done);
    reply_free(&reply);
    return code;
}

static void table_history(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    size_t i;
    json_t *e, *list = json_object_get(json, "history");
    if (json_array_size(list) == 0) {
        say(cli, "No rule source.");
        return;
    }
    table_row(&t, 5, (const char *[]){"TIME", "EVENT", "CHUNK", "ACTOR", "WHAT"});
    json_array_foreach(list, i, e)
        table_row(&t, 5,
                  (const char *[]){json_text(e, "at"), json_text(e, "event"), json_text(e, "id"),
                                   json_text(e, "actor"), json_text(e, "text")});
    table_print(&t);
}

int cmd_rule_history(struct cli *cli)
{
    const char *name = sandbox_operand(cli, 0);
    long limit;
    if (!name || arg_number(cli, "limit", 1000, 100000, &limit) != 0)
        return EXIT_USAGE;
    char *query = alloc_printf("/history?limit=%ld", limit), *path = drafts_path(name, NULL, query);
    free(query);
    return client_show(cli, path, table_history);
}
