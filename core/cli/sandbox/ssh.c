/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sandbox/ssh.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/terminal.h"

/* What a sandbox may be told, and what of it is believed: nothing that a server can ask for leads
 * back to this machine. */
static const char *const options[][2] = {
    {"User", "sandbox"},
    {"StrictHostKeyChecking", "no"},
    {"UserKnownHostsFile", "/dev/null"},
    {"GlobalKnownHostsFile", "/dev/null"},
    {"UpdateHostKeys", "no"},
    {"PreferredAuthentications", "none"},
    {"ForwardAgent", "no"},
    {"ForwardX11", "no"},
    {"PermitLocalCommand", "no"},
    {"LogLevel", "ERROR"},
};
enum { N_OPTIONS = sizeof options / sizeof *options };

/* A word for the shell that ssh starts, in a configuration where % begins a token. */
static void add_word(struct buf *command, const char *word)
{
    buf_puts(command, command->len ? " '" : "'");
    for (; *word; word++)
        if (*word == '\'')
            buf_puts(command, "'\\''");
        else if (*word == '%')
            buf_puts(command, "%%");
        else
            buf_putc(command, *word);
    buf_putc(command, '\'');
}

/* ssh may run in another folder. */
static void add_file(struct buf *out, const char *option, const char *path)
{
    char *real = path ? realpath(path, NULL) : NULL;
    if (real) {
        add_word(out, option);
        add_word(out, real);
    }
    free(real);
}

static int proxy_command(const struct cli *cli, const char *name, struct buf *out)
{
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0) {
        complain("cannot find the path of this program: %s", strerror(errno));
        return EXIT_REFUSED;
    }
    program[n] = '\0';
    if (strpbrk(program, "\r\n") || strpbrk(cli->gateway, "\r\n") ||
        (cli->gateway_user && strpbrk(cli->gateway_user, "\r\n")))
        return usage_error(cli, "a line end cannot be part of ssh's configuration");
    add_word(out, program);
    add_word(out, "--gateway");
    add_word(out, cli->gateway);
    if (cli->gateway_user) {
        add_word(out, "--gateway-user");
        add_word(out, cli->gateway_user);
    }
    if (cli->insecure)
        add_word(out, "--insecure");
    add_file(out, "--ca", cli->ca);
    add_file(out, "--cert", cli->cert);
    add_file(out, "--key", cli->key);
    add_word(out, "sandbox");
    add_word(out, "ssh-proxy");
    add_word(out, name);
    return -1;
}

int ssh_find_sandbox(const struct cli *cli, const char *name)
{
    struct reply reply;
    char *escaped = url_escape(name);
    client_call(cli,
                &(struct call){.method = "GET", .path = alloc_printf("/v1/sandboxes/%s", escaped)},
                &reply);
    free(escaped);
    int code = reply.status == 200 ? -1 : reply_failed(cli, &reply);
    reply_free(&reply);
    return code;
}

/* ---- sandbox ssh-config, ssh-proxy ---- */

int cmd_sandbox_ssh_config(struct cli *cli)
{
    const char *name = sandbox_operand(cli, 0);
    struct buf proxy = {0};
    if (!name)
        return EXIT_USAGE;
    int code = ssh_find_sandbox(cli, name);
    if (code < 0)
        code = proxy_command(cli, name, &proxy);
    if (code < 0) {
        terminal_print(stdout, "Host sluice-%s %s\n    HostName %s\n    ProxyCommand %s\n", name,
                       name, name, buf_str(&proxy));
        for (size_t i = 0; i < N_OPTIONS; i++)
            terminal_print(stdout, "    %s %s\n", options[i][0], options[i][1]);
    }
    buf_free(&proxy);
    return code < 0 ? EXIT_DONE : code;
}

int cmd_sandbox_ssh_proxy(struct cli *cli)
{
    const char *name = sandbox_operand(cli, 0);
    return name ? exec_run(cli, name, &(struct exec_request){.service = "ssh"}) : EXIT_USAGE;
}

/* ---- clients of OpenSSH ---- */

static _Noreturn void exec_client(const struct cli *cli, const char *program, char **argv,
                                  int input)
{
    if (cli->token)
        setenv("SLUICE_TOKEN", cli->token, 1);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    if (dup2(input, STDIN_FILENO) >= 0)
        execvp(program, argv);
    complain(errno == ENOENT ? "there is no %s on this machine: install openssh-client"
                             : "cannot run %s",
             program);
    _exit(EXIT_REFUSED);
}

static int wait_client(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_REFUSED;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int ssh_run(const struct cli *cli, const char *name, const char *program, const char *const *words,
            int input)
{
    char *argv[2 * (N_OPTIONS + 2) + 16], *texts[N_OPTIONS + 1];
    struct buf proxy = {0};
    size_t n = 0;
    int code = proxy_command(cli, name, &proxy);
    if (code >= 0) {
        buf_free(&proxy);
        return code;
    }
    argv[n++] = (char *)program;
    argv[n++] = "-F";
    argv[n++] = "none";
    for (size_t i = 0; i <= N_OPTIONS; i++) {
        texts[i] = i < N_OPTIONS ? alloc_printf("%s %s", options[i][0], options[i][1])
                                 : alloc_printf("ProxyCommand %s", buf_str(&proxy));
        argv[n++] = "-o";
        argv[n++] = texts[i];
    }
    for (; *words; words++)
        argv[n++] = (char *)*words;
    argv[n] = NULL;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        exec_client(cli, program, argv, input);
    code = pid < 0 ? EXIT_REFUSED : wait_client(pid);
    for (size_t i = 0; i <= N_OPTIONS; i++)
        free(texts[i]);
    buf_free(&proxy);
    return code;
}
