/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that are processes of their own, as the proxy tells callers by process.
 *
 * A puppet runs a copy of this test program under a path of the test's choice, connects to the
 * proxy, hands a duplicate of its socket to the test (which the proxy does not see: the test plays
 * the sandbox's init) and holds it until it is told to let go or to end. */
#ifndef TESTS_SUPPORT_PUPPET_H
#define TESTS_SUPPORT_PUPPET_H

#include "support/watched.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
    PUPPET_CONTROL = 3,                             /* the puppet's end of the channel */
};

struct puppet {
    pid_t pid;
    int control;                                    /* closing it ends the puppet */
    int socket;                                     /* the test's duplicate */
};

static inline void puppet_pass(int channel, int fd)
{
    char byte = 'f', control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    if (sendmsg(channel, &message, 0) != 1)
        _exit(3);
}

static inline int puppet_take(int channel)
{
    char byte, control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    int fd = -1;
    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
        return -1;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static inline int puppet_connect(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, PROXY_ADDRESS, &to.sin_addr);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? fd : -1;
}

/* What the test may ask of a running puppet, one byte each; every order is answered by 'k'. */
enum puppet_order {
    PUPPET_LET_GO = 'l',                            /* closes the socket */
    PUPPET_FORK = 'f',                              /* a child that holds it too */
    PUPPET_AGAIN = 'a',                             /* connects anew and passes that socket */
    PUPPET_EXEC = 'e',                              /* the same, running the last program given */
};

/* Until the test ends the puppet: nothing is read, as the orders are for another process. */
static inline void puppet_linger(void)
{
    struct pollfd control = {.fd = PUPPET_CONTROL};
    while (poll(&control, 1, -1) != 1)
        ;
    _exit(0);
}

static inline void puppet_fork(const char *program)
{
    pid_t pid = fork();
    if (pid == 0 && program)
        execl(program, program, "linger", (char *)NULL);
    if (pid == 0)
        puppet_linger();
}

/* Until a program of that path runs in the child, the order is not carried out. */
static inline void puppet_await(const char *program)
{
    char link[64], path[512], list[256] = "";
    for (bool there = false; program && !there;) {
        FILE *children = fopen("/proc/thread-self/children", "r");
        if (children && fgets(list, sizeof list, children)) {
            snprintf(link, sizeof link, "/proc/%d/exe", atoi(list));
            ssize_t len = readlink(link, path, sizeof path - 1);
            path[len > 0 ? len : 0] = '\0';
            there = strcmp(path, program) == 0;
        }
        if (children)
            fclose(children);
        sched_yield();
    }
}

static inline void puppet_obey(int socket, uint16_t port, const char *last)
{
    char order;
    while (read(PUPPET_CONTROL, &order, 1) > 0) {
        if (order == PUPPET_LET_GO)
            close(socket);
        if (order == PUPPET_AGAIN) {
            close(socket);
            socket = puppet_connect(port);
            puppet_pass(PUPPET_CONTROL, socket);
        }
        if (order == PUPPET_FORK)
            puppet_fork(NULL);
        if (order == PUPPET_EXEC) {
            puppet_fork(last);
            puppet_await(last);
        }
        order = 'k';
        if (write(PUPPET_CONTROL, &order, 1) != 1)
            break;
    }
    _exit(0);
}

/* argv: puppet PORT LEVELS PROGRAM... ; LEVELS programs are started, each by the one before. */
static inline int puppet_main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "linger") == 0)
        puppet_linger();
    if (argc < 4 || strcmp(argv[1], "puppet") != 0)
        return -1;
    int levels = atoi(argv[3]);
    if (levels == 0) {
        int socket = puppet_connect((uint16_t)atoi(argv[2]));
        puppet_pass(PUPPET_CONTROL, socket);
        puppet_obey(socket, (uint16_t)atoi(argv[2]), argc > 4 ? argv[argc - 1] : NULL);
    }
    if (fork() == 0) {
        char next[16];
        snprintf(next, sizeof next, "%d", levels - 1);
        argv[3] = next;
        char *program = argv[4];
        memmove(&argv[4], &argv[5], sizeof *argv * (size_t)(argc - 4));
        argv[0] = program;
        execv(program, argv);
        _exit(6);
    }
    /* Only the last one reads orders: the others end with it. */
    int status;
    wait(&status);
    _exit(0);
}

struct puppet_start {
    const char *program;
    char **argv;
    int control;
};

static inline int puppet_execute(void *arg)
{
    const struct puppet_start *start = arg;
    if (dup2(start->control, PUPPET_CONTROL) < 0 ||
        (start->control == PUPPET_CONTROL && fcntl(PUPPET_CONTROL, F_SETFD, 0) != 0))
        return 7;
    execv(start->program, start->argv);
    return 8;
}

/* programs: NULL-terminated; the first is started by the test, each other one by the one before,
 * but for the last n_spare, which only PUPPET_EXEC starts.  The socket comes with puppet_take, once
 * the connect was answered. */
static inline struct puppet puppet_start_spare(struct watched *watched, uint16_t port,
                                               const char *const *programs, int n_spare)
{
    int pair[2];
    char port_text[8], levels[8];
    char *argv[16] = {(char *)programs[0], "puppet", port_text, levels};
    int n = 0;
    while (programs[n + 1]) {
        argv[4 + n] = (char *)programs[n + 1];
        n++;
    }
    snprintf(port_text, sizeof port_text, "%u", port);
    snprintf(levels, sizeof levels, "%d", n - n_spare);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        network_fail("socketpair");
    struct puppet_start start = {programs[0], argv, pair[1]};
    struct puppet puppet = {.control = pair[0], .socket = -1};
    puppet.pid = watched_fork(watched, puppet_execute, &start);
    close(pair[1]);
    return puppet;
}

static inline bool puppet_do(const struct puppet *puppet, enum puppet_order order)
{
    char byte = (char)order;
    return write(puppet->control, &byte, 1) == 1 && read(puppet->control, &byte, 1) == 1 &&
           byte == 'k';
}

static inline void puppet_end(struct puppet *puppet)
{
    int status;
    close(puppet->control);
    waitpid(puppet->pid, &status, 0);
}

/* Copies this program to folder/name, so that it can be called by that path. */
static inline void puppet_install(const char *folder, const char *name, char *out, size_t size)
{
    char bytes[65536];
    ssize_t n;
    snprintf(out, size, "%s/%s", folder, name);
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    while ((n = read(from, bytes, sizeof bytes)) > 0)
        if (write(to, bytes, (size_t)n) != n)
            network_fail(out);
    close(from);
    close(to);
}

#endif
