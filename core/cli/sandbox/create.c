/* SPDX-License-Identifier: Apache-2.0 */
/* sluice sandbox create. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/policy/sign.h"
#include "cli/preset.h"

enum { CREATE_TIMEOUT_S = 300 };

static int check_words(const struct cli *cli)
{
    const char *network = arg_value(cli, "network");
    if (network && strcmp(network, "proxy") != 0 && strcmp(network, "none") != 0)
        return usage_error(cli, "--network is proxy or none, not '%s'", network);
    if (arg_given(cli, "keep") && arg_given(cli, "no-keep"))
        return usage_error(cli, "--keep and --no-keep exclude each other");
    if (arg_given(cli, "observe") && !arg_given(cli, "ceiling"))
        return usage_error(cli, "--observe lets everything through within a ceiling: give it with "
                                "--ceiling FILE");
    if (arg_given(cli, "ceiling") && !arg_given(cli, "observe"))
        return usage_error(cli, "--ceiling is for --observe; a policy is given with --policy FILE");
    if (arg_given(cli, "ceiling") && arg_given(cli, "policy"))
        return usage_error(cli, "--ceiling and --policy exclude each other: the ceiling is the "
                                "policy of a sandbox that is observed");
    if (arg_given(cli, "preset") && (arg_given(cli, "ceiling") || arg_given(cli, "observe")))
        return usage_error(cli, "--preset adds to a policy: put its rules into the ceiling");
    if (arg_given(cli, "no-keep") && !cli->n_rest)
        return usage_error(cli, "--no-keep needs a command to wait for: -- CMD...");
    if (arg_given(cli, "detach") && !cli->n_rest)
        return usage_error(cli, "--detach needs a command to start: -- CMD...");
    if (arg_given(cli, "detach") && arg_given(cli, "no-keep"))
        return usage_error(cli, "--detach and --no-keep exclude each other: nobody would wait for "
                                "the command's end");
    return -1;
}

/* What is no number becomes a usage error; its range is the gateway's to check. */
static int add_number(const struct cli *cli, json_t *body, const char *key, bool whole)
{
    char *end;
    const char *value = arg_value(cli, key);
    if (!value)
        return -1;
    double number = strtod(value, &end);
    if (*value < '0' || *value > '9' || *end || value[strspn(value, "0123456789.")])
        return usage_error(cli, "--%s is a number%s, not '%s'", key, whole ? "" : " such as 1.5",
                           value);
    if (whole && strchr(value, '.'))
        return usage_error(cli, "--%s is a whole number, not '%s'", key, value);
    if (number == 0)
        return usage_error(cli, "--%s is more than 0", key);
    if (number > INT32_MAX)
        return usage_error(cli, "--%s is a number up to %d, not '%s'", key, INT32_MAX, value);
    json_object_set_new(body, key, whole ? json_integer((json_int_t)number) : json_real(number));
    return -1;
}

static void add_text(json_t *body, const char *key, const char *value)
{
    if (value)
        json_object_set_new(body, key, json_string(value));
}

/* An empty one would ask for no limit, which a variable that is not set does not mean. */
static int check_memory(const struct cli *cli)
{
    const char *memory = arg_value(cli, "memory");
    return !memory || *memory ? -1 : usage_error(cli, "--memory is a size such as 512M, not ''");
}

static bool has_terminal(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int add_main(const struct cli *cli, json_t *body)
{
    const struct exec_request request = {
        .command = cli->rest, .n_command = cli->n_rest, .workdir = arg_value(cli, "workdir"),
        .tty = arg_given(cli, "tty") || has_terminal(),
    };
    json_t *main = NULL;
    if (!cli->n_rest)
        return -1;
    int code = exec_body(cli, &request, &main);
    if (code >= 0)
        return code;
    if (arg_given(cli, "detach"))
        json_object_set_new(main, "detach", json_true());
    json_object_set_new(body, "main", main);
    return -1;
}

static int create_body(const struct cli *cli, const struct document *file, struct buf *out)
{
    json_t *labels = pair_options(cli, "label", true),
           *env = labels ? pair_options(cli, "env", false) : NULL;
    if (!env) {
        json_decref(labels);
        return EXIT_USAGE;
    }
    warn_of_secrets(cli, env);
    json_t *body = json_pack("{s:o, s:o}", "labels", labels, "env", env);
    add_text(body, "name", arg_value(cli, "name"));
    add_text(body, "network", arg_value(cli, "network"));
    add_text(body, "memory", arg_value(cli, "memory"));
    add_text(body, "host", arg_value(cli, "host"));
    if (arg_given(cli, "observe"))
        json_object_set_new(body, "observe", json_true());
    int code = add_settings(cli, body);
    if (code < 0)
        code = check_memory(cli);
    if (code < 0)
        code = add_number(cli, body, "cpus", false);
    if (code < 0)
        code = add_number(cli, body, "pids", true);
    if (code < 0)
        code = add_main(cli, body);
    if (code < 0)
        document_body(file, body, "policy", out);
    json_decref(body);
    return code;
}

/* What --no-keep makes is deleted, whatever ends the command: such signals wait until it is
 * there. */
static void hold_signals(const struct cli *cli, sigset_t *out)
{
    sigemptyset(out);
    sigaddset(out, SIGINT);
    sigaddset(out, SIGTERM);
    sigaddset(out, SIGHUP);
    sigaddset(out, SIGQUIT);
    if (arg_given(cli, "no-keep"))
        sigprocmask(SIG_BLOCK, out, NULL);
}

static int run_main(const struct cli *cli, const char *name, const sigset_t *ends)
{
    const struct exec_request request = {
        .tty = has_terminal(),
        .ends = arg_given(cli, "no-keep") ? ends : NULL,
    };
    int code = exec_run(cli, name, &request);
    if (!arg_given(cli, "no-keep"))
        return code;
    int deleted = sandbox_delete(cli, name, false);
    if (deleted != EXIT_DONE)
        complain("sandbox %s was not deleted: sluice sandbox delete %s", name, name);
    return code ? code : deleted;
}

static void print_start_warnings(const struct cli *cli, const json_t *warnings)
{
    size_t i;
    json_t *text;
    json_array_foreach(warnings, i, text)
        say(cli, "warning: %s", json_string_value(text));
}

static int create(struct cli *cli, const struct document *file, const struct buf *body)
{
    struct reply reply;
    sigset_t ends;
    char *reason, *signature;
    bool attaches = cli->n_rest && !arg_given(cli, "detach");
    int code = signature_header(cli, &signature);
    if (code < 0 && (code = reason_header(cli, &reason)) >= 0)
        free(signature);
    if (code >= 0)
        return code;
    hold_signals(cli, &ends);
    client_call(cli,
                &(struct call){.method = "POST",
                               .path = alloc_str("/v1/sandboxes"),
                               .type = document_type(file),
                               .body = buf_str(body),
                               .len = body->len,
                               .headers = {signature ? signature : reason,
                                           signature ? reason : NULL},
                               .timeout_s = CREATE_TIMEOUT_S,
                               .held = arg_given(cli, "no-keep") ? &ends : NULL,
                               .interrupted = "interrupted: the sandbox is deleted as soon as it "
                                              "is made; a second time leaves it"},
                &reply);
    free(reason);
    free(signature);
    document_locate(file, body, "policy", &reply);
    code = reply.status == 201 && reply.json ? EXIT_DONE : reply_failed(cli, &reply);
    char *name = code == EXIT_DONE ? alloc_str(json_text(reply.json, "name")) : NULL;
    if (code == EXIT_DONE) {
        set_current_sandbox(cli, name);
        print_update_warnings(
            cli, json_object_get(json_object_get(reply.json, "update"), "warnings"));
        print_start_warnings(cli, json_object_get(reply.json, "warnings"));
        if (cli->output != OUT_TABLE && !attaches)
            print_json(cli, reply.json);
        else if (attaches)
            say(cli, "✓ Created sandbox: %s (%s)", name, json_text(reply.json, "phase"));
        else
            terminal_print(stdout, "✓ Created sandbox: %s (%s)\n", name,
                           json_text(reply.json, "phase"));
    }
    reply_free(&reply);
    if (code == EXIT_DONE && attaches)
        code = run_main(cli, name, &ends);
    free(name);
    return code;
}

static int read_policy(const struct cli *cli, struct document *out)
{
    if (arg_given(cli, "preset"))
        return preset_document(cli, arg_value(cli, "policy"), out);
    return document_read(arg_value(cli, arg_given(cli, "observe") ? "ceiling" : "policy"),
                         out);
}

int cmd_sandbox_create(struct cli *cli)
{
    struct buf body = {0};
    if (cli->n_operands)
        return usage_error(cli,
                           "unexpected '%s': the name is given with --name, the command after --",
                           cli->operands[0]);
    struct document file = {0};
    int code = check_words(cli);
    if (code < 0)
        code = read_policy(cli, &file);
    if (code < 0)
        code = create_body(cli, &file, &body);
    if (code < 0)
        code = create(cli, &file, &body);
    document_free(&file);
    buf_free(&body);
    return code;
}
