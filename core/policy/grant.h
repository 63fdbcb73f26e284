/* SPDX-License-Identifier: Apache-2.0 */
/* Grants with an end: a rule of the policy that an approval added for a number of uses, for a time,
 * or for as long as a process runs.
 *
 * A grant stands beside the policy, in its revision, and names its rule by key.  The rule belongs
 * to the grant alone: its key has the id of the chunk in it, and it is never merged with another
 * rule.  So the end of the grant takes out that rule and nothing else, and whoever holds policy and
 * grants can do so without asking.  The hash of a policy is that of its document; it does not cover
 * the grants.
 *
 * Pure, any thread.  What is decoded lives in the arena that is given. */
#ifndef POLICY_GRANT_H
#define POLICY_GRANT_H

#include "base/error.h"
#include "policy/policy.h"

/* Grants that a sandbox may have at a time. */
enum { POLICY_GRANTS_MAX = 64 };

/* It ends in exactly one of these ways. */
#define POLICY_GRANT_ENDS(X)                                                   \
    X(USES,    "uses",       "after this many connections or requests")         \
    X(FOR,     "for",        "so long after the approval")                      \
    X(UNTIL,   "expires_at", "at this time")                                    \
    X(PROCESS, "pid",        "with this process; for its process tree alone")

enum policy_grant_end {
#define X(id, word, meaning) POLICY_GRANT_##id,
    POLICY_GRANT_ENDS(X)
#undef X
    POLICY_GRANT_END_COUNT
};

struct policy_grant {
    const char *chunk;                              /* id of the draft chunk; "": a wish */
    const char *rule;                               /* key of its rule; "": a wish */
    int64_t uses, used;                             /* uses 0: they are not counted */
    int64_t for_ms;                                 /* 0: no duration */
    int64_t expires_at_ms;                          /* wall clock; 0: no time */
    /* The same on CLOCK_BOOTTIME of the boot with this id; it ends at whichever comes first.  "":
     * the wall clock alone counts, as it was approved on another host. */
    const char *boot;
    int64_t boot_ms;
    int64_t pid;                                    /* as the sandbox sees it; 0: no process */
    int64_t host_pid, started;                      /* the same one: as its host sees it, and when
                                                     * it started, in clock ticks since the boot */
};

struct policy_grants {
    const struct policy_grant *items;
    size_t n;
};

extern const struct schema policy_grant_schema;

/* NULL: json is "", there is none. */
const struct policy_grant *policy_grant_parse(const char *json, struct arena *arena);
const char *policy_grant_text(const struct policy_grant *grant, struct arena *arena);
struct policy_grants policy_grants_parse(const char *json, struct arena *arena);
/* "" for none. */
const char *policy_grants_text(const struct policy_grants *grants, struct arena *arena);

enum policy_grant_end policy_grant_end(const struct policy_grant *grant);
/* Whether both end in the same way; of what has begun, what was asked for counts.  NULL: it does
 * not end. */
bool policy_grant_same(const struct policy_grant *a, const struct policy_grant *b);
/* "after 3 uses", "1m30s after the approval", "at 2026-…", "with process 7". */
const char *policy_grant_words(const struct policy_grant *grant, struct arena *arena);

/* A wish that is approved now: its deadline on both clocks. */
struct policy_grant policy_grant_begin(const struct policy_grant *wish, const char *boot,
                                       int64_t wall_ms, int64_t boot_ms);
/* Its time is over, by either clock; another boot counts as that for a duration. */
bool policy_grant_is_late(const struct policy_grant *grant, const char *boot, int64_t wall_ms,
                          int64_t boot_ms);

/* The grant of the rule with this key, or of this chunk; NULL: there is none. */
const struct policy_grant *policy_grants_of_rule(const struct policy_grants *grants,
                                                 const char *key);
const struct policy_grant *policy_grants_of_chunk(const struct policy_grants *grants,
                                                  const char *chunk);
/* Those whose rule the policy still has. */
struct policy_grants policy_grants_kept(const struct policy_grants *grants,
                                        const struct sluice_policy *policy, struct arena *arena);
/* The policy without the rules of these grants.  A new reference; NULL: err. */
struct policy *policy_without_grants(struct policy *policy, const struct policy_grants *grants,
                                     struct error *err);

#endif
