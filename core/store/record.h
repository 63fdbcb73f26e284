/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of every stored record, once for all backends: their names are those of the columns.
 *
 * A list is LIST(X, comma) of X(KIND, field), with comma between the fields. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stddef.h>

#include "store/store.h"

enum store_kind {
    STORE_TEXT,                                     /* const char *, never NULL when read */
    STORE_INTEGER,                                  /* int64_t */
    STORE_COUNT,                                    /* uint64_t below 2^63 */
    STORE_PORT,                                     /* uint16_t */
    STORE_FLAG,                                     /* bool */
    STORE_REAL,                                     /* double */
};

struct store_field {
    const char *name;
    enum store_kind kind;
    size_t offset;
};

struct store_record {
    size_t size;
    const struct store_field *fields;
    size_t n;
};

/* A backend numbers sandboxes and traffic rows itself: it inserts them without their number, which
 * is the first field. */
#define STORE_SANDBOX_FIELDS(X, comma) \
    X(TEXT, id) comma X(TEXT, name)    \
    comma X(TEXT, workspace)           \
    comma X(TEXT, network)             \
    comma X(TEXT, labels_json)         \
    comma X(TEXT, env_json)            \
    comma X(TEXT, approval_mode)       \
    comma X(TEXT, holders_json)        \
    comma X(TEXT, image)               \
    comma X(TEXT, services_json)       \
    comma X(TEXT, token_hash)          \
    comma X(TEXT, home)                \
    comma X(TEXT, host)                \
    comma X(TEXT, phase)               \
    comma X(TEXT, error)               \
    comma X(COUNT, revision)           \
    comma X(COUNT, loaded_revision)    \
    comma X(TEXT, main_json)           \
    comma X(INTEGER, main_started_ms)  \
    comma X(INTEGER, main_ended_ms)    \
    comma X(INTEGER, main_code)        \
    comma X(TEXT, main_error)          \
    comma X(INTEGER, memory_bytes)     \
    comma X(INTEGER, cpu_millis)       \
    comma X(INTEGER, pids)             \
    comma X(INTEGER, hold_ms)          \
    comma X(FLAG, agent_proposals)     \
    comma X(FLAG, observe)             \
    comma X(INTEGER, passed_since_ms)  \
    comma X(INTEGER, created_at_ms)    \
    comma X(INTEGER, deleted_at_ms)
#define STORE_NUMBERED_SANDBOX_FIELDS(X, comma)                                                    \
    X(INTEGER, number) comma STORE_SANDBOX_FIELDS(X, comma)

#define STORE_USER_FIELDS(X, comma) X(TEXT, name) comma X(TEXT, account)

#define STORE_WORKSPACE_FIELDS(X, comma)                                                           \
    X(TEXT, id) comma X(TEXT, name) comma X(TEXT, labels_json) comma X(INTEGER, created_at_ms)

#define STORE_SHORT_REVISION_FIELDS(X, comma)                                                      \
    X(TEXT, sandbox_id) comma X(COUNT, revision) comma X(TEXT, hash) comma X(TEXT, kind)           \
    comma X(TEXT, actor) comma X(TEXT, reason) comma X(TEXT, status) comma X(TEXT, error)          \
    comma X(TEXT, decision_id) comma X(INTEGER, created_at_ms) comma X(INTEGER, loaded_at_ms)      \
    comma X(TEXT, grants_json) comma X(TEXT, identity) comma X(TEXT, origin)              \
    comma X(INTEGER, signed_at_ms)
#define STORE_REVISION_FIELDS(X, comma)                                                            \
    STORE_SHORT_REVISION_FIELDS(X, comma) comma X(TEXT, policy_json)

/* The hash of an audit record covers these in this order, then STORE_DECISION_ASKED unless both
 * are empty, as in the records of older versions, then candidate_json. */
#define STORE_DECISION_FACTS(X, comma)                                                             \
    X(COUNT, seq) comma X(TEXT, id) comma X(TEXT, sandbox_id) comma X(TEXT, sandbox)               \
    comma X(TEXT, kind) comma X(TEXT, outcome) comma X(TEXT, actor) comma X(TEXT, role)            \
    comma X(TEXT, via) comma X(TEXT, reason) comma X(COUNT, base_revision)                         \
    comma X(COUNT, revision) comma X(TEXT, base_hash) comma X(TEXT, candidate_hash)                \
    comma X(TEXT, votes_json) comma X(TEXT, diff_json) comma X(TEXT, warnings_json)                \
    comma X(TEXT, draft_id) comma X(TEXT, chain_digest) comma X(FLAG, overridden)                  \
    comma X(INTEGER, at_ms) comma X(TEXT, previous)
#define STORE_DECISION_ASKED(X, comma) X(TEXT, identity) comma X(TEXT, origin)
#define STORE_DECISION_FIELDS(X, comma)                                   \
    STORE_DECISION_FACTS(X, comma) comma STORE_DECISION_ASKED(X, comma)   \
    comma X(TEXT, hash) comma X(TEXT, candidate_json)

#define STORE_DRAFT_FIELDS(X, comma)                                                               \
    X(TEXT, id) comma X(TEXT, sandbox_id) comma X(TEXT, status) comma X(TEXT, source)              \
    comma X(TEXT, rule_name) comma X(TEXT, rule_json) comma X(TEXT, held_kind)                     \
    comma X(TEXT, held_json) comma X(TEXT, host) comma X(PORT, port) comma X(TEXT, binary)         \
    comma X(TEXT, method) comma X(TEXT, path) comma X(TEXT, operation) comma X(TEXT, field)        \
    comma X(TEXT, rpc_method) comma X(TEXT, tool)                                                  \
    comma X(COUNT, hits) comma X(INTEGER, first_seen_ms) comma X(INTEGER, last_seen_ms)            \
    comma X(TEXT, rationale) comma X(TEXT, security_notes) comma X(TEXT, author)                   \
    comma X(REAL, confidence) comma X(TEXT, approvals_json) comma X(TEXT, decided_by)              \
    comma X(TEXT, reason) comma X(INTEGER, created_at_ms) comma X(INTEGER, decided_at_ms)          \
    comma X(COUNT, revision) comma X(TEXT, undo_json) comma X(TEXT, takes_back)                    \
    comma X(TEXT, back_to) comma X(TEXT, addresses_json) comma X(TEXT, asked_by_json)              \
    comma X(TEXT, grant_json) comma X(FLAG, grant_ended)
#define STORE_DRAFT_KEY_FIELDS(X, comma)  \
    X(TEXT, id) comma X(TEXT, sandbox_id) \
    comma X(COUNT, number)
#define STORE_DRAFT_PLACE_FIELDS(X, comma) X(TEXT, id) comma X(TEXT, host) comma X(TEXT, binary)
#define STORE_DRAFT_EVENT_FIELDS(X, comma)                                                         \
    X(TEXT, draft_id) comma X(TEXT, event) comma X(TEXT, actor) comma X(TEXT, text)                \
    comma X(INTEGER, at_ms) comma X(TEXT, identity) comma X(TEXT, origin)

#define STORE_TRAFFIC_FIELDS(X, comma)                                                             \
    X(TEXT, sandbox_id) comma X(TEXT, verdict) comma X(TEXT, host) comma X(PORT, port)             \
    comma X(TEXT, binary) comma X(TEXT, rule) comma X(TEXT, method) comma X(TEXT, path)            \
    comma X(TEXT, operation) comma X(TEXT, field) comma X(TEXT, rpc_method) comma X(TEXT, tool)    \
    comma X(TEXT, reason) comma X(COUNT, count)                                                    \
    comma X(INTEGER, first_seen_ms) comma X(INTEGER, last_seen_ms) comma X(COUNT, changed)
#define STORE_NUMBERED_TRAFFIC_FIELDS(X, comma)                                                    \
    X(COUNT, number) comma STORE_TRAFFIC_FIELDS(X, comma)

#define STORE_EVENT_FIELDS(X, comma)                                                               \
    X(COUNT, id) comma X(FLAG, of_workload) comma X(TEXT, type) comma X(TEXT, sandbox)             \
    comma X(TEXT, json)

#define STORE_PROVIDER_FIELDS(X, comma)                                                            \
    X(TEXT, id) comma X(TEXT, name) comma X(TEXT, profile) comma X(COUNT, rotations)               \
    comma X(INTEGER, created_at_ms) comma X(INTEGER, rotated_at_ms)                                \
    comma X(TEXT, labels_json) comma X(TEXT, config_json)
#define STORE_CREDENTIAL_FIELDS(X, comma) \
    X(TEXT, provider_id) comma X(TEXT, name) comma X(TEXT, sealed)
/* A backend stores the first four; the names belong to the provider and the sandbox. */
#define STORE_ATTACHMENT_KEYS(X, comma)                                                            \
    X(TEXT, provider_id) comma X(TEXT, sandbox_id) comma X(TEXT, handle) comma X(INTEGER, at_ms)
#define STORE_ATTACHMENT_FIELDS(X, comma)                                                          \
    STORE_ATTACHMENT_KEYS(X, comma) comma X(TEXT, provider) comma X(TEXT, profile)                 \
    comma X(TEXT, sandbox)

#define STORE_CEILING_FIELDS(X, comma)                                                             \
    X(COUNT, number) comma X(TEXT, selector) comma X(TEXT, policy_json) comma X(TEXT, hash)        \
    comma X(TEXT, actor) comma X(TEXT, identity) comma X(TEXT, origin) comma X(INTEGER, at_ms)
#define STORE_TOKEN_FIELDS(X, comma)                                                               \
    X(TEXT, id) comma X(TEXT, name) comma X(TEXT, sha256) comma X(TEXT, role)                      \
    comma X(TEXT, sandbox) comma X(TEXT, sandbox_id) comma X(TEXT, created_by)                     \
    comma X(INTEGER, created_at_ms) comma X(INTEGER, expires_at_ms)

#define STORE_EXPORT_FIELDS(X, comma)                                                              \
    X(TEXT, name) comma X(COUNT, audit) comma X(COUNT, traffic) comma X(COUNT, traffic_missed)

/* The records as tables: X(struct store_<name>, its list of fields). */
#define STORE_RECORDS(X)                                                                           \
    X(sandbox,     STORE_NUMBERED_SANDBOX_FIELDS)                                                  \
    X(user,        STORE_USER_FIELDS)                                                              \
    X(workspace,   STORE_WORKSPACE_FIELDS)                                                         \
    X(revision,    STORE_REVISION_FIELDS)                                                          \
    X(decision,    STORE_DECISION_FIELDS)                                                          \
    X(draft,       STORE_DRAFT_FIELDS)                                                             \
    X(draft_key,   STORE_DRAFT_KEY_FIELDS)                                                         \
    X(draft_place, STORE_DRAFT_PLACE_FIELDS)                                                       \
    X(draft_event, STORE_DRAFT_EVENT_FIELDS)                                                       \
    X(traffic,     STORE_NUMBERED_TRAFFIC_FIELDS)                                                  \
    X(event,       STORE_EVENT_FIELDS)                                                             \
    X(provider,    STORE_PROVIDER_FIELDS)                                                          \
    X(credential,  STORE_CREDENTIAL_FIELDS)                                                        \
    X(attachment,  STORE_ATTACHMENT_FIELDS)                                                        \
    X(token,       STORE_TOKEN_FIELDS)             \
    X(ceiling,     STORE_CEILING_FIELDS)                                                           \
    X(export,      STORE_EXPORT_FIELDS)

#define X(name, LIST) extern const struct store_record store_##name##_record;
STORE_RECORDS(X)
#undef X

#endif
