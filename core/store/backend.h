/* SPDX-License-Identifier: Apache-2.0 */
/* What a kind of database does for a store.  The rules are in core/store/ and hold for all of them:
 * what a revision may become, how the audit chain is made and verified, what counts where in the
 * traffic record, and the texts of refusals.  A backend keeps rows, runs transactions and reports
 * its own failures.
 *
 * Every function returns -1 with err if it fails.  One that finds, sets, updates or adds to a row
 * returns 1, or 0 if there is no such row; so do those whose comment says what 0 means.  All others
 * return 0.  Texts that are read live in the arena. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include <pthread.h>

#include "store/gateways.h"
#include "store/record.h"
#include "store/words.h"

struct store_backend;

/* A backend puts these first in its own struct.  It fills backend; the rest is core/store's. */
struct store {
    const struct store_backend *backend;
    pthread_mutex_t verifying;                      /* held during store_audit_verify */
};

struct store_tx {
    const struct store_backend *backend;
    struct arena *arena;                            /* until the write function returns */
};

enum store_key { STORE_BY_ID, STORE_BY_NAME, STORE_BY_LAST_NAME };

struct store_sandbox_rows {
    /* BY_NAME: the one that lives.  BY_LAST_NAME: that one or, without it, the newest that was
     * deleted. */
    int (*find)(struct store_tx *tx, enum store_key by, const char *value, struct arena *arena,
                struct store_sandbox *out, struct error *err);
    /* Those that live, by number. */
    int (*list)(struct store_tx *tx, struct arena *arena, struct store_sandbox **out, size_t *n,
                struct error *err);
    /* Fills its number, which is never used again.  0: one that lives has its name, or its id is
     * taken. */
    int (*insert)(struct store_tx *tx, struct store_sandbox *sandbox, struct error *err);
    /* These find only a sandbox that lives. */
    int (*set_phase)(struct store_tx *tx, const char *id, const char *phase, const char *error,
                     struct error *err);
    /* home becomes its home where it has none, or is on a host; 0: it has another one. */
    int (*set_token)(struct store_tx *tx, const char *id, const char *token_hash,
                     const char *home, struct error *err);
    int (*set_home)(struct store_tx *tx, const char *id, const char *home, struct error *err);
    int (*set_main)(struct store_tx *tx, const struct store_sandbox *sandbox, struct error *err);
    int (*set_settings)(struct store_tx *tx, const struct store_sandbox *sandbox,
                        struct error *err);
    /* Its token hash becomes "". */
    int (*set_deleted)(struct store_tx *tx, const char *id, int64_t at_ms, struct error *err);
    /* The caller knows that there is one; 0: done. */
    int (*set_revisions)(struct store_tx *tx, const char *id, uint64_t newest, uint64_t loaded,
                         struct error *err);
    /* In the order of their first time. */
    int (*list_users)(struct store_tx *tx, const char *id, struct arena *arena,
                      struct store_user **out, size_t *n, struct error *err);
    /* 0: on record already. */
    int (*add_user)(struct store_tx *tx, const char *id, const struct store_user *user,
                    int64_t at_ms, struct error *err);
};

struct store_workspace_rows {
    int (*find)(struct store_tx *tx, const char *name, struct arena *arena,
                struct store_workspace *out, struct error *err);
    /* In the order in which they were made. */
    int (*list)(struct store_tx *tx, struct arena *arena, struct store_workspace **out, size_t *n,
                struct error *err);
    /* 0: its name is taken. */
    int (*insert)(struct store_tx *tx, const struct store_workspace *workspace, struct error *err);
    int (*remove)(struct store_tx *tx, const char *name, struct error *err);
    /* Of sandboxes that live. */
    int (*count_sandboxes)(struct store_tx *tx, const char *name, uint64_t *out,
                           struct error *err);
};

/* Moves the revisions first to last of a sandbox whose status is one of from, a set of
 * STORE_REVISION_BIT. */
struct store_revision_move {
    const char *sandbox_id;
    uint64_t first, last;
    unsigned from;
    enum store_revision_status to;
    const char *error;                              /* NULL: as it was */
    int64_t loaded_at_ms;                           /* 0: as it was */
};

struct store_revision_rows {
    /* revision 0: the newest. */
    int (*find)(struct store_tx *tx, const char *sandbox_id, uint64_t revision, struct arena *arena,
                struct store_revision *out, struct error *err);
    /* Newest first, without policy_json, at most limit. */
    int (*list)(struct store_tx *tx, const char *sandbox_id, uint64_t before, size_t limit,
                struct arena *arena,
                struct store_revision **out, size_t *n, struct error *err);
    int (*insert)(struct store_tx *tx, const struct store_revision *revision, struct error *err);
    int (*move)(struct store_tx *tx, const struct store_revision_move *move, struct error *err);
    /* The greatest signed_at_ms of all sandboxes that ever had the name; 0: there is none. */
    int (*last_signed)(struct store_tx *tx, const char *sandbox, int64_t *out, struct error *err);
};

struct store_audit_head {
    uint64_t count;                                 /* records of the chain */
    char hash[65];                                  /* of the last one, "" without any */
};

enum store_decision_key { STORE_DECISION_BY_ID, STORE_DECISION_BY_DRAFT };

/* Returns whether it wants the next one. */
typedef bool (*store_visit_fn)(void *ctx, const struct store_decision *decision);

struct store_decision_rows {
    /* BY_DRAFT: the first about this chunk. */
    int (*find)(struct store_tx *tx, enum store_decision_key by, const char *value,
                struct arena *arena, struct store_decision *out, struct error *err);
    /* Newest first, at most query->limit. */
    int (*list)(struct store_tx *tx, const struct store_decision_query *query, struct arena *arena,
                struct store_decision **out, size_t *n, struct error *err);
    /* A row that is there is never changed and never removed. */
    int (*insert)(struct store_tx *tx, const struct store_decision *decision, struct error *err);
    /* Those with a greater seq by seq, at most limit. */
    int (*list_after)(struct store_tx *tx, uint64_t seq, size_t limit, struct arena *arena,
                      struct store_decision **out, size_t *n, struct error *err);
    /* All rows by seq. */
    int (*visit)(struct store_tx *tx, store_visit_fn fn, void *ctx, struct error *err);
    /* 0: it was removed. */
    int (*head)(struct store_tx *tx, struct store_audit_head *out, struct error *err);
    /* The caller knows that there is one; 0: done. */
    int (*set_head)(struct store_tx *tx, const struct store_audit_head *head, struct error *err);
};

struct store_draft_rows {
    int (*find)(struct store_tx *tx, const char *sandbox_id, const char *id, struct arena *arena,
                struct store_draft *out, struct error *err);
    /* The mechanistic one. */
    int (*find_denied)(struct store_tx *tx, const struct store_denied *denied, struct arena *arena,
                       struct store_draft *out, struct error *err);
    /* Oldest first.  sandbox_id NULL: of every sandbox that lives.  status NULL: any. */
    int (*list)(struct store_tx *tx, const char *sandbox_id, const char *status,
                struct arena *arena, struct store_draft **out, size_t *n, struct error *err);
    int (*list_keys)(struct store_tx *tx, const char *sandbox_id, const char *status,
                     struct arena *arena, struct store_draft_key **out, size_t *n,
                     struct error *err);
    /* Approved ones with a grant; sandbox_id as in list. */
    int (*list_granted)(struct store_tx *tx, const char *sandbox_id, struct arena *arena,
                        struct store_draft **out, size_t *n, struct error *err);
    int (*list_places)(struct store_tx *tx, const char *sandbox_id, struct arena *arena,
                       struct store_draft_place **out, size_t *n, struct error *err);
    /* source NULL: any; sandbox_id as in list. */
    int (*count)(struct store_tx *tx, const char *sandbox_id, const char *status,
                 const char *source, uint64_t *out, struct error *err);
    int (*count_decided)(struct store_tx *tx, const char *sandbox_id, const char *decided_by,
                         int64_t since_ms, uint64_t *out, struct error *err);
    /* 0: its id is taken or, for a mechanistic one, another has its store_denied. */
    int (*insert)(struct store_tx *tx, const struct store_draft *draft, struct error *err);
    /* Every field.  0: its sandbox has no such chunk with this status. */
    int (*update)(struct store_tx *tx, const struct store_draft *draft, const char *status,
                  struct error *err);
    /* Its events as well.  0: there is none. */
    int (*remove)(struct store_tx *tx, const char *sandbox_id, const char *id, struct error *err);
    /* Removes all of this status but the newest. */
    int (*trim)(struct store_tx *tx, const char *sandbox_id, const char *status, size_t keep,
                uint64_t *removed, struct error *err);
    /* The newest, at most limit; the oldest of them first. */
    int (*list_events)(struct store_tx *tx, const char *sandbox_id, size_t limit,
                       struct arena *arena, struct store_draft_event **out, size_t *n,
                       struct error *err);
    int (*insert_event)(struct store_tx *tx, const char *sandbox_id,
                        const struct store_draft_event *event, struct error *err);
};

struct store_traffic_rows {
    /* Those with a host, by number; without a verdict, all but those that are audited. */
    int (*list)(struct store_tx *tx, const struct store_traffic_query *query, struct arena *arena,
                struct store_traffic **out, size_t *n, struct error *err);
    int (*list_unlisted)(struct store_tx *tx, const char *sandbox_id, struct arena *arena,
                         struct store_traffic **out, size_t *n, struct error *err);
    int (*count)(struct store_tx *tx, const char *sandbox_id, const char *verdict, uint64_t *out,
                 struct error *err);
    /* Notes it as its sandbox's last batch.  0: one of this source with that number or a greater
     * one was noted before. */
    int (*note_batch)(struct store_tx *tx, const struct store_traffic_batch *batch,
                      struct error *err);
    /* Takes n places of the order of changes; *first is the first of them. */
    int (*take_places)(struct store_tx *tx, size_t n, uint64_t *first, struct error *err);
    /* Those with a greater place by place, at most limit. */
    int (*list_changed)(struct store_tx *tx, uint64_t changed, size_t limit, struct arena *arena,
                        struct store_traffic **out, size_t *n, struct error *err);
    int (*count_changed)(struct store_tx *tx, uint64_t changed, uint64_t *out, struct error *err);
    /* Adds to the row of the same sandbox, verdict, host, port, binary, rule, request and call,
     * which gets the item's place. */
    int (*add)(struct store_tx *tx, const struct store_traffic *item, struct error *err);
    int (*insert)(struct store_tx *tx, const struct store_traffic *item, struct error *err);
    /* Removes the rows with a host but for the keep that were seen last, and returns them. */
    int (*drop_oldest)(struct store_tx *tx, const char *sandbox_id, const char *verdict,
                       size_t keep, struct arena *arena, struct store_traffic **dropped, size_t *n,
                       struct error *err);
    /* Removes the rows of deleted sandboxes but for the keep that were deleted last, and counts
     * them as missed by the exports that have not taken them. */
    int (*trim)(struct store_tx *tx, size_t keep, struct error *err);
};

struct store_export_rows {
    int (*find)(struct store_tx *tx, const char *name, struct arena *arena,
                struct store_export *out, struct error *err);
    /* Inserts it, or updates holder and until_ms where it has that holder or none at now_ms.  0:
     * it has another one. */
    int (*hold)(struct store_tx *tx, const char *name, const char *holder, int64_t now_ms,
                int64_t until_ms, struct error *err);
    /* Updates what it has taken, and until_ms.  0: it has another holder, or there is none of the
     * name. */
    int (*put)(struct store_tx *tx, const struct store_export *taken, const char *holder,
               int64_t until_ms, struct error *err);
    /* A row of traffic with this place is gone: those that have not taken it have missed it. */
    int (*miss)(struct store_tx *tx, uint64_t changed, struct error *err);
};

struct store_event_rows {
    int (*list)(struct store_tx *tx, struct arena *arena, struct store_event **out, size_t *n,
                uint64_t *last_id, struct error *err);
    int (*insert)(struct store_tx *tx, const struct store_event *event, struct error *err);
    int (*trim)(struct store_tx *tx, bool of_workload, size_t keep, struct error *err);
};

struct store_provider_rows {
    /* BY_ID or BY_NAME. */
    int (*find)(struct store_tx *tx, enum store_key by, const char *value, struct arena *arena,
                struct store_provider *out, struct error *err);
    int (*list)(struct store_tx *tx, struct arena *arena, struct store_provider **out, size_t *n,
                struct error *err);
    /* 0: its name is taken. */
    int (*insert)(struct store_tx *tx, const struct store_provider *provider, struct error *err);
    int (*set_rotated)(struct store_tx *tx, const char *id, int64_t at_ms, struct error *err);
    /* Its labels and config. */
    int (*set_notes)(struct store_tx *tx, const struct store_provider *provider,
                     struct error *err);
    /* Its credentials as well. */
    int (*remove)(struct store_tx *tx, const char *id, struct error *err);
    int (*list_credentials)(struct store_tx *tx, const char *provider_id, struct arena *arena,
                            struct store_credential **out, size_t *n, struct error *err);
    /* Takes the place of the one with its provider and name. */
    int (*put_credential)(struct store_tx *tx, const struct store_credential *credential,
                          struct error *err);
    int (*remove_credential)(struct store_tx *tx, const char *provider_id, const char *name,
                             struct error *err);
    /* Of sandboxes that live; NULL: any. */
    int (*list_attachments)(struct store_tx *tx, const char *provider_id, const char *sandbox_id,
                            struct arena *arena, struct store_attachment **out, size_t *n,
                            struct error *err);
    /* 0: there is one of this provider and sandbox. */
    int (*insert_attachment)(struct store_tx *tx, const struct store_attachment *attachment,
                             struct error *err);
    /* provider_id NULL: all of the sandbox. */
    int (*remove_attachments)(struct store_tx *tx, const char *provider_id,
                              const char *sandbox_id, struct error *err);
};

/* Ceilings. */
struct store_ceiling_rows {
    int (*list)(struct store_tx *tx, struct arena *arena, struct store_ceiling **out, size_t *n,
                struct error *err);
    /* With a number above every one that there was. */
    int (*insert)(struct store_tx *tx, const struct store_ceiling *ceiling, struct error *err);
    int (*remove)(struct store_tx *tx, const char *selector, struct error *err);
    /* The greatest number; 0 where there is none. */
    int (*newest)(struct store_tx *tx, uint64_t *number, struct error *err);
};

struct store_token_rows {
    /* BY_ID or BY_NAME. */
    int (*find)(struct store_tx *tx, enum store_key by, const char *value, struct arena *arena,
                struct store_token *out, struct error *err);
    int (*list)(struct store_tx *tx, struct arena *arena, struct store_token **out, size_t *n,
                struct error *err);
    /* 0: its name is taken. */
    int (*insert)(struct store_tx *tx, const struct store_token *token, struct error *err);
    int (*remove)(struct store_tx *tx, const char *id, struct error *err);
};

/* Of a store that several gateways may share. */
struct store_gateways {
    int (*join)(struct store *store, struct store_gateway *me, struct error *err);
    int (*list)(struct store_tx *tx, struct arena *arena, struct store_gateway **out, size_t *n,
                struct error *err);
    int (*follow)(struct store *store, store_heard_fn *heard, void *ctx, struct error *err);
    void (*unfollow)(struct store *store);
    /* Those who follow hear of it once the transaction is committed.  own and the event's texts
     * are not read. */
    int (*tell)(struct store_tx *tx, const struct store_change *change, struct error *err);
    const char *(*self)(struct store_tx *tx);       /* the id that joined, or "" */
    const char *(*own_id)(const struct store *store);           /* the same */
};

/* place is what stands behind "scheme:" in a URL. */
struct store_backend {
    const char *scheme;
    /* The suffixes of place that name the files of this host which it may use, "" first and NULL
     * at the end; NULL: it has none, and place is no path. */
    const char *const *files;
    struct store *(*open)(const char *place, const struct log *log, struct error *err);
    void (*close)(struct store *store);
    int (*claim)(struct store *store, struct error *err);
    int (*write)(struct store *store, store_write_fn fn, void *arg, struct error *err);
    void (*write_later)(struct store *store, store_write_fn fn, store_written_fn done, void *arg);
    /* Lends a connection for reading to this thread; waits for one, never NULL. */
    struct store_tx *(*read)(struct store *store);
    void (*end_read)(struct store *store, struct store_tx *tx);
    /* What such a connection reads between the two is as it was at one moment. */
    int (*begin_moment)(struct store_tx *tx, struct error *err);
    void (*end_moment)(struct store_tx *tx);
    /* The store as it is at one moment, through a connection that no other reader waits for. */
    struct store_tx *(*snapshot)(struct store *store, struct error *err);
    /* The same of a store that need not be open, which must not be changed. */
    struct store_tx *(*inspect)(const char *place, struct error *err);
    void (*end_snapshot)(struct store_tx *tx);

    const struct store_gateways *gateways;          /* NULL: it has one gateway */

    const struct store_sandbox_rows *sandboxes;
    const struct store_revision_rows *revisions;
    const struct store_decision_rows *decisions;
    const struct store_draft_rows *drafts;
    const struct store_traffic_rows *traffic;
    const struct store_event_rows *events;
    const struct store_provider_rows *providers;
    const struct store_workspace_rows *workspaces;
    const struct store_token_rows *tokens;
    const struct store_ceiling_rows *ceilings;
    const struct store_export_rows *exports;
};

extern const struct store_backend store_sqlite, store_postgres;

/* NULL: no backend has its scheme.  place: what stands behind it. */
const struct store_backend *store_backend_of(const char *url, const char **place);

int store_tx_tell(struct store_tx *tx, const struct store_change *change, struct error *err);
const char *store_tx_self(struct store_tx *tx);

/* Lends a connection for reading.  store_done gives it back and returns rc. */
struct store_tx *store_read(struct store *store);
int store_done(struct store *store, struct store_tx *tx, int rc);

#endif
