/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says about the processes of a sandbox.
 *
 * They do not hold still while we look: one may fork, leave everything to its child and end.  So a
 * search looks again and again until it finds nobody new and nobody gone.
 *
 * Plain values; any thread, but better not the loop's: how long it takes is up to the workload. */
#ifndef EGRESS_PROCESS_H
#define EGRESS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

struct task {                                       /* a thread */
    pid_t tid;
    ino_t inode;                                    /* of its folder in /proc, as ids come again */
    bool seen, ended;                               /* seen: what its table contains */
};

struct process {
    pid_t pid;
    ino_t inode;                                    /* of its folder of threads, likewise */
    size_t parent;                                  /* index in the list; PROCESS_INIT */
    int children;                                   /* the first thread's list of them; -1: not open */
    size_t counted;                                 /* threads it had when it was found; 0 from then on */
    struct task *tasks;                             /* as found by the last look */
    size_t n_tasks;
    bool ended;
};

#define PROCESS_INIT SIZE_MAX
enum { PROCESS_MAX = 4096 };                        /* more are not looked through */

struct search {
    int init_children;                              /* init's list of them; borrowed */
    const uint32_t *inodes;                         /* of the sockets that are looked for; 0: none */
    size_t n_sockets;
    uint64_t deadline_ns;                           /* of clock_mono_ns: then it is given up */

    struct process *items;                          /* parents before their children */
    size_t n, cap;
    struct holding {                                /* a thread of that process has that socket ... */
        size_t process, socket;                     /* (indices) */
        int fd;                                     /* ... as this; -1: it cannot be borrowed */
    } *holdings;
    size_t n_holdings;
    struct hidden {                                 /* tasks whose descriptors cannot be listed */
        size_t process;
        pid_t tid;
    } *hidden;
    size_t n_hidden;
    bool begun, changed;
};

/* init_children: of egress_children_open. */
void egress_search_begin(struct search *search, int init_children, const uint32_t *inodes, size_t n,
                         uint64_t deadline_ns);
/* Looks once through all descendants of init; *changed says whether anybody came or went since the last
 * time, as it has the first time: look again until it has not, and what was found before that last look
 * holds.  -1 with err when it cannot be said of every process. */
int egress_search_look(struct search *search, bool *changed, struct error *err);
void egress_search_end(struct search *search);

/* Init's list of its children, which stays open as long as one looks: the caller closes it.  -1 with err. */
int egress_children_open(pid_t init, struct error *err);

/* The path of the executable, as the process's own mounts show it; the caller frees it.  Without
 * the " (deleted)" that the kernel appends when the file is gone.  NULL with err: unknown, no UTF-8,
 * a file in memory, or the process has ended.  That it was this process is certain when the next look finds no change. */
char *egress_process_exe(const struct process *process, struct error *err);

/* table.c */
/* Which of the sockets the descriptor table of a thread contains. */
int egress_table_look(struct search *search, size_t process, pid_t tid, struct error *err);
/* Tables that cannot be listed, compared with a file that is borrowed from a known holder. */
int egress_table_look_hidden(struct search *search, size_t socket, struct error *err);
bool egress_table_shared(pid_t pid, pid_t tid);     /* by the thread with the rest of its process */
bool egress_search_holds(const struct search *search, size_t process, size_t socket);

int egress_search_late(const struct search *search, struct error *err);

#endif
