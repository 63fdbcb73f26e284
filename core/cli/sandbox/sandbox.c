/* SPDX-License-Identifier: Apache-2.0 */
/* sluice sandbox … */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/confirm.h"
#include "cli/preset.h"
#include "cli/watch.h"

enum { CREATE_TIMEOUT_S = 300 };

/* Adds KEY=VALUE, len bytes.  0, or -1 after saying what is wrong. */
static int add_pair(const struct cli *cli, const char *name, const char *pair, size_t len,
                    json_t *object)
{
    const char *equals = memchr(pair, '=', len);
    if (!equals || equals == pair) {
        usage_error(cli, "--%s takes KEY=VALUE, not '%.*s'", name, (int)len, pair);
        return -1;
    }
    char *key = alloc_strn(pair, (size_t)(equals - pair));
    int rc = json_object_set_new(object, key,
                                 json_stringn(equals + 1, (size_t)(pair + len - equals - 1)));
    free(key);
    if (rc != 0)
        usage_error(cli, "--%s %s is no valid UTF-8 text", name, pair);
    return rc;
}

json_t *pair_options(const struct cli *cli, const char *name, bool comma)
{
    json_t *object = json_object();
    for (size_t i = 0; i < cli->n_args; i++) {
        const char *at = cli->args[i].value;
        if (strcmp(cli->args[i].name, name) != 0)
            continue;
        for (bool more = true; more;) {
            size_t len = comma ? strcspn(at, ",") : strlen(at);
            more = at[len] == ',';
            if (add_pair(cli, name, at, len, object) != 0) {
                json_decref(object);
                return NULL;
            }
            at += len + more;
        }
    }
    return object;
}

static void table_limits(const json_t *limits)
{
    const json_t *cpus = json_object_get(limits, "cpus");
    const char *memory = json_text(limits, "memory"), *reason = json_text(limits, "reason");
    terminal_print(stdout, "Memory:    %s\n", *memory ? memory : "no limit asked for");
    if (json_is_number(cpus))
        terminal_print(stdout, "CPUs:      %g\n", json_number_value(cpus));
    else
        terminal_print(stdout, "CPUs:      no limit asked for\n");
    terminal_print(stdout, "Pids:      %lld\n",
                   json_number(limits, "pids") ? json_number(limits, "pids") : 2048);
    if (*reason)
        terminal_print(stdout, "Limits:    cgroup %s: %s\n", json_text(limits, "cgroup"), reason);
    else
        terminal_print(stdout, "Limits:    by cgroup %s\n", json_text(limits, "cgroup"));
}

static void table_one(const struct cli *cli, const json_t *s)
{
    (void)cli;
    char *labels = json_dumps(json_object_get(s, "labels"), JSON_COMPACT);
    terminal_print(stdout,
                   "Name:      %s\nId:        %s\nPhase:     %s\nNetwork:   %s\nLabels:    %s\n",
                   json_text(s, "name"), json_text(s, "id"), json_text(s, "phase"),
                   json_text(s, "network"), labels);
    terminal_print(stdout, "Revision:  %lld (loaded: %lld)\nHash:      %s\nCreated:   %s\n",
                   json_number(s, "policy_revision"), json_number(s, "loaded_revision"),
                   json_text(s, "policy_hash"), json_text(s, "created_at"));
    print_holders(s);
    print_settings(s);
    print_main_process(s);
    terminal_print(stdout, "Observe:   %s\n",
                   json_is_true(json_object_get(s, "observe")) ? "on" : "off");
    table_limits(json_object_get(s, "limits"));
    if (*json_text(s, "error"))
        terminal_print(stdout, "Error:     %s\n", json_text(s, "error"));
    free(labels);
}

/* ---- create ---- */

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

static int delete_one(const struct cli *cli, const char *name, bool is_result)
{
    struct reply reply;
    char *escaped = url_escape(name);
    client_call(
        cli, &(struct call){.method = "DELETE", .path = alloc_printf("/v1/sandboxes/%s", escaped)},
        &reply);
    free(escaped);
    int code = reply.status == 200 ? EXIT_DONE : reply_failed(cli, &reply);
    if (code == EXIT_DONE) {
        forget_sandbox(cli, name);
        if (!is_result)
            say(cli, "✓ Deleted sandbox %s", name);
        else if (cli->output != OUT_TABLE)
            print_item(cli, reply.json);
        else
            terminal_print(stdout, "✓ Deleted sandbox %s\n", name);
    }
    reply_free(&reply);
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
    int deleted = delete_one(cli, name, false);
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
    char *reason;
    bool attaches = cli->n_rest && !arg_given(cli, "detach");
    int code = reason_header(cli, &reason);
    if (code >= 0)
        return code;
    hold_signals(cli, &ends);
    client_call(cli,
                &(struct call){.method = "POST",
                               .path = alloc_str("/v1/sandboxes"),
                               .type = document_type(file),
                               .body = buf_str(body),
                               .len = body->len,
                               .headers = {reason},
                               .timeout_s = CREATE_TIMEOUT_S,
                               .held = arg_given(cli, "no-keep") ? &ends : NULL,
                               .interrupted = "interrupted: the sandbox is deleted as soon as it "
                                              "is made; a second time leaves it"},
                &reply);
    free(reason);
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
    return document_read(cli, arg_value(cli, arg_given(cli, "observe") ? "ceiling" : "policy"),
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

/* ---- list, get, delete, stop, start ---- */

/* K=V,K=V */
static char *label_text(const json_t *labels)
{
    struct buf out = {0};
    const char *key;
    json_t *value;
    buf_puts(&out, "");
    json_object_foreach((json_t *)labels, key, value)
        buf_printf(&out, "%s%s=%s", out.len ? "," : "", key, json_string_value(value));
    return buf_take(&out);
}

static void table_all(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    size_t i;
    json_t *s, *list = json_object_get(json, "sandboxes");
    if (json_array_size(list) == 0) {
        say(cli, "No sandboxes found.");
        return;
    }
    const size_t n = cli->wide ? 9 : 5;
    table_row(&t, n,
              (const char *[]){"NAME", "PHASE", "NETWORK", "REVISION", "CREATED", "OWNER", "LABELS",
                               "HASH", "ID"});
    json_array_foreach(list, i, s) {
        char revision[48], hash[16];
        char *labels = label_text(json_object_get(s, "labels"));
        snprintf(hash, sizeof hash, "%.12s", json_text(s, "policy_hash"));
        snprintf(revision, sizeof revision, "%lld/%lld", json_number(s, "loaded_revision"),
                 json_number(s, "policy_revision"));
        table_row(&t, n,
                  (const char *[]){json_text(s, "name"), json_text(s, "phase"),
                                   json_text(s, "network"), revision, json_text(s, "created_at"),
                                   json_text(s, "owner"), labels, hash, json_text(s, "id")});
        free(labels);
    }
    table_print(cli, &t);
}

int cmd_sandbox_list(struct cli *cli)
{
    struct buf path = {0};
    const char *key;
    json_t *value, *labels = pair_options(cli, "label", true);
    json_t *selected = labels ? pair_options(cli, "selector", true) : NULL;
    if (!selected) {
        json_decref(labels);
        return EXIT_USAGE;
    }
    json_object_update(labels, selected);
    json_decref(selected);
    buf_puts(&path, "/v1/sandboxes");
    json_object_foreach(labels, key, value) {
        char *pair = alloc_printf("%s=%s", key, json_string_value(value)),
             *label = url_escape(pair);
        buf_printf(&path, "%clabel=%s", strchr(path.data, '?') ? '&' : '?', label);
        free(label);
        free(pair);
    }
    bool all = json_object_size(labels) == 0;
    json_decref(labels);
    return list_show(cli, &(struct list){.path = buf_take(&path),
                                         .key = "sandboxes",
                                         .complete = all,
                                         .table = table_all});
}

static char *sandbox_path(const char *name, const char *rest)
{
    char *escaped = url_escape(name), *path = alloc_printf("/v1/sandboxes/%s%s", escaped, rest);
    free(escaped);
    return path;
}

int cmd_sandbox_get(struct cli *cli)
{
    const char *name = sandbox_operand(cli, 0);
    return name ? client_show(cli, sandbox_path(name, ""), table_one) : EXIT_USAGE;
}

static int confirm_delete(const struct cli *cli)
{
    struct buf names = {0};
    bool one = cli->n_operands == 1;
    for (size_t i = 0; i < cli->n_operands; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", cli->operands[i]);
    int code = confirm(cli, "Delete sandbox%s %s with %s files?", one ? "" : "es", buf_str(&names),
                       one ? "its" : "their");
    buf_free(&names);
    return code;
}

int cmd_sandbox_delete(struct cli *cli)
{
    int code = EXIT_DONE;
    if (!cli->n_operands)
        return usage_error(cli, "which sandbox? give one name or several");
    int asked = confirm_delete(cli);
    if (asked >= 0)
        return asked;
    for (size_t i = 0; i < cli->n_operands; i++) {
        int one = delete_one(cli, cli->operands[i], true);
        code = one ? one : code;
    }
    return code;
}

static int change_life(struct cli *cli, const char *verb, const char *done)
{
    struct reply reply;
    const char *name = sandbox_operand(cli, 0);
    if (!name)
        return EXIT_USAGE;
    client_call(cli, &(struct call){.method = "POST", .path = sandbox_path(name, verb)}, &reply);
    int code = reply.status == 200 ? EXIT_DONE : reply_failed(cli, &reply);
    if (code == EXIT_DONE && cli->output != OUT_TABLE)
        print_json(cli, reply.json);
    else if (code == EXIT_DONE)
        terminal_print(stdout, "✓ %s sandbox %s\n", done, name);
    reply_free(&reply);
    return code;
}

int cmd_sandbox_stop(struct cli *cli)
{
    return change_life(cli, "/stop", "Stopped");
}

int cmd_sandbox_start(struct cli *cli)
{
    return change_life(cli, "/start", "Started");
}

/* ---- exec ---- */

int cmd_sandbox_exec(struct cli *cli)
{
    long timeout;
    const char *name = arg_value(cli, "name");
    const char *const *command = cli->rest;
    size_t n = cli->n_rest;
    if (name)
        cli->named = name;
    else if (!(name = sandbox_operand(cli, 0)))
        return EXIT_USAGE;
    size_t names = arg_given(cli, "name") ? 0 : 1;
    if (n && cli->n_operands > names)
        return usage_error(cli, "unexpected '%s'", cli->operands[names]);
    if (!n && arg_given(cli, "name")) {             /* exec -n NAME CMD... needs no -- */
        command = cli->operands;
        n = cli->n_operands;
    }
    if (!n)
        return usage_error(cli, "which command? it stands after --");
    if (arg_given(cli, "detach") && arg_given(cli, "tty"))
        return usage_error(cli, "--detach and --tty exclude each other: it has no streams");
    if (arg_seconds(cli, "timeout", 0, 0, 86400, &timeout) != 0)
        return EXIT_USAGE;
    json_t *env = pair_options(cli, "env", false);
    if (!env)
        return EXIT_USAGE;
    warn_of_secrets(cli, env);
    const struct exec_request request = {
        .command = command, .n_command = n, .workdir = arg_value(cli, "workdir"),
        .tty = arg_given(cli, "tty"), .timeout_ms = timeout * 1000, .env = env,
    };
    int code = arg_given(cli, "detach") ? exec_detached(cli, name, &request)
                                        : exec_run(cli, name, &request);
    json_decref(env);
    return code;
}
