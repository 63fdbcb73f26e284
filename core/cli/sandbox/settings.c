/* SPDX-License-Identifier: Apache-2.0 */
/* sluice sandbox set, and the same options of sandbox create. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/duration.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "sandbox/wire/spec.h"

/* -1: it is given as one of two words, or not at all. */
static int check_word(const struct cli *cli, const char *name, const char *one, const char *other)
{
    const char *value = arg_value(cli, name);
    if (!value || strcmp(value, one) == 0 || strcmp(value, other) == 0)
        return -1;
    return usage_error(cli, "--%s is %s or %s, not '%s'", name, one, other, value);
}

static int add_hold(const struct cli *cli, json_t *body)
{
    const char *text = arg_value(cli, "hold");
    int64_t ms = 0;
    if (!text)
        return -1;
    if (strcmp(text, "0") != 0 && duration_parse(text, &ms) != 0)
        return usage_error(cli, "--hold is a duration such as 20s or 5m, or 0, not '%s'", text);
    if (ms > SANDBOX_HOLD_MAX_MS)
        return usage_error(cli, "--hold is at most 1h, not '%s'", text);
    json_object_set_new(body, "hold_ms", json_integer(ms));
    return -1;
}

int add_settings(const struct cli *cli, json_t *body)
{
    const char *mode = arg_value(cli, "approval-mode"),
               *proposals = arg_value(cli, "agent-proposals");
    int code = check_word(cli, "approval-mode", "manual", "auto");
    if (code < 0)
        code = check_word(cli, "agent-proposals", "on", "off");
    if (code < 0)
        code = add_hold(cli, body);
    if (mode)
        json_object_set_new(body, "approval_mode", json_string(mode));
    if (proposals)
        json_object_set_new(body, "agent_proposals", json_boolean(strcmp(proposals, "on") == 0));
    return code;
}

void print_settings(const json_t *sandbox)
{
    bool proposals = json_is_true(json_object_get(sandbox, "agent_proposals"));
    long long hold = json_number(sandbox, "hold_ms");
    terminal_print(stdout, "Approval:  %s\n", json_text(sandbox, "approval_mode"));
    if (hold)
        terminal_print(stdout, "Hold:      %lld%s\n", hold % 1000 ? hold : hold / 1000,
                       hold % 1000 ? "ms" : "s");
    else
        terminal_print(stdout, "Hold:      none\n");
    terminal_print(stdout, "Proposals: %s\n", proposals ? "on" : "off");
}

/* ---- sandbox set ---- */

static json_t *set_body(const struct cli *cli, int *code)
{
    json_t *body = json_object(), *labels = pair_options(cli, "label", true);
    *code = labels ? add_settings(cli, body) : EXIT_USAGE;
    for (size_t i = 0; labels && i < cli->n_args; i++)
        if (strcmp(cli->args[i].name, "remove-label") == 0)
            json_object_set_new(labels, cli->args[i].value, json_null());
    if (json_object_size(labels))
        json_object_set(body, "labels", labels);
    json_decref(labels);
    if (*code < 0 && json_object_size(body) == 0)
        *code = usage_error(cli, "what is to change? give --hold, --agent-proposals, "
                                 "--approval-mode, --label or --remove-label");
    return body;
}

static int send_settings(const struct cli *cli, const char *name, const json_t *body)
{
    struct reply reply;
    char *escaped = url_escape(name), *text = json_dumps(body, JSON_COMPACT);
    client_call(cli,
                &(struct call){.method = "PATCH",
                               .path = alloc_printf("/v1/sandboxes/%s", escaped),
                               .type = "application/json",
                               .body = text,
                               .len = strlen(text)},
                &reply);
    free(escaped);
    free(text);
    int code = reply.status == 200 ? EXIT_DONE : reply_failed(cli, &reply);
    if (code == EXIT_DONE && cli->output != OUT_TABLE)
        print_json(cli, reply.json);
    else if (code == EXIT_DONE) {
        terminal_print(stdout, "✓ Changed sandbox %s\n", name);
        print_settings(reply.json);
    }
    reply_free(&reply);
    return code;
}

int cmd_sandbox_set(struct cli *cli)
{
    int code;
    const char *name = sandbox_operand(cli, 0);
    if (!name)
        return EXIT_USAGE;
    json_t *body = set_body(cli, &code);
    if (code < 0)
        code = send_settings(cli, name, body);
    json_decref(body);
    return code;
}
