/* SPDX-License-Identifier: Apache-2.0 */
/* Case files: transitions for a voter or a chain, and the expected votes.
 *
 * Ownership: a case_file and everything reached from it live in the arena it was read into.
 * Thread: immutable once read, so any.  Limits: CASE_BYTES_MAX a file.
 *
 * A file names its voter by `plugin`, by `command` (a program and its arguments; those with a slash
 * are files), or a whole `chain`.  A case may have `options` of its own, laid over the file's;
 * `request` in place of `candidate`; `now` (RFC 3339), so that a voter that looks at the clock can
 * be tested; `override`, for chains; and `table`, a list of rows that each repeat the case with
 * some members replaced. */
#ifndef TESTKIT_CASE_H
#define TESTKIT_CASE_H

#include "base/arena.h"
#include "doc/tree.h"
#include "policy/effect/findings.h"
#include "policy/policy.h"
#include <sluice/request.h>

enum { CASE_BYTES_MAX = 4 << 20 };

struct case_fact {
    const char *key, *value;
};

/* The expected ballot.  "": that part may be anything. */
struct case_ballot {
    const char *voter;                              /* its key in `votes`; NULL: the only voter */
    const char *verdict, *code, *path;
    bool has_code, has_path;                        /* written; "" expects that there is none */
    const char *message;                            /* a regular expression that compiles */
    const struct case_fact *const *facts;
    size_t n_facts;
    const struct case_fact *const *headers; /* what is set; value NULL: what is removed */
    size_t n_headers;
    const char *body;                               /* NULL: not asked */
};

struct case_expect {
    struct case_ballot ballot;                      /* of the one voter of a `plugin:` file */
    const char *outcome;                            /* of a chain; "": not asked */
    const struct case_ballot *const *votes;
    size_t n_votes;
    const char *load_error;                         /* a regular expression; "": it must load */
    const struct doc_node *node;                    /* where it stands in the file */
};

struct case_item {
    const char *name, *row;                         /* row: of the table; "" without one */
    const struct doc_node *node;                    /* where it stands in the file */
    bool kinds[SLUICE_KIND_COUNT];
    /* As written: sections may be NULL.  NULL where the case does not say. */
    struct policy *baseline, *current, *candidate;
    const struct sluice_sandbox *sandbox;           /* complete, as are actor and draft */
    const struct sluice_actor *actor;
    const struct sluice_draft *draft;               /* NULL: the case does not say */
    struct policy_credential_places credentials;    /* of the sandbox's providers */
    const char *reason;
    bool dry_run, override;
    int64_t now_ms;
    const struct sluice_request *request;           /* NULL: a change is judged; no sandbox */
    bool middleware;                                /* as one of a policy */
    const char *options;                            /* JSON object, the file's included */
    const struct case_expect *expect;

    /* While it is read. */
    const struct doc_node *baseline_node, *current_node, *candidate_node, *options_node;
};

struct case_file {
    const char *path;                               /* as it was named, for people */
    const char *folder;                             /* of the file; its names begin there */
    const char *plugin, *chain;                     /* "" unless it is this */
    const char *const *command;                     /* or a program and its arguments */
    size_t n_command;
    uint32_t threads;                               /* that it may start */
    const struct case_item *const *cases;
    size_t n_cases;
    const char *text;                               /* of the file */
    const char *const *uses;                        /* files with policies */
    size_t n_uses;

    /* While it is read. */
    const struct doc_node *policies_node, *options_node;
};

/* -1: problems says why, with line and column in the file. */
int case_read(const char *path, struct arena *arena, const struct case_file **out,
              struct problems *problems);

#endif
