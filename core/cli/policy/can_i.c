/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy can-i: whether the policy of a sandbox or of a file allows a request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/document.h"
#include "policy/match/ask.h"

static const char *value_or(const struct cli *cli, const char *name, const char *fallback)
{
    const char *value = arg_value(cli, name);
    return value ? value : fallback;
}

/* An exit code after saying what is wrong, or -1. */
static int read_question(const struct cli *cli, struct policy_question *out)
{
    long port;
    bool about_request = arg_given(cli, "method") || arg_given(cli, "path") ||
                         arg_given(cli, "query") || arg_given(cli, "body");
    const char *method = arg_given(cli, "body") ? "POST" : about_request ? "GET" : "";
    if (!arg_given(cli, "binary") || !arg_given(cli, "host") || !arg_given(cli, "port"))
        return usage_error(cli, "who may reach what? --binary, --host and --port are needed");
    if (arg_range(cli, "port", 0, 1, 65535, &port) != 0)
        return EXIT_USAGE;
    *out = (struct policy_question){
        .connection = {.binary = arg_value(cli, "binary"), .host = arg_value(cli, "host"),
                       .port = (uint16_t)port},
        .method = value_or(cli, "method", method),
        .path = value_or(cli, "path", "/"),
        .query = value_or(cli, "query", ""),
        .body = arg_value(cli, "body")};
    /* Of a GET where only an upgrade can be allowed. */
    out->websocket = strcasecmp(out->method, "GET") == 0;
    if (out->connection.binary[0] != '/')
        return usage_error(cli, "--binary takes an absolute path such as /usr/bin/curl, not '%s'",
                           out->connection.binary);
    return -1;
}

static void print_answer(const struct cli *cli, const struct policy_answer *answer)
{
    const char *reason = buf_str(&answer->reason);
    if (cli->output != OUT_TABLE) {
        json_t *json = json_pack("{s:b, s:s, s:s, s:b, s:s}", "allowed", (int)answer->allowed,
                                 "rule", answer->rule, "reason", reason, "audited",
                                 (int)answer->audited, "layer", answer->layer);
        print_json(cli, json);
        json_decref(json);
    } else if (answer->audited) {
        terminal_print(stdout, "allowed by %s, as it only audits: %s\n", answer->rule, reason);
    } else if (answer->allowed) {
        terminal_print(stdout, "allowed by %s\n", answer->rule);
    } else {
        terminal_print(stdout, "denied: %s\n", reason);
    }
}

/* NULL: *code says why. */
static struct policy *policy_of_operand(struct cli *cli, int *code)
{
    const char *name = sandbox_operand(cli, 0);
    return name ? policy_of_sandbox(cli, name, code) : NULL;
}

int cmd_policy_can_i(struct cli *cli)
{
    struct policy_question question;
    struct policy_answer answer;
    const char *file = arg_value(cli, "policy");
    int code = read_question(cli, &question);
    if (code >= 0)
        return code;
    code = EXIT_USAGE;
    struct policy *policy = file ? policy_from_file(file) : policy_of_operand(cli, &code);
    if (!policy)
        return code;
    policy_ask(policy_model(policy), &question, &answer);
    print_answer(cli, &answer);
    code = answer.allowed ? EXIT_DONE : EXIT_REFUSED;
    buf_free(&answer.reason);
    policy_unref(policy);
    return code;
}
