/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/gateway: one sandbox as this gateway knows it. */
#ifndef RUNTIME_SANDBOX_H
#define RUNTIME_SANDBOX_H

#include "base/digest.h"
#include "gateway/own_files.h"
#include "runtime/sandboxes.h"
#include "runtime/uids.h"
#include "http/tunnel.h"
#include "sandbox/supervisor/cgroup.h"
#include "sandbox/wire/protocol.h"

/* What is kept of a sandbox's log fits a stream, which a reader gets in one go.  Its file, from
 * which a gateway that is started anew reads it, may be longer. */
enum { LOG_LINES_KEPT = 2000, LOG_BYTES_KEPT = 512 * 1024, LOG_FILE_MAX = 2 * LOG_BYTES_KEPT };

enum { START_TIMEOUT_MS = 30000, STOP_TIMEOUT_MS = 10000,
       EXEC_TIMEOUT_MS = 10000, STOP_GRACE_MS = 500, STOP_LOOK_MS = 200, LEAVE_RETRY_MS = 100, RETIRED_MAX = 256 };

struct sandbox_waiter {
    struct sandbox_waiter *next;
    api_done *done;
    void *arg;
};

/* A command that waits for its supervisor to dial back. */
struct exec_wait {
    struct exec_wait *next;
    struct sandbox *sandbox;
    char id[DIGEST_HEX_SIZE];
    struct http_request *req;                       /* the client's, not yet answered */
    uv_timer_t timer;
};

struct phase_write;

struct sandbox {
    struct sandbox *next;
    struct sandboxes *all;
    char *id, *name, *dir;
    int64_t number;
    bool proxy;
    char token_hash[DIGEST_HEX_SIZE];

    enum { SANDBOX_DOWN, SANDBOX_STARTING, SANDBOX_UP, SANDBOX_STOPPING } state;
    int uid_lock;                                   /* its claim of a host uid, -1: none (uids.h) */
    uint32_t uid;                                   /* claimed */
    struct stream *stream;                          /* NULL: not connected */
    bool preparing;                                 /* a worker writes what its supervisor reads */
    bool ready;                                     /* hello was heard on this stream */
    uint64_t sent_revision;                         /* the newest one this stream was told of */

    uv_process_t *process;                          /* our child, or NULL */
    int pidfd;                                      /* of the supervisor, -1: unknown */
    uv_poll_t *exit_poll;                           /* on pidfd */
    uv_timer_t *timer;                              /* of a start or stop under way */
    uint64_t stop_deadline_ms;                      /* monotonic; for a supervisor that is not connected */
    struct sandbox_waiter *waiters;                 /* for that start or stop */
    uint64_t n_phases;                              /* so far */
    struct phase_write *unwritten;                  /* the present one, if the store did not take it */
    struct error start_error;                       /* what the supervisor said was wrong */
    json_t *warnings;                               /* texts, of its last start; NULL: unknown */
    struct exec_wait *execs;

    struct denial_report *denials;                  /* that wait to be recorded */
    size_t n_denials, n_denials_lost;
    bool recording_denials;

    char **lines;                                   /* ring of its newest log lines */
    enum log_kind *line_kinds;                      /* of each of them */
    size_t n_lines, first_line, line_bytes, kind_bytes[LOG_KIND_COUNT];
    struct log log_file;                            /* fd 0: not open */
    struct log_follower *followers;
    bool removing;
};

struct push;
struct stream;

struct sandboxes {
    struct sandboxes_setup setup;
    struct sandbox *list;
    char *supervisor, *init;                        /* paths of the programs */
    char *bwrap;                                    /* NULL: no_bwrap says why */
    struct error no_bwrap;
    struct uid_range uids;
    int retired[RETIRED_MAX];                       /* claims of sandboxes that are deleted; 0: none */
    unsigned n_retired;
    struct cgroup_home cgroups;
    uv_async_t wake;
    uv_timer_t ping;
    uv_mutex_t lock;                                /* guards pushes and own */
    struct own_files own;                           /* of the configuration in force */
    struct arena *own_arena;
    struct push *pushes, **last_push;
    void (*on_stopped)(void *ctx);
    void *stopped_ctx;
    bool draining, closing;
};

/* host.c: what a sandbox has of its host beside its files.  These block, but not for long. */
void sandbox_claim_again(struct sandbox *s);        /* the uid that its work folder has */
void sandbox_retire_uid(struct sandbox *s);         /* it is deleted */
bool sandbox_leave_cgroups(const char *dir);        /* false: something runs in them */
char *sandbox_cgroup_list(const char *dir);         /* to be freed */

struct sandbox *sandbox_find(struct sandboxes *all, const char *id);
struct sandbox *sandbox_by_name(struct sandboxes *all, const char *name);
struct sandbox *sandbox_add(struct sandboxes *all, const struct store_sandbox *record);
void sandbox_drop(struct sandbox *s);               /* out of the list, and freed when its handles are closed */

/* life.c: what starting and stopping share. */
void sandbox_add_waiter(struct sandbox *s, api_done *done, void *arg);
struct sandbox_waiter *sandbox_take_waiters(struct sandbox *s);
void sandbox_tell_waiters(struct sandbox_waiter *list, const struct error *err);
void sandbox_set_timer(struct sandbox *s, uv_timer_cb fn, uint64_t ms);
void sandbox_drop_timer(struct sandbox *s);
void sandbox_kill(struct sandbox *s);
void sandbox_reaped(uv_process_t *process, int64_t status, int signal);
void sandbox_free_handle(uv_handle_t *handle);

/* start.c, life.c, remove.c, phase.c.  done is called on the loop thread, later. */
void sandbox_load_and_start(struct sandboxes *all, const char *id, api_done *done, void *arg);
int sandbox_too_late(const struct sandbox *s, struct error *err);  /* the gateway is stopping */
void sandbox_stop(struct sandbox *s, api_done *done, void *arg);
void sandbox_remove(struct sandboxes *all, const char *id, api_done *done, void *arg);
void sandbox_forget(struct sandbox *s);             /* closes its handles; its supervisor goes on */
void sandbox_watch(struct sandbox *s, pid_t pid);   /* tells when that process ends, a child of ours */
void sandbox_watch_holder(struct sandbox *s);       /* the same for whoever holds the lock */
void sandbox_is_ready(struct sandbox *s);
void sandbox_ended(struct sandbox *s);
/* A job that records what became of the sandbox: those of one sandbox run in order, and the gateway
 * does not end before they have. */
void sandbox_record(struct sandbox *s, void (*work)(void *arg), void (*done)(void *arg), void *arg);
/* Writes the phase to the store, publishes it and then tells the waiters, which it takes.  outcome:
 * why it is an error, for the record and for the waiters; NULL: it is none. */
void sandbox_phase(struct sandbox *s, const char *phase, const struct error *outcome, struct sandbox_waiter *waiters);
/* The present phase once more, if the store did not take it. */
void sandbox_write_again(struct sandbox *s);
void sandbox_phase_free(struct phase_write *w);
bool sandbox_lock_held(const char *dir);
pid_t sandbox_lock_pid(const char *dir);            /* who held it last; 0: unknown */
/* Notices the end of a supervisor that nobody watches. */
void sandbox_check_lost(struct sandbox *s);

/* stream.c: the supervisor's stream. */
void sandbox_accept_stream(struct sandbox *s, struct http_request *req);
void sandbox_close_stream(struct sandbox *s);
void sandbox_send(struct sandbox *s, const struct sandbox_message *message);
void sandbox_send_policy(struct sandbox *s, uint64_t revision, struct policy *policy);

/* denials.c: what a supervisor reports; the arena that the list lives in is taken over. */
void sandbox_denied(struct sandbox *s, const struct sandbox_denials *list, struct arena *arena);
void sandbox_denials_drop(struct sandbox *s);

/* exec.c */
void sandbox_exec_request(struct sandboxes *all, struct http_request *req, const char *name);
void sandbox_exec_answer(struct sandbox *s, struct http_request *req, const char *exec_id);
void sandbox_exec_send_all(struct sandbox *s);      /* its supervisor is there: what waited for it is run */
void sandbox_exec_fail_all(struct sandbox *s, const char *why);

/* traffic.c: a batch of the traffic record; the arena that it lives in is taken over. */
void sandbox_traffic(struct sandbox *s, const struct sandbox_traffic *batch, struct arena *arena);

/* logs.c */
void sandbox_log_line(struct sandbox *s, const struct sandbox_log *line);
/* Reads what an earlier gateway kept.  Blocks. */
void sandbox_logs_load(struct sandbox *s);
void sandbox_logs_request(struct sandboxes *all, struct http_request *req, const char *name);
void sandbox_logs_free(struct sandbox *s);

#endif
