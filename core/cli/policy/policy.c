/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy … */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/document.h"
#include "cli/policy/change.h"
#include "cli/policy/sign.h"
#include "cli/prefix.h"
#include "cli/watch.h"

char *policy_path(const char *name, const char *rest)
{
    char *escaped = url_escape(name), *path = alloc_printf("/v1/sandboxes/%s%s", escaped, rest);
    free(escaped);
    return path;
}

const char *policy_media_type(const char *path, const struct buf *text)
{
    return document_is_json(path, text) ? "application/json" : "application/yaml";
}

int intent_read(const struct cli *cli, struct call *call, struct intent *out)
{
    size_t n = 0;
    long revision;
    *out = (struct intent){0};
    if (arg_range(cli, "if-revision", 0, 1, 1000000000, &revision) != 0)
        return EXIT_USAGE;
    int code = reason_header(cli, &out->reason);
    if (code >= 0)
        return code;
    if (out->reason)
        call->headers[n++] = out->reason;
    if (arg_given(cli, "if-revision"))
        call->headers[n++] = out->revision = alloc_printf("If-Match: \"%ld\"", revision);
    if (arg_given(cli, "override"))
        call->headers[n++] = "Sluice-Override: true";
    code = signature_header(cli, &out->signature);
    if (out->signature)
        call->headers[n++] = out->signature;
    return code;
}

void intent_free(struct intent *intent)
{
    free(intent->reason);
    free(intent->revision);
    free(intent->signature);
}

/* Sends a change and finishes it.  Takes the call's path. */
static int send_change(struct cli *cli, const char *name, struct call *call)
{
    struct intent intent;
    struct reply reply;
    int code = intent_read(cli, call, &intent);
    if (code < 0) {
        client_call(cli, call, &reply);
        code = update_finish(cli, name, &reply);
        reply_free(&reply);
    } else {
        free(call->path);
    }
    intent_free(&intent);
    return code;
}

int cmd_policy_set(struct cli *cli)
{
    const char *file = arg_value(cli, "policy");
    struct buf text = {0};
    if (!file)
        return usage_error(cli, "which policy? --policy FILE, or --policy - for stdin");
    if (arg_given(cli, "wait") && arg_given(cli, "dry-run"))
        return usage_error(cli, "--wait cannot be combined with --dry-run");
    const char *name = sandbox_operand(cli, 0);
    if (!name)
        return EXIT_USAGE;
    int code = read_input(file, &text);
    if (code < 0) {
        struct call call = {
            .method = "PUT",
            .type = policy_media_type(file, &text),
            .body = buf_str(&text),
            .len = text.len,
            .path =
                policy_path(name, arg_given(cli, "dry-run") ? "/policy?dry_run=true" : "/policy")};
        code = send_change(cli, name, &call);
    }
    buf_free(&text);
    return code;
}

int policy_patch(struct cli *cli, const char *name, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    struct call call = {
        .method = "PATCH",
        .type = "application/json",
        .body = text,
        .len = strlen(text),
        .path = policy_path(name, arg_given(cli, "dry-run") ? "/policy?dry_run=true" : "/policy")};
    int code = send_change(cli, name, &call);
    free(text);
    json_decref(body);
    return code;
}

int cmd_policy_update(struct cli *cli)
{
    json_t *body = operations_from_args(cli);
    if (!body)
        return EXIT_USAGE;
    const char *name = sandbox_operand(cli, 0);
    if (name)
        return policy_patch(cli, name, body);
    json_decref(body);
    return EXIT_USAGE;
}

int cmd_policy_rollback(struct cli *cli)
{
    long to;
    if (!arg_given(cli, "to"))
        return usage_error(cli, "to which revision? --to N; sluice policy list shows them");
    const char *name = sandbox_operand(cli, 0);
    int code = name ? prefix_revision(cli, name, "to", 0, &to) : EXIT_USAGE;
    if (code >= 0)
        return code;
    if (to == 0)
        return usage_error(cli, "--to takes a revision from 1, not 0");
    char *rest = alloc_printf("/revisions/%ld/rollback%s", to,
                              arg_given(cli, "dry-run") ? "?dry_run=true" : "");
    struct call call = {.method = "POST", .path = policy_path(name, rest)};
    free(rest);
    return send_change(cli, name, &call);
}

/* ---- get, list ---- */

static void print_policy(const json_t *policy)
{
    struct buf text = {0};
    print_yaml(policy, &text);
    terminal_lines(stdout, "", buf_str(&text));
    buf_free(&text);
}

static void table_policy(const struct cli *cli, const json_t *json)
{
    (void)cli;
    terminal_print(
        stdout,
        "Sandbox:   %s\nRevision:  %lld (loaded: %lld)\nStatus:    %s\nHash:      %s\n---\n",
        json_text(json, "sandbox"), json_number(json, "revision"),
        json_number(json, "loaded_revision"), json_text(json, "status"), json_text(json, "hash"));
    print_policy(json_object_get(json, "policy"));
}

/* The document as the gateway prints it, nothing else on stdout. */
static int get_full(const struct cli *cli, char *path)
{
    struct reply reply;
    int code = EXIT_DONE;
    client_call(cli, &(struct call){.method = "GET", .path = path, .accept = "application/yaml"},
                &reply);
    if (reply.status == 200)
        terminal_lines(stdout, "", buf_str(&reply.text));
    else
        code = reply_failed(cli, &reply);
    reply_free(&reply);
    return code;
}

int cmd_policy_get(struct cli *cli)
{
    long revision;
    const char *name = sandbox_operand(cli, 0);
    int code = name ? prefix_revision(cli, name, "rev", 0, &revision) : EXIT_USAGE;
    if (code >= 0)
        return code;
    char *rest = revision ? alloc_printf("/policy?revision=%ld", revision) : alloc_str("/policy");
    char *path = policy_path(name, rest);
    free(rest);
    if (arg_given(cli, "full") && cli->output == OUT_TABLE)
        return get_full(cli, path);
    return client_show(cli, path, table_policy);
}

static void table_revisions(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    size_t i;
    json_t *r;
    const size_t n = cli->wide ? 8 : 7;
    table_row(&t, n,
              (const char *[]){"REVISION", "HASH", "STATUS", "KIND", "ACTOR", "CREATED", "REASON",
                               "LOADED"});
    json_array_foreach(json_object_get(json, "revisions"), i, r) {
        char number[24], hash[80];
        snprintf(number, sizeof number, "%lld", json_number(r, "revision"));
        snprintf(hash, sizeof hash, "%.*s", cli->wide ? 64 : 12, json_text(r, "hash"));
        const char *error = json_text(r, "error");
        table_row(&t, n,
                  (const char *[]){number, hash, json_text(r, "status"), json_text(r, "kind"),
                                   json_text(r, "actor"), json_text(r, "created_at"),
                                   *error ? error : json_text(r, "reason"),
                                   json_text(r, "loaded_at")});
    }
    table_print(cli, &t);
}

int cmd_policy_list(struct cli *cli)
{
    long limit;
    if (arg_number(cli, "limit", 20, 1000000, &limit) != 0)
        return EXIT_USAGE;
    const char *name = sandbox_operand(cli, 0);
    if (!name)
        return EXIT_USAGE;
    char *rest = alloc_printf("/revisions?limit=%ld&before=", limit),
         *path = policy_path(name, rest);
    free(rest);
    return list_show(cli, &(struct list){.path = path,
                                         .pages = true,
                                         .most = (size_t)limit,
                                         .key = "revisions",
                                         .sandbox = name,
                                         .table = table_revisions});
}
