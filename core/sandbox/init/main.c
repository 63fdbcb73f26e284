/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

enum { JOBS_WATCHED = 32 };

/* The workload may have our host uid, and then sends us signals, with F_SETOWN also by the kernel.
 * PID 1 has no handlers, so the kernel drops them all but SIGCHLD.  Blocked ones it would queue,
 * for ever. */
static int open_signals(void)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child, NULL);
    return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void drain_signals(const struct init *init)
{
    struct signalfd_siginfo info;
    while (read(init->signals, &info, sizeof info) == (ssize_t)sizeof info)
        continue;
}

static bool anybody_left(struct init *init)
{
    siginfo_t info;
    job_reap(init);
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Asks everybody to end, waits for the grace at most, and goes: what is left dies with PID 1. */
static void stop(struct init *init, int32_t grace_ms)
{
    int64_t end = now_ms() + grace_ms;
    struct pollfd poll_for = {.fd = init->signals, .events = POLLIN};
    kill(-1, SIGTERM);
    kill(-1, SIGCONT);
    while (anybody_left(init)) {
        int64_t left = end - now_ms();
        if (left <= 0 || poll(&poll_for, 1, (int)left) == 0)
            break;
        drain_signals(init);
    }
    _exit(0);
}

/* Returns false when the supervisor is gone or the set-up has failed.  What else may go wrong with
 * the channel, such as too little memory, is no reason to end a sandbox. */
static bool take_message(struct init *init)
{
    struct wire_packet packet;
    int rc = sandbox_wire_receive(init->channel, &packet);
    if (rc == 0)
        return false;
    if (rc < 0) {
        init_pause();
        return true;
    }
    const struct init_message *m = &packet.message;
    int body = packet.n_fds > 0 ? packet.fds[0] : -1;
    switch (m->type) {
    case INIT_SETUP:
        return init_setup(init, body) == 0;
    case INIT_EXEC:
        job_start(init, m->id, body);
        return true;
    case INIT_SOCKETS:
        init_hand_out_sockets(init, m->id);
        return true;
    case INIT_LISTEN:
        init_hand_out_listener(init, m->id);
        return true;
    case INIT_KILL:
        job_kill(init, m->id, m->value);
        return true;
    case INIT_STOP:
        stop(init, m->value);
        return false;
    default:
        sandbox_wire_drop_fds(&packet);
        return true;
    }
}

int main(void)
{
    struct init init = {.channel = WIRE_CHANNEL_FD, .userns = -1, .ruleset = -1};
    struct stat info;
    if (fstat(init.channel, &info) != 0 || !S_ISSOCK(info.st_mode)) {
        fprintf(stderr, "sluice-init is started by sluice-supervisor, inside a sandbox\n");
        return 2;
    }
    close_range(WIRE_CHANNEL_FD + 1, ~0U, 0);
    init.signals = open_signals();
    if (init.signals < 0 || fcntl(init.channel, F_SETFD, FD_CLOEXEC) != 0) {
        fprintf(stderr, "sluice-init cannot watch its processes: %s\n", strerror(errno));
        return 2;
    }
    init_send(&init, INIT_BEGUN, 0, 0, "");
    struct pollfd fds[2 + JOBS_WATCHED] = {{.fd = init.channel, .events = POLLIN},
                                           {.fd = init.signals, .events = POLLIN}};
    for (;;) {
        size_t watched = job_watch(&init, fds + 2, JOBS_WATCHED);
        if (poll(fds, 2 + watched, -1) < 0) {
            init_pause();
            continue;
        }
        job_announce(&init, fds + 2, watched);
        if (fds[1].revents) {
            drain_signals(&init);
            job_reap(&init);
        }
        if (fds[0].revents && !take_message(&init))
            return 0;
    }
}
