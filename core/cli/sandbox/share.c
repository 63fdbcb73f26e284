/* SPDX-License-Identifier: Apache-2.0 */
/* sluice sandbox share and unshare. */
#include <stdlib.h>
#include <string.h>

#include "auth/permission.h"
#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/cli.h"

static char *share_path(const char *name, const char *with)
{
    char *escaped = url_escape(name), *whom = url_escape(with);
    char *path = alloc_printf("/v1/sandboxes/%s/shares/%s", escaped, whom);
    free(escaped);
    free(whom);
    return path;
}

void print_holders(const json_t *json)
{
    json_t *share;
    size_t i;
    terminal_print(stdout, "Owner:     %s\n", json_text(json, "owner"));
    json_array_foreach(json_object_get(json, "shares"), i, share)
        terminal_print(stdout, "Shared:    with %s as %s\n", json_text(share, "with"),
                       json_text(share, "role"));
}

static int finish(const struct cli *cli, struct reply *reply, const char *what, const char *name,
                  const char *with)
{
    int code = reply->status == 200 && reply->json ? EXIT_DONE : reply_failed(cli, reply);
    if (code == EXIT_DONE && cli->output != OUT_TABLE)
        print_json(cli, reply->json);
    else if (code == EXIT_DONE) {
        terminal_print(stdout, "✓ Sandbox %s is %s with %s\n", name, what, with);
        print_holders(reply->json);
    }
    reply_free(reply);
    return code;
}

/* NULL: the usage error was told. */
static const char *read_with(const struct cli *cli)
{
    const char *with = arg_value(cli, "with");
    if (!with || !*with)
        usage_error(cli, "with whom? --with takes the name that 'sluice whoami' shows them");
    return with && *with ? with : NULL;
}

int cmd_sandbox_share(struct cli *cli)
{
    struct reply reply;
    const char *name = sandbox_operand(cli, 0), *with = name ? read_with(cli) : NULL;
    const char *role = arg_value(cli, "role");
    if (!with)
        return EXIT_USAGE;
    if (!role)
        return usage_error(cli, "what may %s do there? --role is one of:" AUTH_SHARED_WORDS, with);
    json_t *body = json_pack("{s:s}", "role", role);
    char *text = json_dumps(body, JSON_COMPACT);
    client_call(cli,
                &(struct call){.method = "PUT",
                               .path = share_path(name, with),
                               .type = "application/json",
                               .body = text,
                               .len = strlen(text)},
                &reply);
    free(text);
    json_decref(body);
    return finish(cli, &reply, "shared", name, with);
}

int cmd_sandbox_unshare(struct cli *cli)
{
    struct reply reply;
    const char *name = sandbox_operand(cli, 0), *with = name ? read_with(cli) : NULL;
    if (!with)
        return EXIT_USAGE;
    client_call(cli, &(struct call){.method = "DELETE", .path = share_path(name, with)}, &reply);
    return finish(cli, &reply, "no longer shared", name, with);
}
