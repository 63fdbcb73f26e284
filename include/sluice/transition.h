/* SPDX-License-Identifier: Apache-2.0 */
/* What is voted on: a sandbox, its current policy, a candidate, their difference, and who asks why.
 *
 * Ownership and lifetime: everything belongs to the gateway and lives until vote() or observe()
 * returns.  All of it is read only, and every voter sees the very same transition. */
#ifndef SLUICE_TRANSITION_H
#define SLUICE_TRANSITION_H

#include <string.h>

#include <sluice/ballot.h>
#include <sluice/policy.h>
#include <sluice/version.h>

/* Every way of changing a policy. */
#define SLUICE_KINDS(X)                                                       \
    X(CREATE,   "create",   "a sandbox is made with its first policy")         \
    X(REPLACE,  "replace",  "a whole document takes the policy's place")       \
    X(MERGE,    "merge",    "operations are applied to the current policy")    \
    X(APPROVE,  "approve",  "a draft chunk is approved")                       \
    X(UNDO,     "undo",     "an approved chunk is taken back")                 \
    X(ROLLBACK, "rollback", "an earlier revision becomes the policy again")    \
    X(GLOBAL,   "global",   "the policy of the whole gateway changes")        \
    X(EXPIRE,   "expire",   "a grant has ended, and its rule with it; no voter is asked")

enum sluice_kind {
#define X(id, word, meaning) SLUICE_##id,
    SLUICE_KINDS(X)
#undef X
    SLUICE_KIND_COUNT
};

enum sluice_network {
    SLUICE_NETWORK_PROXY, /* an egress proxy that takes any change while it runs */
    SLUICE_NETWORK_NONE,                            /* no proxy: nothing ever gets out */
};

struct sluice_label {
    uint32_t size;
    const char *key, *value;
};

struct sluice_sandbox {
    uint32_t size;
    const char *name, *id;
    const struct sluice_label *const *labels;       /* in key order */
    size_t n_labels;
    enum sluice_network network;
    bool running; /* it was ready when last heard of: its supervisor answers, or soon does */
};

struct sluice_actor {
    uint32_t size;
    const char *name;                               /* who asks, such as "alice" or "uid:1000" */
    const char *role; /* such as "user" or "admin", or one of the configuration */
    const char *via;                                /* "unix", "tcp", "tls" or "gateway" */
    /* How the gateway knows who asks: "uid", "token", "certificate", "oidc", "agent" (a program in
     * a sandbox) or "gateway" (itself), and where the request came from, such as
     * "tcp:192.0.2.7:40112", "unix:uid=1000,pid=4711" or "sandbox:demo"; "": not on record. */
    const char *identity, *origin;
};

struct sluice_rule_change {
    uint32_t size;
    const struct sluice_rule *before, *after;       /* same key; neither is NULL */
};

/* A change of a static section, value by value. */
struct sluice_static_change {
    uint32_t size;
    const char *path;                               /* such as filesystem_policy.read_only */
    const char *before, *after;                     /* as text; "" where there is none */
};

/* What a change means for what may be reached. */
#define SLUICE_RELATIONS(X)                                                   \
    X(SAME,     "same",     "the same may be reached")                         \
    X(TIGHTENS, "tightens", "less may be reached")                             \
    X(LOOSENS,  "loosens",  "more may be reached")                             \
    X(BOTH,     "both",     "something is gained and something lost, or may be: it cannot be told")

enum sluice_relation {
#define X(id, word, meaning) SLUICE_##id,
    SLUICE_RELATIONS(X)
#undef X
    SLUICE_RELATION_COUNT
};

/* Something that may be reached before or after a change alone, by the patterns that open it. */
struct sluice_reach {
    uint32_t size;
    const char *host; /* a pattern; "**": every host, addresses included */
    uint16_t port;                                  /* 0: every port */
    const char *binary;                             /* a pattern */
    const char *method, *path; /* patterns; "" where requests are not looked at */
    const char *example; /* "/usr/bin/curl may now reach a.example.com:443" */
    /* The call in the request, as patterns; "" where it has none.  GraphQL: "mutation" or "mutation
     * NAME", and root fields; JSON-RPC: the method, and of MCP's tools/call the tool. */
    const char *operation, *field, *rpc_method, *tool;
};

struct sluice_diff {
    uint32_t size;
    enum sluice_relation relation;
    const struct sluice_reach *const *gained;       /* together they cover all that is gained */
    const struct sluice_reach *const *lost;
    size_t n_gained, n_lost;
    const struct sluice_rule *const *added;
    size_t n_added;
    const struct sluice_rule *const *removed;
    size_t n_removed;
    const struct sluice_rule_change *const *changed;
    size_t n_changed;
    const struct sluice_static_change *const *static_changes;
    size_t n_static_changes;
};

/* What a change newly opens that a person may want to weigh. */
#define SLUICE_RISKS(X)                                                                            \
    X(LINK_LOCAL, "link_local_reach",                                                              \
      "a destination near the machine itself: link-local, loopback or cloud metadata")             \
    X(BYPASS, "l7_bypass_credentialed",                                                            \
      "a program that speaks more than HTTP gets to where a credential is used")                   \
    X(CREDENTIAL, "credential_reach_expansion", "a program gets to where a credential is used")    \
    X(CAPABILITY, "capability_expansion",                                                          \
      "a program may use a further method where a credential is used")

enum sluice_risk {
#define X(id, word, meaning) SLUICE_RISK_##id,
    SLUICE_RISKS(X)
#undef X
    SLUICE_RISK_COUNT
};

struct sluice_finding {
    uint32_t size;
    const char *category;                           /* a word of SLUICE_RISKS */
    const char *host;                               /* a pattern; "**": any host */
    uint16_t port;                                  /* 0: every port */
    const char *binary;                             /* a pattern */
    const char *method;                             /* of a further method; "" otherwise */
    const char *credential; /* the provider; "": the policy names none, or it is about none */
    const char *doc_path;                           /* of the endpoint in the candidate */
    const char *text;                               /* the finding on one line */
};

struct sluice_approval {
    uint32_t size;
    const char *actor, *role;
    int64_t at_ms;                                  /* since 1970 */
};

/* How what is approved ends again: in exactly one of these ways. */
struct sluice_grant {
    uint32_t size;
    uint64_t uses; /* after so many connections or requests; 0: they are not counted */
    int64_t for_ms;                                 /* so long after the approval; 0: it does not */
    int64_t expires_at_ms; /* at this time, since 1970; with for_ms, if approved now; 0: never */
    int32_t pid; /* with this process, and for its process tree alone; 0: none */
};

struct sluice_draft {
    uint32_t size;
    const char *id;
    const char *source; /* "mechanistic", "agent", "held" or "operator" */
    const char *author;
    uint64_t hits;
    double confidence;                              /* 0 to 1 */
    const struct sluice_approval *const *approvals; /* so far, the one being asked about included */
    size_t n_approvals;
    const char *const *asked_by; /* who asked for it, by every name they are known by: the author,
                                  * who ran commands in the sandbox before a request was refused,
                                  * who edited the chunk; none of them is a second person */
    size_t n_asked_by;
    const struct sluice_grant *grant; /* NULL: what is approved stays */
};

/* Whether somebody asked for the change, under any name: their approval is no second opinion.  For
 * a gateway that does not know asked_by only the author did. */
static inline bool sluice_draft_asked(const struct sluice_draft *draft, const char *actor)
{
    if (strcmp(actor, draft->author) == 0)
        return true;
    for (size_t i = 0; SLUICE_HAS(draft, n_asked_by) && i < draft->n_asked_by; i++)
        if (strcmp(actor, draft->asked_by[i]) == 0)
            return true;
    return false;
}

struct sluice_transition {
    uint32_t size;
    enum sluice_kind kind;
    bool dry_run;
    const char *reason;                             /* never NULL */
    const struct sluice_sandbox *sandbox;           /* may be NULL when kind is SLUICE_GLOBAL */
    const struct sluice_actor *actor;
    const struct sluice_policy *baseline;           /* the creation-time policy; NULL on create */
    const struct sluice_policy *current;            /* NULL on create */
    const struct sluice_policy *candidate;
    const struct sluice_diff *diff;                 /* never NULL; on create every rule is added */
    const struct sluice_draft *draft;               /* NULL unless kind is SLUICE_APPROVE */
    int64_t now_ms;                                 /* the time of the update, since 1970 */
    const struct sluice_finding *const *findings;   /* of what is gained, the gravest first */
    size_t n_findings;
};

/* What came of a transition, for observe(). */
struct sluice_outcome {
    uint32_t size;
    const struct sluice_transition *transition;
    const char *outcome;                            /* "allowed", "denied" or "held" */
    uint64_t revision;                              /* the new revision, 0 if there is none */
};

#endif
