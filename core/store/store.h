/* SPDX-License-Identifier: Apache-2.0 */
/* The durable store: sandboxes, workspaces, revisions, decisions, drafts, the audit chain, traffic
 * and events.
 *
 * A store is opened by its URL (store/url.h), whose scheme names the backend (store/backend.h).
 *
 * Reads may run on any thread and block it.  The records that they return live in the arena given.
 * Writes are functions that store_write runs in a transaction.  Functions that wait at the same
 * time may share one transaction, but one that fails undoes only its own changes.  store_write
 * returns once the changes are durable.  A function may run again if its transaction had to be
 * repeated, so it must have no effect except on tx.
 * Times are milliseconds since 1970. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"

struct store;
struct store_tx;

/* Creates the store if there is none, and migrates one of an older schema. */
struct store *store_open(const char *url, const struct log *log, struct error *err);
void store_close(struct store *store);              /* waits for writes under way; NULL is fine */
/* Makes this process the store's only gateway until it closes the store.  ERROR_EXISTS if it has
 * another one. */
int store_claim(struct store *store, struct error *err);

/* ---- copies ---- */
enum { STORE_COPIED_TABLES = 18 };

struct store_copied {
    struct {
        const char *table;
        uint64_t rows;
    } tables[STORE_COPIED_TABLES];
    size_t n;
    uint64_t records;                               /* of the audit chain */
    char head[65];
};

/* Copies all of a store, as it is at one moment, into an empty one, and verifies the audit chain of
 * the copy; it makes a store of a file if there is none yet.  Another gateway may work in the one
 * that is copied, nobody may work in the other. */
int store_copy(const char *from, const char *to, const struct log *log,
               struct store_copied *out, struct error *err);

/* ---- writing ---- */
typedef int (*store_write_fn)(struct store_tx *tx, void *arg, struct error *err);

/* Blocks until durable.  -1: fn failed (its err), or the commit did. */
int store_write(struct store *store, store_write_fn fn, void *arg, struct error *err);

enum { STORE_LATER_MS = 4 };

/* What became of a write, as store_write returns it. */
typedef void (*store_written_fn)(void *arg, int rc, const struct error *err);

/* Returns at once.  The write shares the transaction of the next store_write, or has one after
 * STORE_LATER_MS; it comes after every write that was handed over before.  done is called once it
 * is durable or has failed, on any thread that writes, and must not block. */
void store_write_later(struct store *store, store_write_fn fn, store_written_fn done, void *arg);

/* ---- sandboxes ---- */
struct store_sandbox {
    const char *id, *name;
    const char *workspace;                          /* its name; NULL in a new one: default */
    int64_t number;                                 /* 1, 2, 3… never used again */
    const char *network;                            /* "proxy" or "none" */
    const char *labels_json, *env_json;             /* objects of texts */
    const char *approval_mode;                      /* "manual" or "auto" */
    const char *holders_json; /* its owner and with whom it is shared: auth/holders.h; NULL in a new
                               * one: nobody */
    const char *image; /* that was asked for, and that it does not have; NULL in a new one: "" */
    const char *services_json; /* what is exposed: runtime/services.h; NULL in a new one: [] */
    const char *token_hash;                         /* SHA-256 of its supervisor's token */
    /* Id of the gateway that runs it (store/gateways.h); "": none yet.  NULL in a new one: the
     * gateway that writes it. */
    const char *home;
    const char *host;                               /* that runs it; "" or NULL: its home does */
    const char *phase;                              /* "provisioning", "ready", … */
    const char *error;                              /* why the phase is error, else "" */
    int64_t memory_bytes, cpu_millis, pids;         /* limits that were asked for; 0: none */
    int64_t hold_ms;                                /* how long a refused request waits; 0: not */
    bool agent_proposals;                           /* its programs may use policy.local */
    bool observe; /* its policy is a ceiling to learn within: more of what passes is on record */
    int64_t passed_since_ms; /* since when what passes is on record one by one */
    uint64_t revision, loaded_revision;             /* newest, and the one enforced; 0: none */
    const char *main_json;                          /* its main process, a command; "": none */
    int64_t main_started_ms, main_ended_ms;         /* of its latest run; 0: not yet */
    int64_t main_code;                              /* its exit code, once it has ended */
    const char *main_error;                      /* why it could not be run or was ended, or "" */
    /* Deleted: 0 while it lives; its decisions stay. */
    int64_t created_at_ms, deleted_at_ms;
};

int store_sandbox_get(struct store *s, const char *name, struct arena *arena,
                      struct store_sandbox *out, struct error *err);
int store_tx_sandbox_get(struct store_tx *tx, const char *name, struct arena *arena,
                         struct store_sandbox *out, struct error *err);
int store_sandbox_by_id(struct store *s, const char *id, struct arena *arena,
                        struct store_sandbox *out, struct error *err);
/* The one that has the name or, where none has it, the one that had it last. */
int store_sandbox_ever(struct store *s, const char *name, struct arena *arena,
                       struct store_sandbox *out, struct error *err);
int store_sandbox_list(struct store *s, struct arena *arena, struct store_sandbox **out, size_t *n,
                       struct error *err);
/* Gives it its number.  ERROR_EXISTS if the name is taken, in whatever workspace; ERROR_NOT_FOUND
 * if there is no such workspace. */
int store_tx_sandbox_insert(struct store_tx *tx, struct store_sandbox *sandbox, struct error *err);
int store_tx_sandbox_phase(struct store_tx *tx, const char *id, const char *phase,
                           const char *error, struct error *err);
/* How its main process stands, from the members of record. */
int store_tx_sandbox_main(struct store_tx *tx, const struct store_sandbox *record,
                          struct error *err);
/* A main process that has not ended has ended now, as its sandbox has. */
int store_tx_sandbox_main_end(struct store_tx *tx, const char *id, int64_t at_ms,
                              const char *error, struct error *err);
/* It is started here, so this gateway is its home from now on.  ERROR_STATE if it has another. */
int store_tx_sandbox_token(struct store_tx *tx, const char *id, const char *token_hash,
                           struct error *err);
/* This gateway is its home unless it has one.  That of a sandbox on a host is the gateway that the
 * host is connected to: it moves. */
int store_tx_sandbox_home(struct store_tx *tx, const char *id, struct error *err);
/* Labels, approval mode, hold, agent proposals, holders and services of the record. */
int store_tx_sandbox_settings(struct store_tx *tx, const struct store_sandbox *sandbox,
                              struct error *err);
int store_tx_sandbox_delete(struct store_tx *tx, const char *id, int64_t at_ms, struct error *err);

/* Somebody who ran a command in a sandbox. */
struct store_user {
    /* The actor, and the local account that it called from; "": not known. */
    const char *name, *account;
};

/* Everybody who ran something in it, in the order of their first time. */
int store_user_list(struct store *s, const char *sandbox_id, struct arena *arena,
                    struct store_user **out, size_t *n, struct error *err);
/* Does nothing for one who is on record. */
int store_tx_user_add(struct store_tx *tx, const char *sandbox_id, const struct store_user *user,
                      int64_t at_ms, struct error *err);

/* ---- workspaces: groups of sandboxes ---- */
#define STORE_WORKSPACE "default"                   /* which there always is */

struct store_workspace {
    const char *id, *name, *labels_json;
    int64_t created_at_ms;
};

/* ERROR_NOT_FOUND names it. */
int store_workspace_get(struct store *s, const char *name, struct arena *arena,
                        struct store_workspace *out, struct error *err);
/* In the order in which they were made. */
int store_workspace_list(struct store *s, struct arena *arena, struct store_workspace **out,
                         size_t *n, struct error *err);
/* ERROR_EXISTS if the name is taken. */
int store_tx_workspace_insert(struct store_tx *tx, const struct store_workspace *workspace,
                              struct error *err);
/* ERROR_STATE while a sandbox that lives is in it, and for the default one. */
int store_tx_workspace_delete(struct store_tx *tx, const char *name, struct error *err);

/* ---- revisions ---- */
struct store_revision {
    const char *sandbox_id;
    uint64_t revision;
    const char *hash, *policy_json;
    const char *kind, *actor, *identity, *origin, *reason;          /* as in its decision */
    const char *status;                             /* pending, loaded, failed, superseded */
    const char *error;
    const char *decision_id;
    int64_t created_at_ms, loaded_at_ms;            /* 0: not loaded */
    int64_t signed_at_ms; /* when the document that it came from was signed; 0: it was not */
    const char *grants_json; /* the grants that run with it (policy/grant.h), "": none */
};

/* revision 0: the newest.  ERROR_NOT_FOUND names what there is. */
int store_revision_get(struct store *s, const char *sandbox_id, uint64_t revision,
                       struct arena *arena, struct store_revision *out, struct error *err);
/* Newest first, without policy_json.  before: only those with a smaller number; 0: all.  limit 0:
 * all. */
int store_revision_list(struct store *s, const char *sandbox_id, uint64_t before, size_t limit,
                        struct arena *arena, struct store_revision **out, size_t *n,
                        struct error *err);
/* The latest signed_at_ms of the revisions of all sandboxes that ever had a name; 0: none was
 * signed. */
int store_revision_signed(struct store *s, const char *sandbox, int64_t *out, struct error *err);
/* ERROR_MOVED unless the sandbox's newest revision is expected, ERROR_NOT_FOUND when it was
 * deleted. */
int store_tx_revision_expect(struct store_tx *tx, const char *sandbox_id, uint64_t expected,
                             struct error *err);
/* Only core/update may call this.  ERROR_MOVED unless the sandbox's newest revision is expected,
 * and its labels are (NULL: any). */
int store_tx_revision_commit(struct store_tx *tx, const struct store_revision *revision,
                             uint64_t expected, const char *labels_json, struct error *err);
/* The supervisor enforces it: it becomes loaded, and what it replaces (loaded, and pending ones
 * before it) superseded.  A late report of an older revision changes nothing. */
int store_tx_revision_loaded(struct store_tx *tx, const char *sandbox_id, uint64_t revision,
                             int64_t at_ms, struct error *err);
int store_tx_revision_failed(struct store_tx *tx, const char *sandbox_id, uint64_t revision,
                             const char *why, struct error *err);

/* Its supervisor is gone: what is still pending has failed, with why. */
int store_tx_revisions_abandon(struct store_tx *tx, const char *sandbox_id, const char *why,
                               struct error *err);

/* ---- decisions and the audit chain ---- */
struct store_decision {
    const char *id;
    uint64_t seq;                                   /* place in the audit chain, from 1 */
    const char *sandbox_id, *sandbox;
    const char *kind, *outcome;
    const char *actor, *role, *via, *reason;
    /* Of the actor, as in <sluice/transition.h>; "": not on record. */
    const char *identity, *origin;
    uint64_t base_revision, revision;               /* revision 0: none was made */
    const char *base_hash, *candidate_hash, *candidate_json;
    const char *votes_json, *diff_json, *warnings_json, *draft_id, *chain_digest;
    bool overridden;
    int64_t at_ms;
    const char *previous, *hash;                    /* of the audit record */
};

int store_decision_get(struct store *s, const char *id, struct arena *arena,
                       struct store_decision *out, struct error *err);
struct store_decision_query {
    const char *sandbox_id;                         /* NULL: of all */
    /* Unless that is given: of every sandbox that ever had this name, or was to have it. */
    const char *sandbox;
    int64_t since_ms;
    uint64_t before_seq;                            /* only those with a smaller seq; 0: all */
    bool candidates;                                /* with candidate_json, which is "" otherwise */
    size_t limit;                                   /* 0: all */
};

/* Newest first. */
int store_decision_list(struct store *s, const struct store_decision_query *query,
                        struct arena *arena, struct store_decision **out, size_t *n,
                        struct error *err);
/* The first decision about a chunk: of a held update, the one that held it. */
int store_decision_of_draft(struct store *s, const char *draft_id, struct arena *arena,
                            struct store_decision *out, struct error *err);
/* Those behind a place in the audit chain, oldest first, with candidates. */
int store_decision_after(struct store *s, uint64_t seq, size_t limit, struct arena *arena,
                         struct store_decision **out, size_t *n, struct error *err);
/* Appends to the audit chain: fills seq, previous and hash (their texts live until fn returns). */
int store_tx_decision_append(struct store_tx *tx, struct store_decision *decision,
                             struct error *err);

struct store_audit_report {
    uint64_t records;
    uint64_t bad_seq;                               /* first bad record, 0: none */
    char why[256];
    char head[65];                                  /* hash of the last good record */
    bool noted_found;
};

/* noted: the head of an earlier report, kept elsewhere.  If it is absent from the chain, the store
 * was rolled back.  NULL: none.  Only one verification runs at a time (ERROR_LIMIT), and it delays
 * nobody. */
int store_audit_verify(struct store *s, const char *noted, struct store_audit_report *out,
                       struct error *err);
/* The same on a store that need not be open.  Changes nothing.  where: its URL or its main file. */
int store_audit_verify_at(const char *where, const char *noted, struct store_audit_report *out,
                          struct error *err);

/* ---- drafts ---- */
struct store_draft {
    const char *id, *sandbox_id;
    const char *status, *source;                    /* of store/words.h */
    const char *rule_name, *rule_json;              /* the proposed rule; "" for a held update */
    /* A held update: what was asked, and its candidate policy.  A held request: "request", and the
     * vote that holds it, VOTER:CODE.  "": neither. */
    const char *held_kind, *held_json;
    const char *host, *binary;
    uint16_t port;
    const char *method, *path; /* of a refused request; "": it is about connections */
    /* What its body asks for, in GraphQL or in JSON-RPC and MCP; "": nothing. */
    const char *operation, *field, *rpc_method, *tool;
    uint64_t hits;
    int64_t first_seen_ms, last_seen_ms;
    const char *rationale, *security_notes, *author;
    double confidence;
    const char *approvals_json;                     /* [{actor, role, at_ms}] */
    const char *decided_by, *reason;
    int64_t created_at_ms, decided_at_ms;
    uint64_t revision;                              /* the revision its approval made, 0: none */
    /* What an undo takes back (drafts/rules.h), "" if not approved. */
    const char *undo_json;
    /* A held undo or rejection: of which chunk, and the status that one gets. */
    const char *takes_back, *back_to;
    /* What the host resolved to when it was refused, "": not known. */
    const char *addresses_json;
    const char *asked_by_json;                      /* who asked (drafts/askers.h), "": not known */
    /* The end that is asked for and, once it is approved, the grant (policy/grant.h); "": none. */
    const char *grant_json;
    bool grant_ended; /* the same may be refused again, which makes a chunk of its own */
};

struct store_draft_event {
    const char *draft_id, *event, *actor, *text;
    int64_t at_ms;
    const char *identity, *origin;                  /* of the actor, as in a decision */
};

int store_draft_get(struct store *s, const char *sandbox_id, const char *id, struct arena *arena,
                    struct store_draft *out, struct error *err);
/* Oldest first; sandbox_id NULL: of all sandboxes; status NULL: any. */
int store_draft_list(struct store *s, const char *sandbox_id, const char *status,
                     struct arena *arena, struct store_draft **out, size_t *n, struct error *err);
/* The same, but only what they are known by: their texts may be long. */
struct store_draft_key {
    const char *id, *sandbox_id;
    uint64_t number;                                /* its place in the list: they only grow */
};
int store_draft_keys(struct store *s, const char *sandbox_id, const char *status,
                     struct arena *arena, struct store_draft_key **out, size_t *n,
                     struct error *err);
/* Approved ones whose grant has not ended; sandbox_id NULL: of all sandboxes. */
int store_draft_granted(struct store *s, const char *sandbox_id, struct arena *arena,
                        struct store_draft **out, size_t *n, struct error *err);
/* Of all sandboxes. */
int store_draft_count(struct store *s, const char *status, uint64_t *out, struct error *err);
/* Approved ones of a sandbox that this actor decided after since_ms. */
int store_draft_decided(struct store *s, const char *sandbox_id, const char *decided_by,
                        int64_t since_ms, uint64_t *out, struct error *err);
/* The newest, at most limit; the oldest of them first. */
int store_draft_history(struct store *s, const char *sandbox_id, size_t limit, struct arena *arena,
                        struct store_draft_event **out, size_t *n, struct error *err);
/* What was refused.  A sandbox has one mechanistic chunk for it. */
struct store_denied {
    const char *sandbox_id, *host;
    uint16_t port;
    const char *binary, *method, *path;             /* method and path "": the connection */
    const char *operation, *field, *rpc_method, *tool;          /* "": nothing of the kind */
};

/* The mechanistic chunk of what was refused, whatever its status; not one whose grant has ended. */
int store_tx_draft_find(struct store_tx *tx, const struct store_denied *denied,
                        struct arena *arena, struct store_draft *out, struct error *err);
int store_tx_draft_get(struct store_tx *tx, const char *sandbox_id, const char *id,
                       struct arena *arena, struct store_draft *out, struct error *err);
int store_tx_draft_insert(struct store_tx *tx, const struct store_draft *draft, struct error *err);
/* Writes every field.  ERROR_STATE unless its status in the store is still expected_status. */
int store_tx_draft_update(struct store_tx *tx, const struct store_draft *draft,
                          const char *expected_status, struct error *err);
int store_tx_draft_count(struct store_tx *tx, const char *sandbox_id, const char *status,
                         const char *source, uint64_t *out, struct error *err);
/* Pending chunks of refused requests that nobody has approved yet, oldest first. */
struct store_draft_place {
    const char *id, *host, *binary;
};
int store_tx_draft_places(struct store_tx *tx, const char *sandbox_id, struct arena *arena,
                          struct store_draft_place **out, size_t *n, struct error *err);
/* Removes a chunk and what its history says. */
int store_tx_draft_delete(struct store_tx *tx, const char *sandbox_id, const char *id,
                          struct error *err);
/* Deletes those of a status, but for the newest. */
int store_tx_draft_trim(struct store_tx *tx, const char *sandbox_id, const char *status,
                        size_t keep, uint64_t *deleted, struct error *err);
int store_tx_draft_event(struct store_tx *tx, const char *sandbox_id,
                         const struct store_draft_event *event, struct error *err);

/* ---- the traffic record ---- */
enum {
    STORE_TRAFFIC_MAX = 2048,                       /* rows of one sandbox and verdict */
    STORE_AUDITED_MAX = 1024,                       /* the same of what is audited */
    STORE_PASSED_MAX = 2048,                        /* and of what is permitted, one by one */
    STORE_OBSERVED_MAX = 16384,                     /* the same of one that is observed */
    STORE_TRAFFIC_DELETED_KEPT = 32, /* deleted sandboxes whose rows are kept, the last ones */
};

struct store_traffic {
    uint64_t number;                                /* its place in the list, never used again */
    const char *sandbox_id;
    const char *verdict;                            /* of STORE_TRAFFIC_CLASSES */
    const char *host;                               /* "": requests that have no row of their own */
    uint16_t port;
    const char *binary, *rule, *reason;             /* reason: of the latest */
    const char *method, *path;                      /* of what is audited or passed, else "" */
    const char *operation, *field, *rpc_method, *tool; /* of the call in it, or "" */
    uint64_t count;
    int64_t first_seen_ms, last_seen_ms;
    uint64_t changed; /* place of its latest change in the order of those of all rows, from 1 */
};

struct store_traffic_query {
    const char *sandbox_id;
    const char *verdict;                            /* NULL: any of STORE_TRAFFIC_VERDICTS */
    uint64_t after;                                 /* only those with a greater number */
    size_t limit;                                   /* 0: all */
};

/* A batch of a supervisor: source names its process, number counts the batches of that. */
struct store_traffic_batch {
    const char *sandbox_id, *source;
    uint64_t number;
    const struct store_traffic *items;
    size_t n;
    bool observe;                                   /* it has room for STORE_OBSERVED_MAX */
};

int store_traffic_list(struct store *s, const struct store_traffic_query *query,
                       struct arena *arena, struct store_traffic **out, size_t *n,
                       struct error *err);
/* The rows without a host: at most one for each class. */
int store_traffic_unlisted(struct store *s, const char *sandbox_id, struct arena *arena,
                           struct store_traffic **out, size_t *n, struct error *err);
/* Rows of all sandboxes that changed behind a place in the order of changes, in that order. */
int store_traffic_changed(struct store *s, uint64_t changed, size_t limit, struct arena *arena,
                          struct store_traffic **out, size_t *n, struct error *err);
/* Adds the counts, once: a batch whose number is not above that of the last one of its source
 * changes nothing.  A row of a verdict, once there, is never replaced by another; where there is no
 * room for one more, the request counts in the row without a host.  A row of what is audited or
 * passed is dropped, and counts there, where as many others of its class as there is room for were
 * seen after it. */
int store_tx_traffic_add(struct store_tx *tx, const struct store_traffic_batch *batch,
                         struct error *err);

/* ---- events ---- */
struct store_event {
    uint64_t id;                                    /* grows; never used again */
    /* Caused by a workload: trimmed apart from the others. */
    bool of_workload;
    const char *type, *sandbox, *json;
};

/* All of them by id, and the greatest id that ever was. */
int store_event_list(struct store *s, struct arena *arena, struct store_event **out, size_t *n,
                     uint64_t *last_id, struct error *err);
int store_tx_event_insert(struct store_tx *tx, const struct store_event *event, struct error *err);
/* Deletes those of a class but for the newest. */
int store_tx_event_trim(struct store_tx *tx, bool of_workload, size_t keep, struct error *err);

/* ---- providers of credentials ---- */
struct store_provider {
    const char *id, *name, *profile;
    uint64_t rotations;                             /* how often it was changed */
    int64_t created_at_ms, rotated_at_ms;           /* rotated 0: never */
    const char *labels_json, *config_json;          /* objects of texts; NULL in a new one: {} */
};

/* A value, sealed by core/secret. */
struct store_credential {
    const char *provider_id, *name, *sealed;
};

/* A sandbox that uses a provider. */
struct store_attachment {
    const char *provider_id, *sandbox_id;
    const char *handle;                             /* random, in the sandbox's placeholders */
    int64_t at_ms;
    const char *provider, *profile, *sandbox;       /* by name; not stored here */
};

/* ERROR_NOT_FOUND names it. */
int store_provider_get(struct store *s, const char *name, struct arena *arena,
                       struct store_provider *out, struct error *err);
/* By name. */
int store_provider_list(struct store *s, struct arena *arena, struct store_provider **out,
                        size_t *n, struct error *err);
/* By name. */
int store_credential_list(struct store *s, const char *provider_id, struct arena *arena,
                          struct store_credential **out, size_t *n, struct error *err);
/* Of sandboxes that live, in the order in which they were made.  NULL: of every provider, of every
 * sandbox. */
int store_attachment_list(struct store *s, const char *provider_id, const char *sandbox_id,
                          struct arena *arena, struct store_attachment **out, size_t *n,
                          struct error *err);

/* What an update of a policy starts from. */
struct store_base {
    struct store_sandbox sandbox;
    struct store_revision newest, first;
    struct store_attachment *attachments;
    size_t n_attachments;
};

/* All of it as it was at one moment.  ERROR_NOT_FOUND if no sandbox has the name. */
int store_base_get(struct store *s, const char *sandbox, struct arena *arena,
                   struct store_base *out, struct error *err);
int store_tx_provider_get(struct store_tx *tx, const char *name, struct arena *arena,
                          struct store_provider *out, struct error *err);
int store_tx_credential_list(struct store_tx *tx, const char *provider_id, struct arena *arena,
                             struct store_credential **out, size_t *n, struct error *err);
int store_tx_attachment_list(struct store_tx *tx, const char *provider_id, const char *sandbox_id,
                             struct arena *arena, struct store_attachment **out, size_t *n,
                             struct error *err);
/* ERROR_EXISTS if the name is taken. */
int store_tx_provider_insert(struct store_tx *tx, const struct store_provider *provider,
                             struct error *err);
/* Counts one more rotation. */
int store_tx_provider_rotated(struct store_tx *tx, const char *id, int64_t at_ms,
                              struct error *err);
/* Its labels and config, of the record. */
int store_tx_provider_notes(struct store_tx *tx, const struct store_provider *provider,
                            struct error *err);
/* With its credentials; nothing may be attached to it. */
int store_tx_provider_delete(struct store_tx *tx, const char *id, struct error *err);
/* Takes the place of the one with that name. */
int store_tx_credential_put(struct store_tx *tx, const struct store_credential *credential,
                            struct error *err);
int store_tx_credential_delete(struct store_tx *tx, const char *provider_id, const char *name,
                               struct error *err);
/* 1: attached, 0: it was already. */
int store_tx_attachment_add(struct store_tx *tx, const struct store_attachment *attachment,
                            struct error *err);
/* 1: detached, 0: it was not attached. */
int store_tx_attachment_delete(struct store_tx *tx, const char *provider_id,
                               const char *sandbox_id, struct error *err);

/* ---- tokens of people and programs ---- */
/* The token itself is not here. */
struct store_token {
    const char *id, *name, *sha256, *role;
    const char *sandbox, *sandbox_id;               /* the only one it is for; "": any */
    const char *created_by;
    int64_t created_at_ms, expires_at_ms;           /* expires 0: never */
};

/* By name. */
int store_token_list(struct store *s, struct arena *arena, struct store_token **out, size_t *n,
                     struct error *err);
/* Of an id or a name.  ERROR_NOT_FOUND names it. */
int store_tx_token_get(struct store_tx *tx, const char *token, struct arena *arena,
                       struct store_token *out, struct error *err);
/* ERROR_EXISTS if the name is taken. */
int store_tx_token_insert(struct store_tx *tx, const struct store_token *token, struct error *err);
int store_tx_token_delete(struct store_tx *tx, const char *id, struct error *err);

/* ---- ceilings: what the policies of sandboxes must lie within ---- */
struct store_ceiling {
    uint64_t number;                                /* grows with each that is set; never reused */
    const char *selector;                           /* "KEY=VALUE", a label; "": every sandbox */
    const char *policy_json, *hash;
    const char *actor, *identity, *origin;          /* who set it */
    int64_t at_ms;
};

/* By selector. */
int store_ceiling_list(struct store *s, struct arena *arena, struct store_ceiling **out, size_t *n,
                       struct error *err);
/* Takes the place of one with that selector; gives it its number. */
int store_tx_ceiling_set(struct store_tx *tx, const struct store_ceiling *ceiling,
                         struct error *err);
/* ERROR_NOT_FOUND names it. */
int store_tx_ceiling_delete(struct store_tx *tx, const char *selector, struct error *err);
/* ERROR_MOVED unless number is the greatest that there is (0: there is none). */
int store_tx_ceiling_expect(struct store_tx *tx, uint64_t number, struct error *err);

/* ---- exports: what each exporter's receiver has taken ---- */
struct store_export {
    const char *name;
    uint64_t audit;                                 /* seq of the last record of the audit chain */
    uint64_t traffic;                               /* changed of the last row of traffic */
    uint64_t traffic_missed; /* rows that went from the traffic record before they were taken */
};

/* One that is not on record has taken nothing. */
int store_export_get(struct store *s, const char *name, struct arena *arena,
                     struct store_export *out, struct error *err);
enum { STORE_WAITING_MAX = 100000 };

/* How many records of the audit chain and rows of traffic it has not taken; rows are counted up to
 * STORE_WAITING_MAX. */
int store_export_waiting(struct store *s, const struct store_export *taken, uint64_t *audit,
                         uint64_t *traffic, struct error *err);
/* This gateway sends the records of an exporter until then, unless it says so again: of the
 * gateways of a store one does for each.  1: it may, 0: another one does at now_ms. */
int store_tx_export_hold(struct store_tx *tx, const char *name, int64_t now_ms, int64_t until_ms,
                         struct error *err);
/* Notes audit and traffic; traffic_missed is the store's own.  ERROR_MOVED unless this gateway
 * sends them, which it does until then. */
int store_tx_export_put(struct store_tx *tx, const struct store_export *taken, int64_t until_ms,
                        struct error *err);

#endif
