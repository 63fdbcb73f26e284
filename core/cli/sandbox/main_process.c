/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox connect and wait, sandbox exec --detach: what runs without its terminal. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "cli/cli.h"

enum { WAIT_STEP_MS = 60000, WAIT_MAX_S = 30 * 86400 };

static char *sandbox_path(const char *name, const char *rest)
{
    char *escaped = url_escape(name), *path = alloc_printf("/v1/sandboxes/%s%s", escaped, rest);
    free(escaped);
    return path;
}

/* ---- what it is ---- */

static char *command_line(const json_t *main)
{
    struct buf line = {0};
    size_t i;
    json_t *word;
    json_array_foreach(json_object_get(main, "command"), i, word)
        buf_printf(&line, "%s%s", i ? " " : "", json_string_value(word));
    return buf_take(&line);
}

void print_main_process(const json_t *sandbox)
{
    const json_t *main = json_object_get(sandbox, "main");
    if (!json_is_object(main))
        return;
    char *line = command_line(main);
    const char *state = json_text(main, "state");
    terminal_print(stdout, "Main:      %s\n", line);
    if (strcmp(state, "ended") == 0)
        terminal_print(stdout, "           ended with code %lld at %s%s%s\n",
                       json_number(main, "exit_code"), json_text(main, "ended_at"),
                       *json_text(main, "error") ? ": " : "", json_text(main, "error"));
    else if (strcmp(state, "running") == 0)
        terminal_print(stdout, "           running since %s\n", json_text(main, "started_at"));
    else
        terminal_print(stdout, "           not started yet\n");
    free(line);
}

/* ---- connect ---- */

static int open_shell(const struct cli *cli, const char *name)
{
    static const char *const shell[] = {"/bin/bash", "-l"};
    return exec_run(
        cli, name,
        &(struct exec_request){.command = shell, .n_command = 2, .tty = isatty(STDIN_FILENO)});
}

int cmd_sandbox_connect(struct cli *cli)
{
    struct reply reply;
    const char *name = sandbox_operand(cli, 0);
    if (!name)
        return EXIT_USAGE;
    if (arg_given(cli, "shell"))
        return open_shell(cli, name);
    client_call(cli, &(struct call){.method = "GET", .path = sandbox_path(name, "")}, &reply);
    int code = reply.status == 200 ? EXIT_DONE : reply_failed(cli, &reply);
    const json_t *main = json_object_get(reply.json, "main");
    bool has_main = json_is_object(main), tty = json_is_true(json_object_get(main, "tty"));
    reply_free(&reply);
    if (code != EXIT_DONE)
        return code;
    if (!has_main)
        return open_shell(cli, name);
    tty = tty && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (tty)
        say(cli, "attached to the main process: ctrl-p ctrl-q detaches");
    return exec_run(cli, name, &(struct exec_request){.tty = tty});
}

/* ---- wait ---- */

/* -1: it has not ended yet. */
static int wait_once(const struct cli *cli, const char *name, long wait_ms)
{
    struct reply reply;
    char *query = alloc_printf("/main?wait_ms=%ld", wait_ms);
    client_call(cli, &(struct call){.method = "GET", .path = sandbox_path(name, query)}, &reply);
    free(query);
    int code = reply.status == 200 ? -1 : reply_failed(cli, &reply);
    if (code < 0 && json_is_integer(json_object_get(reply.json, "exit_code"))) {
        code = (int)json_number(reply.json, "exit_code");
        if (cli->output != OUT_TABLE)
            print_json(cli, reply.json);
        if (*json_text(reply.json, "error"))
            complain("%s", json_text(reply.json, "error"));
    }
    reply_free(&reply);
    return code;
}

int cmd_sandbox_wait(struct cli *cli)
{
    long timeout;
    int code;
    const char *name = sandbox_operand(cli, 0);
    if (!name || arg_seconds(cli, "timeout", WAIT_MAX_S, 0, WAIT_MAX_S, &timeout) != 0)
        return EXIT_USAGE;
    int64_t end = clock_mono_ms() + (int64_t)timeout * 1000, left;
    do {
        left = end - clock_mono_ms();
        left = left < 0 ? 0 : left;
        code = wait_once(cli, name, left < WAIT_STEP_MS ? (long)left : WAIT_STEP_MS);
    } while (code < 0 && left > 0);
    if (code >= 0)
        return code;
    complain("the main process of sandbox %s has not ended within %ld s", name, timeout);
    return EXIT_WAITED;
}

/* ---- exec --detach ---- */

int exec_detached(struct cli *cli, const char *sandbox, const struct exec_request *request)
{
    struct reply reply;
    json_t *tree;
    int code = exec_body(cli, request, &tree);
    if (code >= 0)
        return code;
    json_object_set_new(tree, "detach", json_true());
    char *body = json_dumps(tree, JSON_COMPACT);
    json_decref(tree);
    client_call(cli,
                &(struct call){.method = "POST",
                               .path = sandbox_path(sandbox, "/exec"),
                               .type = "application/json",
                               .body = body,
                               .len = strlen(body)},
                &reply);
    free(body);
    code = reply.status == 200 ? EXIT_DONE : reply_failed(cli, &reply);
    if (code == EXIT_DONE && cli->output != OUT_TABLE)
        print_json(cli, reply.json);
    else if (code == EXIT_DONE)
        terminal_print(stdout, "%lld\n", json_number(reply.json, "pid"));
    reply_free(&reply);
    return code;
}
