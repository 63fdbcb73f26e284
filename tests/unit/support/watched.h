/* SPDX-License-Identifier: Apache-2.0 */
/* A thread whose connects are suspended like those of a workload, and those of all processes that
 * it forks.  The test runs the loop that answers them in its own thread. */
#ifndef TESTS_SUPPORT_WATCHED_H
#define TESTS_SUPPORT_WATCHED_H

#include "support/network.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct watched {
    pthread_t thread;
    sem_t asked, done;
    int listener;                                   /* of the filter; whoever takes it closes it */
    void (*fn)(void *arg);                          /* NULL: the thread ends */
    void *arg;
};

static inline int watched_install(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_connect, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | 1U << 5;    /* WAIT_KILLABLE_RECV */
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static inline void *watched_main(void *arg)
{
    struct watched *w = arg;
    w->listener = watched_install();
    sem_post(&w->done);
    for (;;) {
        sem_wait(&w->asked);
        if (!w->fn)
            return NULL;
        w->fn(w->arg);
        sem_post(&w->done);
    }
}

static inline void watched_begin(struct watched *w)
{
    sem_init(&w->asked, 0, 0);
    sem_init(&w->done, 0, 0);
    if (pthread_create(&w->thread, NULL, watched_main, w) != 0)
        network_fail("thread");
    sem_wait(&w->done);
    if (w->listener < 0)
        network_fail("seccomp listener");
}

/* Runs fn in the thread; it must not connect. */
static inline void watched_do(struct watched *w, void (*fn)(void *arg), void *arg)
{
    w->fn = fn;
    w->arg = arg;
    sem_post(&w->asked);
    sem_wait(&w->done);
}

static inline void watched_end(struct watched *w)
{
    w->fn = NULL;
    sem_post(&w->asked);
    pthread_join(w->thread, NULL);
    sem_destroy(&w->asked);
    sem_destroy(&w->done);
}

struct watched_child {
    pid_t pid;                                      /* the one that it must get; 0: any */
    int (*fn)(void *arg);
    void *arg;
};

/* fork, or a process of that number. */
static inline pid_t watched_clone(pid_t number)
{
    struct clone_args how = {
        .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&number, .set_tid_size = 1};
    return number == 0 ? fork() : (pid_t)syscall(SYS_clone3, &how, sizeof how);
}

static inline void watched_fork_here(void *arg)
{
    struct watched_child *child = arg;
    child->pid = watched_clone(child->pid);
    if (child->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* of the thread: a test that fails leaves nobody */
        _exit(child->fn(child->arg));
    }
}

/* A process that runs fn and ends with what it returns. */
static inline pid_t watched_fork(struct watched *w, int (*fn)(void *arg), void *arg)
{
    struct watched_child child = {.fn = fn, .arg = arg};
    watched_do(w, watched_fork_here, &child);
    return child.pid;
}

#endif
