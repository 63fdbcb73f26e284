/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <stdatomic.h>
#include <string.h>

#include "doc/writer.h"

struct policy {
    atomic_uint refs;
    struct arena *arena;
    const struct sluice_policy *model;
    const char *json;
    char hash[DIGEST_HEX_SIZE];
};

/* The text is made here and not when it is first asked for: a policy is immutable from the start.
 */
struct policy *policy_take(struct arena *arena, const struct sluice_policy *model)
{
    struct policy *policy = arena_zalloc(arena, sizeof *policy);
    struct buf json = {0};
    schema_encode_json(&policy_schema, model, &json);
    atomic_init(&policy->refs, 1);
    policy->arena = arena;
    policy->model = model;
    policy->json = arena_strn(arena, buf_str(&json), json.len);
    digest_of(json.data, json.len, policy->hash);
    buf_free(&json);
    return policy;
}

struct policy *policy_decode(const struct doc_node *node, const char *path,
                             struct problems *problems)
{
    struct arena *arena = arena_new();
    void *model;
    if (schema_decode(&policy_schema, node, path, arena, &model, problems)) {
        arena_free(arena);
        return NULL;
    }
    return policy_take(arena, model);
}

struct policy *policy_decode_sound(const struct doc_node *node, const char *path)
{
    struct arena *arena = arena_new();
    void *model = schema_decode_sound(&policy_schema, node, path, arena);
    if (model)
        return policy_take(arena, model);
    arena_free(arena);
    return NULL;
}

struct policy *policy_parse(const char *text, size_t len, enum doc_format format,
                            struct problems *problems)
{
    struct arena *arena = arena_new();
    struct doc_node *tree;
    struct policy *policy = NULL;
    if (!doc_parse(text, len, format, POLICY_BYTES_MAX, arena, &tree, problems))
        policy = policy_decode(tree, "", problems);
    arena_free(arena);
    return policy;
}

struct policy *policy_rebuild(const struct sluice_policy *model, struct problems *problems)
{
    struct arena *arena = arena_new();
    struct doc_tree_writer tree;
    schema_write(&policy_schema, model, doc_tree_writer(&tree, arena, problems));
    const struct doc_node *root = doc_tree_writer_end(&tree);
    struct policy *policy = root ? policy_decode(root, "", problems) : NULL;
    arena_free(arena);
    if (!policy || strlen(policy->json) <= POLICY_BYTES_MAX)
        return policy;
    problems_add(problems, "", 0, 0,
                 "the document has %zu bytes, more than the %d that are allowed",
                 strlen(policy->json), POLICY_BYTES_MAX);
    policy_unref(policy);
    return NULL;
}

struct policy *policy_ref(struct policy *policy)
{
    atomic_fetch_add_explicit(&policy->refs, 1, memory_order_relaxed);
    return policy;
}

void policy_unref(struct policy *policy)
{
    if (policy && atomic_fetch_sub_explicit(&policy->refs, 1, memory_order_acq_rel) == 1)
        arena_free(policy->arena);
}

static void drop(void *policy)
{
    policy_unref(policy);
}

struct policy *policy_keep(struct policy *policy, struct arena *arena)
{
    if (policy)
        arena_defer(arena, drop, policy);
    return policy;
}

const struct sluice_policy *policy_model(const struct policy *policy)
{
    return policy->model;
}

const char *policy_hash(const struct policy *policy)
{
    return policy->hash;
}

const char *policy_json(const struct policy *policy)
{
    return policy->json;
}

void policy_print(const struct policy *policy, enum doc_format format, struct buf *out)
{
    if (format == DOC_JSON)
        schema_encode_json(&policy_schema, policy->model, out);
    else
        schema_encode_yaml(&policy_schema, policy->model, out);
}
