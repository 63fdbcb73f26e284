/* SPDX-License-Identifier: Apache-2.0 */
/* sluice sandbox … */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/confirm.h"
#include "cli/watch.h"

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
    const char *why = strcmp(name, "env") == 0 ? text_env_name_refused(key) : NULL;
    if (why) {
        usage_error(cli, "--%s %s: %s", name, key, why);
        free(key);
        return -1;
    }
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

int sandbox_delete(const struct cli *cli, const char *name, bool is_result)
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
        int one = sandbox_delete(cli, cli->operands[i], true);
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
