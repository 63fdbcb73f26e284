/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox forward: listens here, and connects each client to a port of the sandbox. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/terminal.h"
#include "cli/sandbox/ssh.h"

struct forward {
    const char *sandbox;
    long local, port;
    struct sockaddr_storage at;
    socklen_t at_len;
};

/* [LOCAL:]PORT */
static int read_ports(const struct cli *cli, const char *text, struct forward *out)
{
    char *end;
    const char *colon = strchr(text, ':'), *port = colon ? colon + 1 : text;
    out->port = strtol(port, &end, 10);
    if (*port < '0' || *port > '9' || *end || out->port < 1 || out->port > 65535)
        return usage_error(cli, "a port is [LOCAL:]PORT, each from 1 to 65535, not '%s'", text);
    out->local = colon ? strtol(text, &end, 10) : out->port;
    if (colon && (*text < '0' || *text > '9' || end != colon || out->local > 65535))
        return usage_error(cli, "a local port is a number up to 65535, 0 for any, not '%s'", text);
    return -1;
}

static int read_address(const struct cli *cli, struct forward *out)
{
    const char *text = arg_given(cli, "bind") ? arg_value(cli, "bind") : "127.0.0.1";
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->at;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->at;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)out->local);
        out->at_len = sizeof *v4;
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)out->local);
        out->at_len = sizeof *v6;
    } else {
        return usage_error(cli, "--bind is an address of this machine, not '%s'", text);
    }
    return -1;
}

static int open_listener(struct forward *f)
{
    const int on = 1;
    int fd = socket(f->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&f->at, f->at_len) == 0 && listen(fd, SOMAXCONN) == 0 &&
        getsockname(fd, (struct sockaddr *)&f->at, &f->at_len) == 0)
        return fd;
    complain("cannot listen on port %ld: %s; LOCAL:PORT names another port of this machine, such "
             "as 20000:%ld", f->local, strerror(errno), f->port);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* What is printed is to be read at once, also by whoever waits on a pipe. */
static void print_listener(const struct forward *f)
{
    char text[INET6_ADDRSTRLEN] = "";
    bool v6 = f->at.ss_family == AF_INET6;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&f->at;
    const struct sockaddr_in6 *at6 = (const struct sockaddr_in6 *)&f->at;
    inet_ntop(f->at.ss_family,
              v6 ? (const void *)&at6->sin6_addr : (const void *)&v4->sin_addr, text, sizeof text);
    terminal_print(stdout, "✓ Forwarding %s%s%s:%d to port %ld of sandbox %s\n", v6 ? "[" : "",
                   text, v6 ? "]" : "", ntohs(v6 ? at6->sin6_port : v4->sin_port), f->port,
                   f->sandbox);
    fflush(stdout);
}

/* In a process of its own for each connection, which ends with this one. */
static void serve(const struct cli *cli, const struct forward *f, int listener, int client)
{
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        complain("cannot serve a connection: %s", strerror(errno));
    if (pid != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_DONE);
    close(listener);
    dup2(client, STDIN_FILENO);
    dup2(client, STDOUT_FILENO);
    close(client);
    _exit(exec_run(cli, f->sandbox, &(struct exec_request){.service = "tcp", .port = f->port}));
}

static int serve_all(const struct cli *cli, const struct forward *f, int listener)
{
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        if (client >= 0) {
            serve(cli, f, listener, client);
            close(client);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS ||
                   errno == EBADF || errno == EINVAL) {
            complain("cannot accept a connection: %s", strerror(errno));
            return EXIT_REFUSED;
        }
    }
}

int cmd_sandbox_forward(struct cli *cli)
{
    struct forward f = {0};
    size_t n = cli->n_operands;
    if (n != 2)
        return usage_error(cli, "give the sandbox and [LOCAL:]PORT");
    f.sandbox = sandbox_operand(cli, 0);
    int code = read_ports(cli, cli->operands[1], &f);
    if (code < 0)
        code = read_address(cli, &f);
    if (code < 0)
        code = ssh_find_sandbox(cli, f.sandbox);
    if (code >= 0)
        return code;
    int listener = open_listener(&f);
    if (listener < 0)
        return EXIT_REFUSED;
    print_listener(&f);
    return serve_all(cli, &f, listener);
}
