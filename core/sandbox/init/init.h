/* SPDX-License-Identifier: Apache-2.0 */
/* sluice-init: PID 1 of a sandbox.  It trusts its channel and nothing else; the workload runs under
 * the same host uid, so init keeps its privileges in a user namespace above the workload's, where
 * the workload can neither trace it nor read its memory.
 *
 * One thread, no sanitizer, libc and libseccomp only.  Functions return 0 or -1 and then have
 * filled reason, a buffer of WIRE_TEXT_SIZE bytes. */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include <linux/filter.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/wire/wire.h"

struct job;

struct init {
    int channel;                                    /* to the supervisor */
    int signals;                                    /* signalfd: SIGCHLD */
    int userns;                                     /* the workload's user namespace */
    int ruleset;                                    /* Landlock, or -1 */
    struct sock_fprog filter;                       /* seccomp */
    uint32_t uid, gid;                              /* of the workload, in its namespace */
    uint32_t files_max;                             /* that one of its processes may have open */
    struct job *jobs;
};

int init_reason(char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* setup.c: everything that happens once.  Sends READY or FAILED itself. */
int init_setup(struct init *init, int body_fd);
/* Ends init if the supervisor is gone.  Retries if the kernel is short of memory; -1 with errno
 * only for descriptors that cannot be passed. */
int init_tell(const struct init *init, const struct init_message *message, const int *fds,
              size_t n_fds);
void init_send(const struct init *init, enum init_message_type type, uint32_t id, int32_t value,
               const char *text);
void init_pause(void);                              /* 10 ms, before something is tried again */

/* mounts.c: the sandbox's file tree, see tree.h. */
struct setup_mount {
    uint32_t kind;                                  /* enum mount_kind */
    uint64_t device, inode;
    const char *source, *target;
};
struct setup_guard {
    uint32_t kind;                                  /* enum guard_kind */
    bool pattern;
    uint64_t device, inode;
    const char *path;
};
struct setup_file {
    const char *path, *bytes;
    size_t size;
    mode_t mode;
};
struct setup_plan {
    struct setup_mount *mounts;
    struct setup_guard *guards;
    struct setup_file *files;                       /* written when the mounts are made */
    size_t n_mounts, n_guards, n_files;
};
int init_mounts(const struct setup_plan *plan, uint32_t uid, uint32_t gid, char *reason);

/* network.c: the address on lo and the sockets of enum network_fd. */
int init_network(int fds[NETWORK_FDS], char *reason);
void init_hand_out_sockets(const struct init *init, uint32_t id);
void init_hand_out_listener(const struct init *init, uint32_t id);

/* landlock.c */
struct landlock_paths {
    const char **read_only, **read_write;
    size_t n_read_only, n_read_write;
    bool strict;
};
/* *ruleset is -1 where the kernel has no Landlock and the paths are not strict; each such case and
 * each path left out is told through warn. */
int init_landlock(const struct landlock_paths *paths, int *ruleset,
                  void (*warn)(void *ctx, const char *text), void *ctx, char *reason);

/* filter.c: the workload's seccomp program, made once and loaded by each command. */
int init_filter(struct sock_fprog *out, char *reason);
/* From now on each connect of init's descendants waits for an answer on the listener. */
int init_watch_connects(int *listener, char *reason);

/* limits.c */
uint32_t init_files_max(void);
int init_limit_terminals(char *reason);             /* needs CAP_SYS_ADMIN */
/* In a forked child, while its /proc entry is still its own. */
int init_limit_self(const struct init *init, char *reason);

/* enter.c */
int init_make_userns(uint32_t uid, uint32_t gid, int *out, char *reason);
/* Init's own, once the network stands: owning the workload's namespace is all it needs later. */
int init_drop_capabilities(void);
/* In a forked child: drops every privilege for good, in the order in which that is possible. */
int init_enter(const struct init *init, const char *folder, char *reason);

/* job.c */
void job_start(struct init *init, uint32_t id, int body_fd);
void job_kill(const struct init *init, uint32_t id, int signal);
void job_reap(struct init *init);                   /* all children that have ended */
/* Jobs without streams are announced once their programs run: adds what to poll for, and looks at
 * the outcome.  Both skip what there is no room for until the next time. */
size_t job_watch(const struct init *init, struct pollfd *fds, size_t max);
void job_announce(const struct init *init, const struct pollfd *fds, size_t n);

/* body.c: a body of wire.h, mapped. */
struct body {
    char *bytes;
    size_t len;
    const char *next;                               /* the next string */
};
int body_open(int fd, size_t fixed, struct body *out, char *reason);        /* closes fd */
/* The next n strings as a NULL-terminated array, or NULL when there are fewer. */
const char **body_strings(struct body *body, size_t n);
void body_close(struct body *body);

#endif
