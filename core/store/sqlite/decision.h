/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a decision, which is one record of the audit chain. */
#ifndef STORE_SQLITE_DECISION_H
#define STORE_SQLITE_DECISION_H

#include "store/sqlite/db.h"
#include "store/store.h"

/* Everything but the hash and the candidate's text. */
#define DECISION_FACTS(X, comma)    \
    X(COUNT, seq) comma X(TEXT, id) \
    comma X(TEXT, sandbox_id)       \
    comma X(TEXT, sandbox)          \
    comma X(TEXT, kind)             \
    comma X(TEXT, outcome)          \
    comma X(TEXT, actor)            \
    comma X(TEXT, role)             \
    comma X(TEXT, via)              \
    comma X(TEXT, reason)           \
    comma X(COUNT, base_revision)   \
    comma X(COUNT, revision)        \
    comma X(TEXT, base_hash)        \
    comma X(TEXT, candidate_hash)   \
    comma X(TEXT, votes_json)       \
    comma X(TEXT, diff_json)        \
    comma X(TEXT, warnings_json)    \
    comma X(TEXT, draft_id)         \
    comma X(TEXT, chain_digest)     \
    comma X(FLAG, overridden)       \
    comma X(INTEGER, at_ms)         \
    comma X(TEXT, previous)
#define DECISION_COLUMNS(X, comma) \
    DECISION_FACTS(X, comma) comma X(TEXT, hash) comma X(TEXT, candidate_json)

#define DECISION_SELECT "SELECT " DECISION_COLUMNS(DB_NAME, ",") " FROM decision "

extern const struct db_record decision_record;

/* The audit hash of a record: over every column but the hash itself. */
void decision_hash(const struct store_decision *decision, char out[65]);

#endif
