/* SPDX-License-Identifier: Apache-2.0 */
/* sluice token … */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/permission.h"
#include "auth/token.h"
#include "base/alloc.h"
#include "base/digest.h"
#include "base/terminal.h"
#include "cli/cli.h"

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

static bool is_given(const char *role)
{
    const char *const *given = auth_given_roles;
    while (*given && strcmp(*given, role) != 0)
        given++;
    return *given;
}

/* Needs no gateway: the configuration keeps the digest alone. */
int cmd_token_create(struct cli *cli)
{
    char token[TOKEN_SIZE], sha256[DIGEST_HEX_SIZE], made_up[32];
    const char *name = arg_value(cli, "name"), *role = arg_value(cli, "role");
    if (!role || !is_given(role))
        return usage_error(cli, "what may its bearer do? --role is one of:" AUTH_GIVEN_WORDS);
    if (name && !token_name_is_good(name))
        return usage_error(cli, TOKEN_NAME_RULE, name);
    token_make(token);
    digest_of(token, strlen(token), sha256);
    snprintf(made_up, sizeof made_up, "token-%.6s", sha256);
    print_token(cli, token, name ? name : made_up, role, sha256);
    explicit_bzero(token, sizeof token);
    return EXIT_DONE;
}
