/* SPDX-License-Identifier: Apache-2.0 */
/* sluice token … and sluice whoami. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/permission.h"
#include "auth/token.h"
#include "base/alloc.h"
#include "base/digest.h"
#include "base/terminal.h"
#include "cli/confirm.h"
#include "cli/watch.h"

static void print_token(const struct cli *cli, const char *token, const char *name,
                        const char *role, const char *sha256)
{
    if (cli->output != OUT_TABLE) {
        json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "token", token, "name", name, "role", role,
                                 "sha256", sha256);
        print_json(cli, json);
        json_decref(json);
        return;
    }
    terminal_print(stdout, "%s\n\n", token);
    terminal_print(stdout, "tokens:\n  - {name: %s, sha256: \"%s\", role: %s}\n", name, sha256,
                   role);
    say(cli, "the first line is the token, which is shown only now: give it to its bearer "
             "(SLUICE_TOKEN)\n"
             "the rest belongs into the gateway's configuration; it takes effect when sluiced is "
             "started again");
}

/* Needs no gateway: the configuration keeps the digest alone. */
static int create_offline(struct cli *cli)
{
    char token[TOKEN_SIZE], sha256[DIGEST_HEX_SIZE], made_up[32];
    const char *name = arg_value(cli, "name"), *role = arg_value(cli, "role");
    if (arg_given(cli, "sandbox") || arg_given(cli, "expires"))
        return usage_error(cli, "a token in the configuration is for every sandbox and has no end: "
                                "leave --offline, or --sandbox and --expires out");
    token_make(token);
    digest_of(token, strlen(token), sha256);
    snprintf(made_up, sizeof made_up, "token-%.6s", sha256);
    print_token(cli, token, name ? name : made_up, role, sha256);
    explicit_bzero(token, sizeof token);
    return EXIT_DONE;
}

static int create_body(struct cli *cli, json_t **out)
{
    const char *name = arg_value(cli, "name"), *sandbox = arg_value(cli, "sandbox");
    int64_t expires_ms = 0;
    int code = arg_given(cli, "expires") ? arg_duration(cli, "expires", &expires_ms) : -1;
    if (code >= 0)
        return code;
    json_t *body = json_pack("{s:s}", "role", arg_value(cli, "role"));
    if (name)
        json_object_set_new(body, "name", json_string(name));
    if (sandbox)
        json_object_set_new(body, "sandbox", json_string(sandbox));
    if (arg_given(cli, "expires"))
        json_object_set_new(body, "expires_ms", json_integer(expires_ms));
    *out = body;
    return -1;
}

static void print_made(const struct cli *cli, const json_t *made)
{
    const char *sandbox = json_text(made, "sandbox"), *end = json_text(made, "expires_at");
    if (cli->output != OUT_TABLE) {
        print_json(cli, made);
        return;
    }
    terminal_print(stdout, "%s\n", json_text(made, "token"));
    say(cli, "✓ Made token %s: role %s%s%s%s%s\nit is shown only now: give it to its bearer "
             "(SLUICE_TOKEN)", json_text(made, "name"), json_text(made, "role"),
        *sandbox ? ", for sandbox " : "", sandbox, *end ? ", until " : "", end);
}

static int create_live(struct cli *cli)
{
    struct reply reply;
    json_t *body;
    int code = create_body(cli, &body);
    if (code >= 0)
        return code;
    char *text = json_dumps(body, JSON_COMPACT);
    client_call(cli,
                &(struct call){.method = "POST",
                               .path = alloc_str("/v1/tokens"),
                               .type = "application/json",
                               .body = text,
                               .len = strlen(text)},
                &reply);
    code = reply.status == 201 && reply.json ? EXIT_DONE : reply_failed(cli, &reply);
    if (code == EXIT_DONE)
        print_made(cli, reply.json);
    reply_free(&reply);
    json_decref(body);
    free(text);
    return code;
}

int cmd_token_create(struct cli *cli)
{
    const char *name = arg_value(cli, "name"), *role = arg_value(cli, "role");
    if (!role || !token_name_is_good(role))
        return usage_error(cli, "what may its bearer do? --role is one of:" AUTH_GIVEN_WORDS
                                ", or a role of the gateway's auth.roles");
    if (name && !token_name_is_good(name))
        return usage_error(cli, TOKEN_NAME_RULE, name);
    return arg_given(cli, "offline") ? create_offline(cli) : create_live(cli);
}

static void table_tokens(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    json_t *token;
    size_t i;
    const size_t n = cli->wide ? 7 : 6;
    table_row(&t, n, (const char *const[]){"NAME", "ROLE", "SANDBOX", "EXPIRES", "MADE BY", "ID",
                                           "CREATED"});
    json_array_foreach(json_object_get(json, "tokens"), i, token) {
        bool expired = json_is_true(json_object_get(token, "expired"));
        const char *end = expired ? "expired" : json_text(token, "expires_at");
        table_row(&t, n, (const char *const[]){json_text(token, "name"), json_text(token, "role"),
                                               json_text(token, "sandbox"), end,
                                               json_text(token, "created_by"),
                                               json_text(token, "id"),
                                               json_text(token, "created_at")});
    }
    table_print(cli, &t);
}

int cmd_token_list(struct cli *cli)
{
    return list_show(cli, &(struct list){.path = alloc_str("/v1/tokens"),
                                         .key = "tokens",
                                         .complete = true,
                                         .table = table_tokens});
}

int cmd_token_revoke(struct cli *cli)
{
    struct reply reply;
    if (!cli->n_operands)
        return usage_error(cli, "which token? give its name or id");
    int asked = confirm(cli, "Revoke token %s? What uses it is refused at once.", cli->operands[0]);
    if (asked >= 0)
        return asked;
    char *escaped = url_escape(cli->operands[0]);
    client_call(
        cli,
        &(struct call){.method = "DELETE", .path = alloc_printf("/v1/tokens/%s", escaped)},
        &reply);
    free(escaped);
    int code = reply.status == 200 && reply.json ? EXIT_DONE : reply_failed(cli, &reply);
    if (code == EXIT_DONE && cli->output != OUT_TABLE)
        print_json(cli, reply.json);
    else if (code == EXIT_DONE)
        terminal_print(stdout, "✓ Revoked token %s\n", json_text(reply.json, "name"));
    reply_free(&reply);
    return code;
}

static void table_whoami(const struct cli *cli, const json_t *json)
{
    json_t *permission;
    size_t i;
    (void)cli;
    terminal_print(stdout, "Name:        %s\nRole:        %s\nKnown by:    %s\nFrom:        %s\n"
                           "Permissions:",
                   json_text(json, "name"), json_text(json, "role"), json_text(json, "identity"),
                   json_text(json, "from"));
    json_array_foreach(json_object_get(json, "permissions"), i, permission)
        terminal_print(stdout, " %s", json_string_value(permission));
    terminal_print(stdout, "\n");
}

int cmd_whoami(struct cli *cli)
{
    return client_show(cli, alloc_str("/v1/whoami"), table_whoami);
}
