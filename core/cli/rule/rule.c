/* SPDX-License-Identifier: Apache-2.0 */
/* sluice rule …: draft chunks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/confirm.h"
#include "cli/document.h"
#include "cli/prefix.h"
#include "cli/rule/chunk.h"
#include "cli/watch.h"
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

static void table_chunks(const struct cli *cli, const json_t *json)
{
    size_t i;
    json_t *c, *list = json_object_get(json, "chunks");
    if (json_array_size(list) == 0)
        say(cli, "No network rules are proposed.");
    json_array_foreach(list, i, c)
        chunk_print(c);
}

static void table_all_chunks(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    size_t i;
    json_t *c, *list = json_object_get(json, "chunks");
    if (json_array_size(list) == 0) {
        say(cli, "No network rules are proposed.");
        return;
    }
    table_row(&t, 7,
              (const char *[]){"SANDBOX", "ID", "STATUS", "HOST", "PORT", "PROGRAM", "LAST SEEN"});
    json_array_foreach(list, i, c) {
        char port[24];
        snprintf(port, sizeof port, "%lld", json_number(c, "port"));
        table_row(&t, 7,
                  (const char *[]){json_text(c, "sandbox"), json_text(c, "id"),
                                   json_text(c, "status"), json_text(c, "host"), port,
                                   json_text(c, "binary"), json_text(c, "last_seen")});
    }
    table_print(cli, &t);
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

/* The chunks of a sandbox, or of all; a long list comes in parts. */
static char *list_path(const char *sandbox, const char *status)
{
    char *drafts = sandbox ? drafts_path(sandbox, NULL, "") : alloc_str("/v1/drafts");
    char *path = alloc_printf("%s?%s%s%safter=", drafts, status ? "status=" : "",
                              status ? status : "", status ? "&" : "");
    free(drafts);
    return path;
}

int cmd_rule_get(struct cli *cli)
{
    const char *status = arg_value(cli, "status"), *name = NULL;
    bool all = arg_given(cli, "all-sandboxes");
    if (status && check_status(cli, status) >= 0)
        return EXIT_USAGE;
    if (all && cli->n_operands)
        return usage_error(cli, "--all-sandboxes and a name exclude each other");
    if (!all && !(name = sandbox_operand(cli, 0)))
        return EXIT_USAGE;
    return list_show(cli, &(struct list){.path = list_path(name, status),
                                         .pages = true,
                                         .key = "chunks",
                                         .sandbox = name,
                                         .table = all ? table_all_chunks : table_chunks});
}

struct chunk_of {
    const char *sandbox;
    char *id;
};

/* The sandbox and the chunk of a command.  An exit code after saying what is wrong, or -1 with an
 * id to be freed. */
static int chunk_operand(struct cli *cli, struct chunk_of *out)
{
    const char *id = arg_value(cli, "chunk-id");
    int code = EXIT_USAGE;
    *out = (struct chunk_of){0};
    if (!id)
        return usage_error(cli, "which chunk? --chunk-id ID; sluice rule get shows them");
    out->sandbox = sandbox_operand(cli, 0);
    if (out->sandbox)
        out->id = prefix_chunk(cli, out->sandbox, id, &code);
    return out->id ? -1 : code;
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

static int approve(struct cli *cli, const struct chunk_of *chunk, json_t *body)
{
    const char *given = arg_value(cli, "token");
    int code = EXIT_DONE;
    char *token = given ? alloc_str(given) : fetch_token(cli, chunk->sandbox, chunk->id, &code);
    if (!token)
        return code;
    json_object_set_new(body, "review_token", json_string(token));
    free(token);
    return post_update(cli, chunk->sandbox, drafts_path(chunk->sandbox, chunk->id, "/approve"),
                       body);
}

int cmd_rule_approve(struct cli *cli)
{
    struct chunk_of chunk = {0};
    json_t *body = json_object();
    int code = arg_given(cli, "chunk-id") ? grant_add(cli, body) : -1;
    if (code < 0)
        code = chunk_operand(cli, &chunk);
    if (code < 0)
        code = approve(cli, &chunk, body);
    json_decref(body);
    free(chunk.id);
    return code;
}

int cmd_rule_undo(struct cli *cli)
{
    struct chunk_of chunk;
    int code = chunk_operand(cli, &chunk);
    if (code < 0)
        code = post_update(cli, chunk.sandbox, drafts_path(chunk.sandbox, chunk.id, "/undo"), NULL);
    free(chunk.id);
    return code;
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

static int reject(struct cli *cli, const struct chunk_of *chunk)
{
    const char *reason = arg_value(cli, "reason");
    struct reply reply;
    json_t *body = json_pack("{s:s}", "reason", reason ? reason : "");
    int code = post(cli, drafts_path(chunk->sandbox, chunk->id, "/reject"), body, &reply);
    json_decref(body);
    if (code >= 0)
        return code;
    code = reply.status == 202 ? update_finish(cli, chunk->sandbox, &reply)
                               : show_reply(cli, &reply, "✓ Chunk rejected");
    reply_free(&reply);
    return code;
}

int cmd_rule_reject(struct cli *cli)
{
    struct chunk_of chunk;
    int code = chunk_operand(cli, &chunk);
    if (code < 0)
        code = reject(cli, &chunk);
    free(chunk.id);
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
    const char *file = arg_value(cli, "rule");
    struct chunk_of chunk;
    struct document rule = {0};
    if (!file)
        return usage_error(cli, "which rule? --rule FILE, or --rule - for stdin");
    int code = chunk_operand(cli, &chunk);
    if (code < 0)
        code = document_read(file, &rule);
    if (code < 0)
        code = send_rule(cli, drafts_path(chunk.sandbox, chunk.id, ""), &rule);
    document_free(&rule);
    free(chunk.id);
    return code;
}

int cmd_rule_clear(struct cli *cli)
{
    const char *name = sandbox_operand(cli, 0);
    struct reply reply;
    char done[64];
    int asked = name ? confirm(cli, "Delete all pending chunks of sandbox %s?", name) : EXIT_USAGE;
    if (asked >= 0)
        return asked;
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
    table_print(cli, &t);
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
