/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/threads.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain/process/calls.h"

/* ---- the descriptor that tells of calls, from child to parent ---- */

union rights {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static int give(int channel, int fd)
{
    union rights rights = {.align = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET,
                                     .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {(char[]){0}, 1};
    const struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1,
                                  .msg_control = rights.bytes,
                                  .msg_controllen = sizeof rights.bytes};
    memcpy(CMSG_DATA(&rights.align), &fd, sizeof fd);
    return sendmsg(channel, &header, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* -1: the child ended before it had one. */
static int take(int channel)
{
    union rights rights;
    char byte;
    int fd = -1;
    struct iovec part = {&byte, 1};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1,
                            .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
    if (recvmsg(channel, &header, MSG_CMSG_CLOEXEC) == 1 &&
        header.msg_controllen == sizeof rights.bytes)
        memcpy(&fd, CMSG_DATA(&rights.align), sizeof fd);
    return fd;
}

/* ---- the parent ---- */

/* Arguments of the call are in registers, which nobody changes while it waits; calls.h lets no
 * other clone than that of a thread go on. */
static void answer(int listener, struct seccomp_notif *call, struct seccomp_notif_resp *response,
                   uint32_t *left)
{
    memset(call, 0, sizeof *call);
    if (seccomp_notify_receive(listener, call) != 0)
        return;                                     /* the caller was killed meanwhile */
    memset(response, 0, sizeof *response);
    response->id = call->id;
    if (*left)
        response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else
        response->error = -EAGAIN;
    if (seccomp_notify_respond(listener, response) == 0 && *left)
        (*left)--;
}

/* Until the child ends. */
static void count(int listener, int process, uint32_t most)
{
    struct seccomp_notif *call = NULL;
    struct seccomp_notif_resp *response = NULL;
    struct pollfd wait[] = {{.fd = process, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    if (seccomp_notify_alloc(&call, &response) != 0)
        return;
    while (poll(wait, 2, -1) > 0 && !wait[0].revents && !(wait[1].revents & ~POLLIN))
        answer(listener, call, response, &most);
    seccomp_notify_free(call, response);
}

/* Without a file of its memory. */
static noreturn void end_as(int status)
{
    const struct rlimit none = {0, 0};
    if (WIFSIGNALED(status)) {
        setrlimit(RLIMIT_CORE, &none);
        signal(WTERMSIG(status), SIG_DFL);
        kill(getpid(), WTERMSIG(status));
    }
    _exit(WEXITSTATUS(status));
}

/* Whoever cannot be counted any more cannot start any: the call fails without the listener. */
static noreturn void watch(pid_t child, int channel, uint32_t most)
{
    int status = 0, listener = take(channel);
    int process = (int)syscall(SYS_pidfd_open, child, 0);
    close(channel);
    if (listener >= 0 && process >= 0)
        count(listener, process, most);
    if (listener >= 0)
        close(listener);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    end_as(status);
}

/* ---- the child ---- */

/* A filter of its own, which calls_restrict() adds another one to: a refusal of either wins over a
 * notification, and that over a permission. */
static int load_filter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter ? seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(clone), 0) : -ENOMEM;
    if (rc == 0)
        rc = seccomp_load(filter);
    if (rc == 0)
        rc = seccomp_notify_fd(filter);
    if (filter)
        seccomp_release(filter);
    return rc;
}

static int be_counted(pid_t parent, int channel, struct error *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
        return error_set(err, ERROR_STATE, "the process that counts the voter's threads is gone");
    int listener = load_filter();
    if (listener < 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the voter's threads cannot be counted (seccomp notifications: %s): run "
                         "the gateway where no other filter has a listener, or the voter without "
                         "threads", strerror(-listener));
    int rc = give(channel, listener);
    close(listener);
    close(channel);
    return rc == 0 ? 0 : error_errno(err, ERROR_INTERNAL, "cannot pass a descriptor on");
}

int threads_fork(uint32_t most, struct error *err)
{
    int ends[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot make a socket pair");
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return error_errno(err, ERROR_INTERNAL, "cannot start a process that counts threads");
    }
    close(ends[child == 0 ? 0 : 1]);
    if (child == 0)
        return be_counted(parent, ends[1], err);
    watch(child, ends[0], most);
}
