/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that are processes of their own, as the proxy finds callers by process.
 *
 * A puppet runs a copy of this test program under a path of the test's choice, connects to the
 * proxy, hands a duplicate of its socket to the test (which the proxy does not see: the test plays
 * the sandbox's init) and holds it until it is told to let go or to end. */
#ifndef TEST_EGRESS_PUPPET_H
#define TEST_EGRESS_PUPPET_H

#include "egress/network.h"

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
    PUPPET_FILES = 16384,
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
    PUPPET_EXEC = 'e',                              /* the same, running the last program given */
    PUPPET_VEIL = 'v',                              /* like PUPPET_EXEC, but nobody may look into it */
    PUPPET_FLICKER = 'w',                           /* ... may look into it from time to time */
    PUPPET_HIDE = 'h',                              /* a thread's own table holds it from now on */
    PUPPET_TAKE_OVER = 't',                         /* that thread executes the program: no answer */
    PUPPET_HOP = 'o',                               /* a child holds it, then only its child, ... */
    PUPPET_FILL = 'd',                              /* as many descriptors as it may have */
};

/* Until the test ends the puppet: nothing is read, as the orders are for another process. */
static inline void puppet_linger(void)
{
    struct pollfd control = {.fd = PUPPET_CONTROL};
    while (poll(&control, 1, -1) != 1)
        ;
    _exit(0);
}

struct puppet_hiding {
    int report, order;
};

static inline int puppet_hide(void *arg)
{
    struct puppet_hiding *h = arg;
    char byte = 'k', *again[] = {"hidden", "linger", NULL};
    if (write(h->report, &byte, 1) != 1 || read(h->order, &byte, 1) != 1)
        return 1;
    return execv("/proc/self/exe", again);
}

/* A thread made without CLONE_FILES: its descriptors are a copy that /proc/PID/fd does not show.  What is
 * written to the result makes it take over. */
static inline int puppet_start_hiding(void)
{
    static char stack[64 * 1024];
    static struct puppet_hiding hiding;
    int report[2], order[2];
    char byte;
    if (pipe(report) != 0 || pipe(order) != 0)
        _exit(4);
    hiding = (struct puppet_hiding){report[1], order[0]};
    int flags = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS;
    if (clone(puppet_hide, stack + sizeof stack, flags, &hiding) < 0 || read(report[0], &byte, 1) != 1)
        _exit(5);
    return order[1];
}

static inline void puppet_fork(const char *program)
{
    pid_t pid = fork();
    if (pid == 0 && program)
        execl(program, program, "linger", (char *)NULL);
    if (pid == 0)
        puppet_linger();
}

/* Each is the parent of the next one and gone at once, until the test ends the puppet. */
static inline void puppet_hop(void)
{
    struct pollfd control = {.fd = PUPPET_CONTROL};
    if (fork() != 0)
        return;
    while (poll(&control, 1, 0) == 0)
        if (fork() != 0)
            _exit(0);
    _exit(0);
}

static inline void puppet_fill(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < PUPPET_FILES ? limit.rlim_max : PUPPET_FILES;
    setrlimit(RLIMIT_NOFILE, &limit);
    while (dup(PUPPET_CONTROL) >= 0)
        ;
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

/* A user namespace that does not know root, a program started in it, and no dumps: its files in
 * /proc belong to the root of the machine. */
static inline int puppet_become_veiled(char **argv)
{
    char *again[] = {argv[0], strcmp(argv[1], "veil") == 0 ? "veiled" : "flickering", argv[2], NULL};
    if (unshare(CLONE_NEWUSER) != 0)
        return 9;
    network_write("/proc/self/uid_map", "1000 0 1");
    execv(argv[0], again);
    return 10;
}

/* The socket is the last of many descriptors, so that a look comes to it late. */
static inline void puppet_flicker(int socket)
{
    struct pollfd control = {.fd = PUPPET_CONTROL};
    for (int fd; (fd = dup(socket)) >= 0 && fd < 1000; socket = fd)
        if (dup2(PUPPET_CONTROL, socket) < 0)
            _exit(12);
    for (bool dumpable = true; poll(&control, 1, 0) == 0; dumpable = !dumpable) {
        prctl(PR_SET_DUMPABLE, dumpable);
        for (int i = 0; i < 50; i++)
            access("/proc/thread-self/fd/0", F_OK);        /* until then the folder has its former owner */
    }
    _exit(0);
}

static inline void puppet_veil(const char *program, const char *how, int socket)
{
    char path[64], number[16];
    snprintf(number, sizeof number, "%d", socket);
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, how, number, (char *)NULL);
        _exit(11);
    }
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    for (int fd; (fd = open(path, O_RDONLY)) >= 0 || errno != EACCES; sched_yield())
        if (fd >= 0)
            close(fd);
}

static inline void puppet_obey(int socket, const char *last)
{
    char order;
    int hidden = -1;
    while (read(PUPPET_CONTROL, &order, 1) > 0) {
        if (order == PUPPET_HIDE)
            hidden = puppet_start_hiding();
        if (order == PUPPET_TAKE_OVER && write(hidden, &order, 1) == 1)
            pause();
        if (order == PUPPET_HOP)
            puppet_hop();
        if (order == PUPPET_FILL)
            puppet_fill();
        if (order == PUPPET_LET_GO || order == PUPPET_HIDE || order == PUPPET_HOP)
            close(socket);
        if (order == PUPPET_VEIL)
            puppet_veil(last, "veil", socket);
        if (order == PUPPET_FLICKER)
            puppet_veil(last, "flicker", socket);
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
    if (argc > 1 && (strcmp(argv[1], "veil") == 0 || strcmp(argv[1], "flicker") == 0))
        return puppet_become_veiled(argv);
    if (argc > 2 && strcmp(argv[1], "flickering") == 0)
        puppet_flicker(atoi(argv[2]));
    if (argc > 1 && strcmp(argv[1], "veiled") == 0) {
        prctl(PR_SET_DUMPABLE, 0);
        puppet_linger();
    }
    if (argc < 4 || strcmp(argv[1], "puppet") != 0)
        return -1;
    int levels = atoi(argv[3]);
    if (levels == 0) {
        int socket = puppet_connect((uint16_t)atoi(argv[2]));
        puppet_pass(PUPPET_CONTROL, socket);
        puppet_obey(socket, argc > 4 ? argv[argc - 1] : NULL);
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

/* programs: NULL-terminated; the first is started by the test, each other one by the one before,
 * but for the last n_spare, which only PUPPET_EXEC starts. */
static inline struct puppet puppet_start_spare(uint16_t port, const char *const *programs,
                                               int n_spare)
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
    struct puppet puppet = {.control = pair[0]};
    puppet.pid = fork();
    if (puppet.pid == 0) {
        if (dup2(pair[1], PUPPET_CONTROL) < 0 || (pair[1] == PUPPET_CONTROL &&
                                                  fcntl(PUPPET_CONTROL, F_SETFD, 0) != 0))
            _exit(7);
        execv(programs[0], argv);
        _exit(8);
    }
    close(pair[1]);
    puppet.socket = puppet_take(puppet.control);
    return puppet;
}

static inline bool puppet_do(const struct puppet *puppet, enum puppet_order order)
{
    char byte = (char)order;
    return write(puppet->control, &byte, 1) == 1 && read(puppet->control, &byte, 1) == 1 &&
           byte == 'k';
}

static inline void puppet_tell(const struct puppet *puppet, enum puppet_order order)
{
    char byte = (char)order;
    assert_int_equal(write(puppet->control, &byte, 1), 1);
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
