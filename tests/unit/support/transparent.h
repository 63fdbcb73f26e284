/* SPDX-License-Identifier: Apache-2.0 */
/* Workloads that connect without a proxy, in processes of their own beside the rig. */
#ifndef TESTS_SUPPORT_TRANSPARENT_H
#define TESTS_SUPPORT_TRANSPARENT_H

#include "support/rig.h"
#include "support/workload.h"

#include <sys/mman.h>

/* What the workload knows of the test. */
struct task {
    struct rig *rig;
    struct in_addr address;                         /* that it connects to */
    uint16_t port;
    struct shared { volatile int ready, error; } *shared;
};

static inline struct task task_for(struct rig *rig, const char *host)
{
    struct task task = {.rig = rig, .port = rig->origin_port};
    if (inet_pton(AF_INET, host, &task.address) != 1)
        assert_true(egress_names_address(rig->names, host, 0, &task.address));
    task.shared =
        mmap(NULL, sizeof *task.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return task;
}

static inline void start_with_dial_ms(struct rig *rig, const char *host, unsigned dial_ms)
{
    char self[256], rules[600];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = '\0';
    snprintf(rules, sizeof rules, "%s 0 %s", host, self);
    rig_start_with(rig, rules, (struct egress_limits){.dial_ms = dial_ms});
}

static inline void start_for_this_program(struct rig *rig, const char *host)
{
    start_with_dial_ms(rig, host, 0);
}

static inline pid_t begin(struct rig *rig, int (*fn)(void *arg), struct task *task)
{
    return watched_fork(&rig->watched, fn, task);
}

static inline void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

/* Serves until the process has ended; what it returned, or 128 and the signal. */
static inline int finish(struct rig *rig, pid_t pid)
{
    int status = 0;
    uv_timer_t tick;
    uv_timer_init(&rig->loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 1);
    UNTIL(rig, waitpid(pid, &status, WNOHANG) == pid);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&rig->loop, UV_RUN_NOWAIT);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline int run(struct rig *rig, int (*fn)(void *arg), struct task *task)
{
    return finish(rig, begin(rig, fn, task));
}

static inline unsigned open_clients(const struct rig *rig)
{
    struct egress_stats stats;
    egress_stats(rig->proxy, &stats);
    return stats.open;
}

static inline void until_nobody_is_left(struct rig *rig)
{
    uv_timer_t tick;
    uv_timer_init(&rig->loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 1);
    UNTIL(rig, open_clients(rig) == 0);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&rig->loop, UV_RUN_NOWAIT);
}

/* ---- what the workload does; each returns 0 or the number of what went wrong ---- */

static inline struct sockaddr_in destination(const struct task *task)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(task->port),
                                .sin_addr = task->address};
}

/* 0 or the error. */
static inline int connect_to(int fd, const struct task *task)
{
    struct sockaddr_in to = destination(task);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? 0 : errno;
}

/* The origin is the test: it takes what comes. */
static inline int talk(int fd)
{
    EXPECT(send(fd, "hello", 5, MSG_NOSIGNAL) == 5);
    return 0;
}

static inline int connect_blocking(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(connect_to(fd, arg) == 0);
    EXPECT((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0 && error_of(fd) == 0);
    EXPECT(connect_to(fd, arg) == EISCONN);
    return talk(fd);
}

#endif
