/* SPDX-License-Identifier: Apache-2.0 */
/* The words that a stored status, source or verdict may be, once for all layers. */
#ifndef STORE_WORDS_H
#define STORE_WORDS_H

/* How far a revision is. */
#define STORE_REVISION_STATUSES(X)                                        \
    X(PENDING,    "pending",    "waits for its supervisor")               \
    X(LOADED,     "loaded",     "enforced")                               \
    X(FAILED,     "failed",     "its supervisor could not load it")       \
    X(SUPERSEDED, "superseded", "a later one is loaded")

#define STORE_DRAFT_STATUSES(X)                                           \
    X(PENDING,    "pending",    "waits for a decision")                   \
    X(APPROVED,   "approved",   "its rule is in the policy")              \
    X(REJECTED,   "rejected",   "refused by a person; may be approved")   \
    X(SUPERSEDED, "superseded", "another chunk or the policy covers it")

#define STORE_DRAFT_SOURCES(X)                                            \
    X(MECHANISTIC, "mechanistic", "made of a refused request")            \
    X(AGENT,       "agent",       "proposed by or for an agent")          \
    X(HELD,        "held",        "an update that a voter held")          \
    X(OPERATOR,    "operator",    "proposed by a person")

/* What became of a request, in the traffic record. */
#define STORE_TRAFFIC_VERDICTS(X)                                         \
    X(ALLOWED, "allowed", "permitted, and its destination was dialled")   \
    X(REFUSED, "refused", "not permitted")                                \
    X(FAILED,  "failed",  "permitted, but its host could not be resolved")

/* The traffic record also counts, request by request, what is permitted, and of that once more what
 * passed although rules refuse it; both count as allowed as well. */
#define STORE_AUDITED "audited"
#define STORE_PASSED "passed"
#define STORE_TRAFFIC_CLASSES(X)                                          \
    STORE_TRAFFIC_VERDICTS(X)                                             \
    X(AUDITED, STORE_AUDITED, "permitted, as its endpoint only audits")   \
    X(PASSED,  STORE_PASSED,  "permitted, request by request")

/* All words of a list as one text. */
#define STORE_EACH_WORD(id, word, meaning) " " word

enum store_revision_status {
#define X(id, word, meaning) STORE_REVISION_##id,
    STORE_REVISION_STATUSES(X)
#undef X
    STORE_REVISION_STATUS_COUNT
};

/* One status in a set of them. */
#define STORE_REVISION_BIT(status) (1u << (status))

enum store_draft_status {
#define X(id, word, meaning) STORE_DRAFT_##id,
    STORE_DRAFT_STATUSES(X)
#undef X
    STORE_DRAFT_STATUS_COUNT
};

enum store_draft_source {
#define X(id, word, meaning) STORE_DRAFT_##id,
    STORE_DRAFT_SOURCES(X)
#undef X
    STORE_DRAFT_SOURCE_COUNT
};

enum store_traffic_class {
#define X(id, word, meaning) STORE_TRAFFIC_##id,
    STORE_TRAFFIC_CLASSES(X)
#undef X
    STORE_TRAFFIC_CLASS_COUNT
};

const char *store_revision_status_word(enum store_revision_status status);
const char *store_draft_status_word(enum store_draft_status status);
const char *store_draft_source_word(enum store_draft_source source);

#endif
