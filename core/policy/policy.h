/* SPDX-License-Identifier: Apache-2.0 */
/* An immutable, reference-counted policy: the model, its canonical text and its hash.
 *
 * Ownership: policy_ref and policy_unref count; the model lives as long as the policy.
 * Any thread. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/problems.h"
#include "doc/schema.h"
#include <sluice/policy.h>

enum { POLICY_BYTES_MAX = 262144 };

struct policy;

/* Reads a document: schema only, no safety checks.  Sections not written are NULL in the model. */
struct policy *policy_parse(const char *text, size_t len, enum doc_format format,
                            struct problems *problems);
/* The same from a tree, such as the member of a request body.  path: where the tree stands. */
struct policy *policy_decode(const struct doc_node *node, const char *path,
                             struct problems *problems);
/* What is sound of a tree that policy_decode refused, to find with policy_check what else is wrong:
 * nothing but problems may come of it.  NULL: nothing is. */
struct policy *policy_decode_sound(const struct doc_node *node, const char *path);
/* Wraps a model made in an arena; takes the arena.  The model's sections may be NULL. */
struct policy *policy_take(struct arena *arena, const struct sluice_policy *model);
/* The policy that the model's document would be, document paths and all; it shares nothing with the
 * model. */
struct policy *policy_rebuild(const struct sluice_policy *model, struct problems *problems);

struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy);           /* NULL is fine */
/* Hands the reference over to the arena, which drops it at its end.  Returns policy; NULL is
 * fine. */
struct policy *policy_keep(struct policy *policy, struct arena *arena);

const struct sluice_policy *policy_model(const struct policy *policy);
const char *policy_hash(const struct policy *policy);   /* SHA-256 of the canonical JSON, in hex */
const char *policy_json(const struct policy *policy);   /* canonical */
void policy_print(const struct policy *policy, enum doc_format format, struct buf *out);

/* A policy with every static section present: those that are not written are taken from base, or
 * have their defaults where base is NULL.  Returns a new reference. */
struct policy *policy_complete(struct policy *policy, const struct policy *base);

/* What a sandbox gets when nobody gives a policy.  Complete. */
struct policy *policy_default(void);

extern const struct schema policy_schema, policy_rule_schema, policy_endpoint_schema,
    policy_l7_rule_schema, policy_binary_schema, policy_filesystem_schema, policy_landlock_schema,
    policy_process_schema, policy_matcher_schema, policy_middleware_schema;

#endif
