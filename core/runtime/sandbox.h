/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/runtime: one sandbox as this gateway knows it, and the runtime that has them. */
#ifndef RUNTIME_SANDBOX_H
#define RUNTIME_SANDBOX_H

#include "base/digest.h"
#include "runtime/runtime.h"
#include "runtime/sessions/log_ring.h"
#include "runtime/supervisor/link.h"
#include "sandbox/container/cgroup.h"
#include "sandbox/site/place.h"
#include "sandbox/wire/protocol.h"

enum {
    START_TIMEOUT_MS = 30000,
    STOP_TIMEOUT_MS = 10000,
    STOP_GRACE_MS = 500,
    STOP_LOOK_MS = 200,
    LEAVE_RETRY_MS = 100,
    RETIRED_MAX = 256,
    GONE_MAX = 64
};

struct sandbox_waiter {
    struct sandbox_waiter *next;
    runtime_done *done;
    void *arg;
};

struct denial_report;
struct runtime_inspectors;
struct equipment;
struct exec_wait;
struct log_follower;
struct phase_write;
struct ssh_session;

struct sandbox {
    struct sandbox *next;
    struct runtime *all;
    char *id, *name, *dir;
    char *holders, *home;                           /* as the store has them */
    char *host;                                     /* that runs it; "": this machine */
    int64_t number;
    bool observe;                                   /* as the store has it */
    bool proxy;
    bool has_main;                                  /* a main process */
    char token_hash[DIGEST_HEX_SIZE];

    enum { SANDBOX_DOWN, SANDBOX_STARTING, SANDBOX_UP, SANDBOX_STOPPING } state;
    bool failed;                                    /* it is down, and its phase is error */
    int uid_lock;                                   /* its claim of a host uid, -1: none (uids.h) */
    uint32_t uid;                                   /* claimed */
    struct link *link;                              /* to its supervisor; NULL: not connected */
    bool preparing;                                 /* a worker writes what its supervisor reads */
    bool ready;                                     /* hello was heard on this link */
    struct spec_settings settings;               /* as the store has them */
    char *labels;                                   /* text of settings.labels */
    char *workspace;                                /* its name */
    char *services;                                 /* as services.h has them */
    bool equipped; /* credentials were sent on this link: commands may follow */
    uint64_t n_equipments;                          /* sent so far */
    struct equipment *equipments;                   /* sent and not confirmed yet */
    uint64_t sent_revision;                         /* the newest one this link was told of */
    uint64_t wanted_revision;                       /* that others committed */
    uint64_t unsent[2]; /* that this gateway committed: since the last tick, and before it */
    bool catching_up;

    uv_process_t *process;                          /* our child, or NULL */
    int pidfd;                                      /* of the supervisor, -1: unknown */
    uv_poll_t *exit_poll;                           /* on pidfd */
    bool process_ended;                             /* and what it sent is still read */
    uv_timer_t *timer;                              /* of a start or stop under way */
    uint64_t stop_deadline_ms; /* monotonic; for a supervisor that is not connected */
    bool told_to_kill;                              /* its host was, by a stop under way */
    struct sandbox_waiter *waiters;                 /* for that start or stop */
    uint64_t n_phases;                              /* so far */
    struct phase_write *unwritten; /* the present one, if the store did not take it */
    struct error start_error;                       /* what the supervisor said was wrong */
    json_t *warnings;                               /* texts, of its last start; NULL: unknown */
    struct exec_wait *execs;
    struct ssh_session *ssh_sessions;               /* the newest first */
    char *ssh_host_key;                             /* fingerprint; NULL: not told */

    struct denial_report *denials;                  /* that wait to be recorded */
    size_t n_denials, n_denials_lost;
    bool recording_denials;
    size_t n_forecasts;                             /* questions that wait for an answer */
    size_t n_questions;                             /* those of agents */

    struct log_ring log;
    struct log_follower *followers;
    bool removing;
    runtime_done *removed;                          /* its host is asked to delete its files */
    void *removed_arg;
};

struct host;
struct peers;
struct push;

struct runtime {
    struct runtime_setup setup;
    struct sandbox *list;
    struct host *hosts;                             /* changed under the lock */
    char *supervisor, *init, *fetch;                /* paths of the programs */
    char *bwrap;                                    /* NULL: no_bwrap says why */
    struct error no_bwrap;
    struct uid_range uids;
    int retired[RETIRED_MAX]; /* claims of sandboxes that are deleted; 0: none */
    unsigned n_retired;
    char gone[GONE_MAX][UUID_SIZE]; /* ids of sandboxes that were dropped last */
    unsigned n_gone;
    struct cgroup_home cgroups;
    struct events_subscriber *drafts_watch;
    uv_async_t wake;
    uv_timer_t ping, beat;                          /* beat: to hosts */
    uv_mutex_t lock; /* guards pushes, files, equips_all, inspectors, gateways */
    struct runtime_inspectors *inspectors;
    struct runtime_files files;                     /* what later starts are kept from */
    struct arena *files_arena;
    struct push *pushes, **last_push;
    struct runtime_gateway *gateways;               /* under the lock */
    size_t n_gateways;
    struct peers *peers;                            /* NULL: no other gateway is asked anything */
    void (*on_stopped)(void *ctx);
    void *stopped_ctx;
    bool equips_all;                                /* soon; under the lock */
    bool draining, closing, checking_grants;
};

/* registry.c: the list of sandboxes, and policies on their way to supervisors. */
struct sandbox *sandbox_find(struct runtime *all, const char *id);
struct sandbox *sandbox_by_name(struct runtime *all, const char *name);
struct sandbox *sandbox_add(struct runtime *all, const struct store_sandbox *record);
void sandbox_drop(struct sandbox *s); /* out of the list, and freed when its handles are closed */
/* Whether the one of this id was dropped: a record that was read before must not add it again. */
bool sandbox_is_gone(const struct runtime *all, const char *id);
/* A sandbox has a new revision.  Any thread. */
void runtime_push(struct runtime *all, const char *sandbox_id, uint64_t revision,
                  struct policy *policy, const struct policy_grants *grants);
struct runtime_files runtime_files_copy(const struct runtime_files *files, struct arena *arena);

/* host.c: what a sandbox has of its host beside its files.  These block, but not for long. */
void sandbox_claim_again(struct sandbox *s);        /* the uid that its work folder has */
void sandbox_retire_uid(struct sandbox *s);         /* it is deleted */
bool sandbox_leave_cgroups(const char *dir);        /* false: something runs in them */

/* watch.c: the supervisor's process, and the lock that it holds in the sandbox's folder. */
/* Tells when that process ends, a child of ours. */
void sandbox_watch(struct sandbox *s, pid_t pid);
void sandbox_watch_holder(struct sandbox *s);       /* the same for whoever holds the lock */
void sandbox_unwatch(struct sandbox *s);
void sandbox_kill(struct sandbox *s);

/* life.c: what starting and stopping share. */
void sandbox_add_waiter(struct sandbox *s, runtime_done *done, void *arg);
struct sandbox_waiter *sandbox_take_waiters(struct sandbox *s);
void sandbox_tell_waiters(struct sandbox_waiter *list, const struct error *err);
void sandbox_set_timer(struct sandbox *s, uv_timer_cb fn, uint64_t ms);
void sandbox_drop_timer(struct sandbox *s);
void sandbox_reaped(uv_process_t *process, int64_t status, int signal);
void sandbox_free_handle(uv_handle_t *handle);
void sandbox_stop(struct sandbox *s, runtime_done *done, void *arg);
void sandbox_forget(struct sandbox *s);             /* closes its handles; its supervisor goes on */
void sandbox_ended(struct sandbox *s);
/* Notices the end of a supervisor that nobody watches. */
void sandbox_check_lost(struct sandbox *s);


/* start.c */
int sandbox_too_late(const struct sandbox *s, struct error *err);  /* the gateway is stopping */

/* phase.c.  A job that records what became of the sandbox: those of one sandbox run in order, and
 * the gateway does not end before they have. */
void sandbox_record(struct sandbox *s, void (*work)(void *arg), void (*done)(void *arg), void *arg);
/* Writes the phase to the store, publishes it and then tells the waiters, which it takes.  outcome:
 * why it is an error, for the record and for the waiters; NULL: it is none. */
void sandbox_phase(struct sandbox *s, const char *phase, const struct error *outcome,
                   struct sandbox_waiter *waiters);
/* The present phase once more, if the store did not take it. */
void sandbox_write_again(struct sandbox *s);
void sandbox_phase_free(struct phase_write *w);
void sandbox_is_ready(struct sandbox *s);

/* report.c: records that the supervisor loaded a revision, or could not (failed says why). */
void sandbox_report(struct sandbox *s, uint64_t revision, const char *failed);

/* settings.c: what may change while it runs.  Any thread. */
struct spec_settings sandbox_settings_of(const struct store_sandbox *record);
void sandbox_keep_settings(struct sandbox *s, const struct store_sandbox *record);
void sandbox_send_settings(struct sandbox *s);
/* A record that was changed, or of a sandbox that is not known yet.  NULL: it was deleted since. */
struct sandbox *sandbox_take_record(struct runtime *all, const struct store_sandbox *record);

/* gateways.c: the other gateways of the store. */
/* Its supervisor is another gateway's. */
bool sandbox_is_foreign(const struct sandbox *s);
/* -1: err names the gateway that alone can do this. */
int sandbox_check_home(const struct sandbox *s, struct error *err);
/* The sandbox of this id, which is not deleted and has its home here; NULL: err. */
struct sandbox *sandbox_at_home(struct runtime *all, const char *id, struct error *err);
/* The same, or one whose gateway can be asked. */
struct sandbox *sandbox_in_reach(struct runtime *all, const char *id, struct error *err);
/* Any thread. */
int runtime_refuse_foreign(const struct runtime *all, const char *sandbox, const char *home,
                           struct error *err);
bool runtime_gateway_lives(struct runtime *all, const char *id);
int runtime_check_home(const struct runtime *all, const struct store_sandbox *record,
                       struct error *err);
void runtime_free_gateways(struct runtime *all);

/* supervisor.c: messages to the supervisor. */
void sandbox_disconnect(struct sandbox *s);
void sandbox_send(struct sandbox *s, const struct sandbox_message *message);
/* Any thread. */
void sandbox_encode_policy(uint64_t revision, struct policy *policy,
                           const struct policy_grants *grants, struct buf *out);
/* Sends its newest policy, and which held requests are approved, as the store has them. */
void sandbox_catch_up(struct sandbox *s, size_t n_known_approvals);
/* line: as that encodes it.  Does nothing where the link was told of it, or of a newer one. */
void sandbox_send_policy(struct sandbox *s, uint64_t revision, const struct buf *line);

/* denials.c: what a supervisor reports; the arena that the list lives in is taken over. */
void sandbox_denied(struct sandbox *s, const struct sandbox_denials *list, struct arena *arena);
void sandbox_denials_drop(struct sandbox *s);

/* inspectors.c: voters on requests. */
enum { INSPECTED_MAX = 256 };                       /* voters of one report */
struct runtime_inspectors *runtime_inspectors_new(void);
void runtime_inspectors_free(struct runtime_inspectors *inspectors);
/* Those of now, in the arena.  False: there are none.  Any thread. */
bool inspectors_of_runtime(struct runtime *all, struct arena *arena,
                           struct sandbox_inspectors *out);
void runtime_send_inspectors(struct runtime *all);  /* if they have changed */
/* To a supervisor that uses those of this digest; NULL: none, or it says that it cannot. */
void sandbox_send_inspectors(struct sandbox *s, const char *at_work);
void sandbox_inspecting(struct sandbox *s, const struct sandbox_inspectors *said);
void sandbox_not_inspecting(struct sandbox *s);     /* its supervisor is gone */
void sandbox_inspected(struct sandbox *s, const struct sandbox_inspected *batch);

/* A line to the supervisor of the sandbox with this name, if it is there; line is taken.  Any
 * thread. */
void runtime_push_line(struct runtime *all, const char *sandbox, struct buf *line);

/* approvals.c: appends the message with all n approved requests.  Blocks; any thread. */
int approvals_encode(struct runtime *all, const char *sandbox_id, struct buf *out, size_t *n,
                     struct error *err);

/* forecasts.c: what a supervisor asks; the arena that the question lives in is taken over. */
void sandbox_forecast(struct sandbox *s, const struct sandbox_forecast *question,
                      struct arena *arena);

/* The key of one of a few queues that all sandboxes share, for jobs that ask voters; the caller
 * frees it.  However many sandboxes ask, most workers stay free. */
char *sandbox_queue(const struct sandbox *s, const char *what);

/* agents.c: what an agent asks (PROPOSE, CHUNK_QUERY); the arena that it lives in is taken over. */
void sandbox_agent_asks(struct sandbox *s, const struct sandbox_message *asked,
                        struct arena *arena);
/* Tells supervisors of chunks that change. */
void runtime_watch_drafts(struct runtime *all);
void runtime_unwatch_drafts(struct runtime *all);

/* credentials.c */
void sandbox_equipped(struct sandbox *s, uint64_t number);  /* its supervisor uses that message */
void sandbox_equipments_fail(struct sandbox *s);    /* the connection broke */

/* traffic.c: a batch of the traffic record; the arena that it lives in is taken over. */
void sandbox_traffic(struct sandbox *s, const struct sandbox_traffic *batch, struct arena *arena);

/* exec.c */
/* Its supervisor is there: what waited for it is run. */
void sandbox_exec_send_all(struct sandbox *s);
void sandbox_exec_fail_all(struct sandbox *s, const char *why);
/* What became of a detached command. */
void sandbox_exec_detached(struct sandbox *s, const struct sandbox_detached *detached);

/* main_process.c: records how the main process stands. */
void sandbox_main_reported(struct sandbox *s, const struct sandbox_main *report);

/* ssh_sessions.c */
void sandbox_ssh_end_all(struct sandbox *s);
void sandbox_ssh_end_expired(struct sandbox *s);

/* logs.c */
void sandbox_log_line(struct sandbox *s, const struct sandbox_log *line);
void sandbox_logs_end(struct sandbox *s);           /* its readers are told that it is gone */

#endif
