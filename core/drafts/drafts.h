/* SPDX-License-Identifier: Apache-2.0 */
/* Draft chunks: proposed rules that wait for a decision.
 *
 * They come from denied requests (mechanistic), from an agent or an operator, or are held updates.
 * Approving and undoing are updates like any other: they go through update_run, and the chunk's
 * status changes in the transaction of the commit.
 *
 * Every function blocks (store, votes): worker threads only, any number at once.  What is returned
 * lives in the arena that was given. */
#ifndef DRAFTS_DRAFTS_H
#define DRAFTS_DRAFTS_H

#include "update/update.h"

struct drafts;

/* changed: a chunk was created or changed its status.  Called on the thread that did it. */
struct drafts_hooks {
    void (*changed)(void *ctx, const char *sandbox, const char *draft_id, const char *status);
    /* What waits for a decision about the chunk has none to wait for any more.  NULL: so have all
     * of the sandbox.  May be NULL. */
    void (*rejected)(void *ctx, const char *sandbox, const struct store_draft *draft);
    /* Other held requests of the sandbox are approved now.  May be NULL. */
    void (*requests)(void *ctx, const char *sandbox, const char *sandbox_id);
    void *ctx;
};

struct drafts *drafts_new(struct updates *updates, const struct drafts_hooks *hooks,
                          const struct log *log);
void drafts_free(struct drafts *drafts);

/* One refused connection or request, or several alike. */
struct drafts_denial {
    const char *host;
    uint16_t port;
    const char *binary;                             /* "" when unknown */
    const char *reason, *stage;
    uint64_t count;
    int64_t first_seen_ms, last_seen_ms;
    const char *const *addresses;                   /* of the host, as texts; none: not known */
    size_t n_addresses;
    const char *method, *path; /* of a request that rules refused; NULL: none */
    /* What its body asks for, in GraphQL or in JSON-RPC and MCP; NULL: nothing. */
    const char *operation, *field, *rpc_method, *tool;
    const char *vote; /* VOTER:CODE of the vote that holds it; NULL: the policy refuses it */
    const char *const *ancestors;                   /* paths, nearest first */
    size_t n_ancestors;
    const char *const *links; /* paths of the policy that lead to the program or to
                               * an ancestor */
    size_t n_links;
    unsigned waiting;                               /* held requests that wait for the decision */
    bool only_waiting;                              /* nothing but that is new */
};

enum { DRAFTS_ID_SIZE = 64 };

/* What there is of a denial afterwards. */
struct drafts_recorded {
    char id[DRAFTS_ID_SIZE];                        /* of its chunk; "": it has none */
    bool decidable; /* a decision may let it pass, or one has, which is on its way */
};

/* id: of the sandbox that was denied, as its name may be another one's by now.  out has room for n;
 * NULL: not wanted. */
int drafts_record_denials(struct drafts *drafts, const char *sandbox, const char *id,
                          const struct drafts_denial *items, size_t n, struct drafts_recorded *out,
                          struct error *err);
/* VOTER:CODE of the vote that a chunk's request is held by; "": the chunk is of something else. */
const char *drafts_vote_of(const struct store_draft *draft);
bool drafts_is_request(const struct store_draft *draft);
/* Another gateway has changed this chunk of a sandbox that runs here: requests that wait for it
 * are told, by way of the hooks.  Blocks; any thread. */
void drafts_heard(struct drafts *drafts, const char *sandbox, const struct store_draft *draft);
/* The chunks of held requests that are approved; the newest, where there are more than
 * DRAFTS_REQUESTS_MAX. */
enum { DRAFTS_REQUESTS_MAX = 500 };
int drafts_approved_requests(struct drafts *drafts, const char *sandbox_id, struct arena *arena,
                             struct store_draft **out, size_t *n, struct error *err);
/* The sandbox's supervisor is not there: nothing is known of what waits.  NULL: of all. */
void drafts_forget_waiting(struct drafts *drafts, const char *sandbox_id);

/* What the voters would say to a person who approves the rule that {"operations": [{"add_rule":
 * …}]} adds: "allowed", "denied" or "held".  NULL: err says why that is not known. */
const char *drafts_forecast(struct drafts *drafts, const char *sandbox, const char *operations,
                            struct arena *arena, struct error *err);

/* A rule that somebody proposes. */
struct drafts_proposal {
    const char *rule_name;                          /* "": made from the first endpoint */
    const struct sluice_rule *rule;
    const char *rationale;
    double confidence;                              /* 0 to 1 */
    const char *account; /* which the actor called from; NULL: not known */
    /* Id of the sandbox in which a program proposes it, NULL: none does.  Any of those who ran
     * something there may have told it to, so they all count as having asked for it. */
    const char *workload;
    const struct policy_grant *grant; /* how its rule is to end again, a wish; NULL: it stays */
};

/* All or nothing; ids has room for n.  source: "agent" or "operator". */
int drafts_submit(struct drafts *drafts, const char *sandbox, const struct sluice_actor *actor,
                  const char *source, const struct drafts_proposal *items, size_t n,
                  struct arena *arena, const char **ids, struct problems *problems,
                  struct error *err);

/* New voters may let through what the old ones held, and approval mode auto what waited for a
 * person: pending chunks are asked about again where that mode is auto.  sandbox NULL: of all. */
void drafts_ask_again(struct drafts *drafts, const char *sandbox);

/* Observer of the pipeline: supersedes pending chunks that ask for what the new policy grants for
 * good, and tells of those whose grant has ended. */
void drafts_settle(struct drafts *drafts, const struct update_request *request,
                   const struct update_result *result);

/* A chunk and what approving it now would do. */
struct drafts_view {
    struct store_draft draft;
    const char *sandbox;                            /* its sandbox's name */
    const char *review_token;
    bool previewed;               /* preview holds; else preview_error says why not */
    struct update_result preview; /* a dry run of the approval; pending and rejected only */
    const char *preview_error;
    unsigned waiting;                               /* held requests that wait for the decision */
};

/* Copies what it needs: the view and the arena are freed when it returns.  Returns 1 to end the
 * list, -1 to end it with err. */
typedef int drafts_visit(void *ctx, const struct drafts_view *view, struct arena *arena,
                         struct error *err);

/* sandbox NULL: of all sandboxes; status NULL: any.  Oldest first.  However many there are, there
 * is memory for one view at a time.  *after: where an earlier list ended, 0: at the first; where
 * this one ends, 0: with the last. */
int drafts_each(struct drafts *drafts, const char *sandbox, const char *status, uint64_t *after,
                drafts_visit *visit, void *ctx, struct error *err);
int drafts_get(struct drafts *drafts, const char *sandbox, const char *id, struct arena *arena,
               struct drafts_view *out, struct error *err);

/* Whether two readings of one chunk ask for the same: nobody edited it meanwhile. */
bool drafts_asks_the_same(const struct store_draft *one, const struct store_draft *other);

/* Who decides, and why. */
struct drafts_call {
    const char *sandbox, *id;
    struct sluice_actor actor;
    const char *account; /* which the actor called from; NULL: not known */
    const char *reason;                             /* NULL: none */
    bool override;                                  /* see update_request */
    bool by_itself; /* nobody approves: the rule opens public addresses alone */
    /* An approval: the rule ends in this way (a wish), or stays where grant is NULL.  Without
     * ends: as the chunk proposes. */
    bool ends;
    const struct policy_grant *grant;
};

/* token: ERROR_TOKEN without one, ERROR_MOVED when it is not that of the chunk as it stands. */
int drafts_approve(struct drafts *drafts, const struct drafts_call *call, const char *token,
                   struct arena *arena, struct update_result *out, struct problems *problems,
                   struct error *err);
/* Revokes an approved chunk first; changed says whether that changed the policy. */
int drafts_reject(struct drafts *drafts, const struct drafts_call *call, struct arena *arena,
                  struct update_result *out, bool *changed, struct problems *problems,
                  struct error *err);
/* The grant of this chunk has ended: its rule leaves the policy.  Does nothing where it is gone
 * already. */
int drafts_expire(struct drafts *drafts, const char *sandbox, const char *id, const char *why,
                  struct error *err);
/* So many uses of the grant are used up; the number never falls. */
int drafts_used(struct drafts *drafts, const char *sandbox, const char *id, int64_t used,
                struct error *err);
int drafts_undo(struct drafts *drafts, const struct drafts_call *call, struct arena *arena,
                struct update_result *out, struct problems *problems, struct error *err);
int drafts_edit(struct drafts *drafts, const struct drafts_call *call,
                const struct sluice_rule *rule, struct arena *arena, struct drafts_view *out,
                struct problems *problems, struct error *err);

struct drafts_skip {
    const char *id, *why;
};

/* One update for all pending chunks that can be approved together.  It leaves out a chunk that a
 * voter holds, but records the approval for it. */
int drafts_approve_all(struct drafts *drafts, const struct drafts_call *call,
                       bool include_flagged, struct arena *arena, struct update_result *out,
                       size_t *approved, struct drafts_skip **skipped, size_t *n_skipped,
                       struct problems *problems, struct error *err);
int drafts_clear(struct drafts *drafts, const struct drafts_call *call, uint64_t *cleared,
                 struct error *err);
/* The newest, at most limit; the oldest of them first. */
int drafts_history(struct drafts *drafts, const char *sandbox, size_t limit, struct arena *arena,
                   struct store_draft_event **out, size_t *n, struct error *err);

#endif
