/* SPDX-License-Identifier: Apache-2.0 */
/* Sandboxes that run: their supervisors, streams and commands, for whoever serves clients.
 *
 * A sandbox's record in the store is the truth about what it should be; the runtime is about what
 * runs. Updates of policies are not its business (update/update.h): it observes them
 * (runtime/observers.h).
 *
 * Ownership: the setup's parts outlive the runtime; what a call is given is borrowed until it
 * returns. Threads: the loop's thread, except what is said to be for any thread. Errors: a call
 * with a runtime_done calls it exactly once, on the loop thread, sometimes from within the call. */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include <uv.h>

#include "base/log.h"
#include "drafts/drafts.h"
#include "runtime/events.h"
#include "runtime/jobs.h"
#include "sandbox/wire/spec.h"
#include "store/gateways.h"

struct net_stream;
struct providers;
struct runtime;
struct settings_change;
struct inference_settings;

/* err is NULL on success and lives until the callback returns. */
typedef void runtime_done(void *arg, const struct error *err);

enum { RUNTIME_OUTCOMES = CHAIN_HELD + 1 };

struct runtime_counts {
    /* Since the start, by enum chain_outcome; any thread. */
    _Atomic uint64_t decided[RUNTIME_OUTCOMES];
};

struct runtime_setup {
    uv_loop_t *loop;
    const struct log *log;
    struct store *store;
    struct updates *updates;                        /* observed by the runtime from now on */
    struct drafts *drafts;
    struct jobs *jobs;
    struct events *events;
    struct runtime_counts *counts;
    const struct providers *providers;
    struct inference_settings *inference;           /* routes of inference.local; or NULL */
    /* Of this one, where the store has several (store/gateways.h); "" or NULL: it has not. */
    const char *gateway_id;
    const char *state_dir;
    const char *gateway_address;                    /* what supervisors connect to */
    struct spec_host *hosts;                        /* pinned names */
    size_t n_hosts;
    const char *extra_ca; /* PEM file of authorities that sandboxes trust; or NULL */
    bool inspect_when_needed;                       /* TLS only where rules are about requests */
    enum log_level log_level;                       /* of supervisors */
    bool log_json;
};

/* Files of the host that are the gateway's own. */
struct runtime_files {
    const char **hidden; /* no sandbox sees them: state, store, configuration */
    size_t n_hidden;
    const char **read_only; /* no sandbox writes them: programs, plugin folders */
    size_t n_read_only;
};

/* What the gateway can give a sandbox on this host.  A reason is NULL where it can. */
struct runtime_host {
    const char *cgroup;                             /* "v1", "v2" or "none" */
    const char *no_memory, *no_cpus, *no_pids;      /* why this limit cannot be enforced */
    const char *shared_uid; /* why sandboxes have no host uid of their own */
};

/* ---- for the gateway ---- */

struct runtime *runtime_new(const struct runtime_setup *setup);
/* The program that asks token servers. */
const char *runtime_fetcher(const struct runtime *runtime);
/* The program that makes sandboxes; NULL: there is none, and no sandbox starts. */
const char *runtime_bwrap(const struct runtime *runtime);
/* Sandboxes that start later are kept from these files, which are copied.  Any thread. */
void runtime_protect(struct runtime *runtime, const struct runtime_files *files);
/* Finds the sandboxes on record again: those whose supervisor lives come back by themselves, the
 * others are marked as stopped.  Before the server listens; blocks. */
int runtime_adopt(struct runtime *runtime, struct error *err);
/* The texts live as long as the runtime. */
void runtime_host(const struct runtime *runtime, struct runtime_host *out);
/* The id of the sandbox whose supervisor has this token, or NULL.  ctx: struct runtime *. */
const char *runtime_by_token(void *ctx, const char *token);
struct auth_sandbox;
/* The sandbox that has this name; its texts last until the loop goes on. */
bool runtime_by_name(void *ctx, const char *name, struct auth_sandbox *out);
/* Nobody waits any longer for a sandbox to come up: supervisors cannot reach this gateway any
 * more. */
void runtime_drain(struct runtime *runtime);
/* Ends every supervisor, then calls done. */
void runtime_stop_all(struct runtime *runtime, void (*done)(void *ctx), void *ctx);
/* Held requests that wait for a decision about the chunk are refused, as that is no; draft NULL:
 * all of the sandbox.  Any thread. */
void runtime_reject(struct runtime *runtime, const char *sandbox, const struct store_draft *draft);
/* Other held requests of the sandbox are approved now: its supervisor is told.  Blocks; any
 * thread. */
void runtime_approve(struct runtime *runtime, const char *sandbox, const char *sandbox_id);
/* Forgets the sandboxes; supervisors that live go on.  Frees when its handles are closed. */
void runtime_close(struct runtime *runtime);

/* ---- several gateways on one store ---- */

/* Something was written to the store.  What concerns a sandbox that runs here reaches its
 * supervisor. */
void runtime_heard(struct runtime *runtime, const struct store_change *change);
/* Each second: what this gateway committed and could not push, as it did not know that it was
 * committed, is pushed. */
void runtime_push_unsent(struct runtime *runtime);
/* Those there are now; copied. */
void runtime_set_gateways(struct runtime *runtime, const struct store_gateway *list, size_t n);
/* Whether this gateway does what only one of them has to do: the first that lives.  Any thread. */
bool runtime_leads(struct runtime *runtime);
/* Any thread. */
struct runtime_home {
    const char *gateway;                            /* its name; "": not known */
    bool here, alive;
};
struct runtime_home runtime_home_of(struct runtime *runtime, const struct store_sandbox *record,
                                    struct arena *arena);

/* ---- for whoever serves clients ----
 *
 * What needs a supervisor of another gateway is refused with ERROR_STATE, which names that one; but
 * commands, ports and logs (runtime/sessions) are had from it where both have runtime/peers. */

/* Starts a sandbox whose creation is on record; one that does not come up is deleted again, and
 * done is told why it did not. */
void runtime_create(struct runtime *runtime, const char *sandbox_id, runtime_done *done, void *arg);
/* done: it is ready, or was already. */
void runtime_start(struct runtime *runtime, const char *sandbox_id, runtime_done *done, void *arg);
void runtime_stop(struct runtime *runtime, const char *sandbox_id, runtime_done *done, void *arg);
/* Stops it, deletes its files and then its record: what stays can be deleted again. */
void runtime_delete(struct runtime *runtime, const char *sandbox_id, runtime_done *done, void *arg);
/* The process that the sandbox knows by this number, as the host sees it, and when it started
 * (policy/grant.h).  Worker threads: reads /proc.  -1: err says that there is none. */
int runtime_find_process(const struct runtime *runtime, const char *sandbox_id, int64_t inside,
                         int64_t *pid, int64_t *started, struct error *err);
/* Changes settings of a sandbox: on record, then in its supervisor; then the chunks that wait are
 * put to the voters again, as they may need no person any more.  change lives until done is called
 * and then has the new record.  err: nothing was changed. */
void runtime_set_settings(struct runtime *runtime, struct settings_change *change,
                          runtime_done *done, void *arg);
/* Gives a sandbox that runs the credentials that are on record for it.  done: it uses them, or does
 * not run; err: it has not said so in time. */
void runtime_equip(struct runtime *runtime, const char *sandbox_id, runtime_done *done, void *arg);
/* The same for all of them, soon.  Any thread. */
void runtime_equip_all(struct runtime *runtime);
/* A change of a provider that is on record. */
struct provider_change {
    const char *provider;
    const char *change;                             /* created, rotated, attached, … */
    const char *actor;
    const char *sandbox; /* the name of the one that it is attached to or detached from; or "" */
    const char *const *sandbox_ids;                 /* of those that have to learn of it */
    size_t n;
    /* For each that has not confirmed it in time; arg is that of the call.  NULL: nobody asks. */
    void (*unconfirmed)(void *arg, const char *why);
};
/* Tells of a provider's change: event `provider`, and runtime_equip for those sandboxes.  done:
 * each of them uses what was changed, does not run, or has not confirmed it.  change lives until
 * then. */
void runtime_tell_provider(struct runtime *runtime, const struct provider_change *change,
                           runtime_done *done, void *arg);
/* A new list of texts: what of its last start is not as its policy reads. */
json_t *runtime_warnings(struct runtime *runtime, const char *sandbox_id);
/* Takes the stream on which a supervisor has connected; a newer one takes the place of an older
 * one. */
void runtime_connect(struct runtime *runtime, const char *sandbox_id, struct net_stream *stream);

#endif
