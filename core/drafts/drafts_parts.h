/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/drafts: the state, and the steps that several operations share. */
#ifndef DRAFTS_DRAFTS_PARTS_H
#define DRAFTS_DRAFTS_PARTS_H

#include <pthread.h>

#include "base/digest.h"
#include "drafts/drafts.h"
#include "drafts/lifecycle.h"
#include "drafts/mapper.h"

enum {
    DRAFTS_PENDING_MAX = 500, /* of one sandbox and source: none takes the room of another */
    DRAFTS_SUPERSEDED_MAX = 500, /* the newest; whoever may propose makes more and more of them */
    /* Proposals at once: each is voted on, and the sandbox's other calls wait. */
    DRAFTS_SUBMIT_MAX = 100,
    DRAFTS_RULE_BYTES_MAX = 32768,
    DRAFTS_AUTO_MAX = 50,     /* rules of a sandbox that nobody approved ... */
    /* ... and how many of them in that time. */
    DRAFTS_AUTO_RATE_MAX = 10, DRAFTS_AUTO_RATE_MS = 60 * 1000,
    DRAFTS_ASKED_AGAIN_MAX = 8,   /* chunks of one report of denials: each may be voted on */
    DRAFTS_ATTEMPTS = 5,      /* when other updates keep coming first */
};

struct policy_refused;
struct waiting;

struct drafts {
    struct updates *updates;
    struct store *store;
    struct drafts_hooks hooks;
    const struct log *log;
    pthread_mutex_t lock;                           /* guards waiting */
    struct waiting *waiting;                        /* waiting.c */
};

/* What comes from a program in the sandbox with this id may be late: its name can be another one's
 * by then. */
int drafts_check_workload(const struct store_sandbox *box, const char *id, struct error *err);
void drafts_changed(struct drafts *drafts, const char *sandbox, const char *id, const char *status);
int drafts_event(struct store_tx *tx, const struct store_draft *draft, const char *event,
                 const struct sluice_actor *actor, const char *text, int64_t at_ms,
                 struct error *err);
/* The gateway itself, and a sandbox whose requests were refused. */
#define DRAFTS_GATEWAY                                                                       \
    (&(const struct sluice_actor){sizeof(struct sluice_actor), "gateway", "admin", "gateway", \
                                  "gateway", "gateway"})
#define DRAFTS_SANDBOX(name)                                                                \
    (&(const struct sluice_actor){sizeof(struct sluice_actor), name, "sandbox", "gateway",  \
                                  "agent", name})
/* "Rule 'x'", or what stands in its place for a held update. */
const char *drafts_label(const struct store_draft *draft, struct arena *arena);

/* "what: reason", or what alone where there is no reason. */
const char *drafts_because(const char *what, const char *reason, struct arena *arena);

/* A decision about the chunk is no; NULL: about every pending one of the sandbox. */
void drafts_rejected(struct drafts *drafts, const char *sandbox, const struct store_draft *draft);

/* ---- waiting.c ---- */

void drafts_set_waiting(struct drafts *drafts, const char *sandbox_id,
                        const struct policy_refused *refused, unsigned n);
unsigned drafts_waiting(struct drafts *drafts, const struct store_draft *draft);
/* What waits in the sandbox and the chunk's rule would let pass. */
size_t drafts_waiting_for(struct drafts *drafts, const struct store_draft *draft,
                          struct arena *arena, struct policy_refused **out);

/* ---- ask.c: the update that approving a chunk is ---- */

struct drafts_ask {
    struct update_request request;                  /* points into this struct */
    struct policy_operation operation;
    struct policy_operations operations;
    struct sluice_draft draft;
    const char *approvals_json;                     /* all that draft has */
    const struct policy_grant *wish;                /* how it ends; NULL: it stays */
    struct policy_grant grant;                      /* the same, if it is approved now */
    struct sluice_grant shown;                      /* the same for voters */
};

/* approver NULL: nobody approves, the chunk is approved by itself. */
int drafts_ask(struct drafts *drafts, const struct drafts_call *call,
               const struct store_draft *draft, const struct sluice_actor *approver,
               struct arena *arena, struct drafts_ask *out, struct error *err);
/* A name that the gateway made up gives way to a rule of that name in the policy which the chunk's
 * cannot be added to: such as one of another program, or one that opens other places or more
 * addresses. */
void drafts_avoid_name(const struct policy *policy, const struct store_draft *draft,
                       struct arena *arena, struct drafts_ask *ask);
/* ---- grant.c: grants with an end ---- */

/* How the chunk is to end by this call; NULL: it stays. */
const struct policy_grant *drafts_wish(const struct drafts_call *call,
                                       const struct store_draft *draft, struct arena *arena);
/* Makes the approval one with an end, if there is a wish.  The rule gets a name of its own. */
int drafts_ask_grant(const struct policy *policy, const struct store_draft *draft,
                     struct arena *arena, struct drafts_ask *ask, struct error *err);

/* The same for voters; in ask. */
const struct sluice_grant *drafts_show_grant(struct drafts_ask *ask);

/* What a reviewer has seen: the chunk, the policy before and after, and the voters. */
void drafts_token(const struct store_draft *draft, const struct update_result *seen,
                  char out[DIGEST_HEX_SIZE]);
/* What approving the chunk would do now, in the words of the update. */
void drafts_preview(struct drafts *drafts, const struct drafts_call *call,
                    const struct store_draft *draft, const struct sluice_actor *approver,
                    struct arena *arena, struct drafts_view *out);
/* The same for nobody in particular: what the voters say to a person's approval. */
void drafts_look(struct drafts *drafts, const char *sandbox, const struct store_draft *draft,
                 struct arena *arena, struct drafts_view *out);

/* ---- held.c ---- */

/* The policy that a held update asks for, on top of what happened since. */
int drafts_ask_held(struct drafts *drafts, const struct store_draft *draft, struct arena *arena,
                    struct drafts_ask *out, struct error *err);

/* ---- propose.c ---- */

const char *drafts_new_id(struct arena *arena);
/* 1: the sandbox may have so many more pending chunks of the source, 0: it may not, -1: err. */
int drafts_room(struct store_tx *tx, const char *sandbox_id, const char *source, size_t more,
                struct error *err);
int drafts_write_proposed(struct store_tx *tx, const struct store_draft *draft,
                          const struct sluice_actor *author, struct arena *arena,
                          struct error *err);
/* Once new chunks are durable: they are announced, and approved where nobody need be asked. */
void drafts_announce(struct drafts *drafts, const struct store_sandbox *box,
                     const struct store_draft *items, size_t n);

/* ---- auto.c ---- */

/* Where the sandbox's approval mode is auto: approves pending chunks without a person where nothing
 * speaks against it; else the chunk stays pending and says why. */
void drafts_try_approve_all(struct drafts *drafts, const struct store_sandbox *box,
                            const struct store_draft *items, size_t n);

/* ---- room.c ---- */

/* As drafts_room, for a chunk of a refused request: where there is none, the chunk of a program or
 * host that has more of them gives way. */
int drafts_make_room(struct store_tx *tx, const char *sandbox_id,
                     const struct policy_refused *refused, struct arena *arena, struct error *err);

/* ---- revert.c ---- */

/* The rule of an approved chunk is no more in the policy: its status, for which reason and by whom.
 * ERROR_STATE when it is not approved any more. */
int drafts_taken_back(struct store_tx *tx, const struct store_draft *draft, const char *status,
                      const struct drafts_call *why, int64_t at_ms, struct arena *arena,
                      struct error *err);

/* ---- settle.c ---- */

/* ERROR_STATE when the chunk is not pending any more. */
int drafts_supersede(struct store_tx *tx, const struct store_draft *draft, const char *reason,
                     struct arena *arena, struct error *err);
/* New chunks that ask for what the policy grants already are superseded. */
void drafts_settle_new(struct drafts *drafts, const struct store_sandbox *box,
                       const struct store_draft *items, size_t n, struct arena *arena);
/* Whether a policy made it superseded, and no other chunk. */
bool drafts_was_covered(const struct store_draft *draft);

#endif
