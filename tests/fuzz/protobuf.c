/* SPDX-License-Identifier: Apache-2.0 */
/* A message of OpenShell: the first byte says which method's request it is, 0 a policy, the others
 * are any bytes.  What is read and written must read as the same bytes again; a policy that can be
 * read must be decoded or refused with a reason. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doc/protobuf.h"
#include "openshell/methods.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct schema *choose(uint8_t byte)
{
    const struct openshell_method *m = openshell_methods;
    while (m->path && byte--)
        m++;
    return m->path && m->request ? m->request : &policy_schema;
}

static void check_policy(const struct doc_node *tree)
{
    struct problems problems = {0};
    struct policy *policy = policy_decode(tree, "", &problems);
    if (!policy && !problems.n)
        abort();
    problems_free(&problems);
    policy_unref(policy);
}

/* 0: out is what was written of what the bytes mean; 1: they mean nothing, or cannot be written. */
static int rewrite(const struct schema *schema, enum protobuf_modes modes, const void *bytes,
                   size_t len, struct buf *out)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    int rc = protobuf_decode(schema, bytes, len, arena, &tree, &problems);
    if (rc == 0 && schema == &policy_schema)
        check_policy(tree);
    if (rc == 0)
        rc = protobuf_encode(schema, tree, modes, out, &problems);
    if (rc != 0 && !problems.n)
        abort();
    problems_free(&problems);
    arena_free(arena);
    return rc ? 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = {0}, twice = {0};
    const struct schema *schema = choose(size ? *data : 0);
    enum protobuf_modes modes = size % 2 ? PROTOBUF_ENUMS : PROTOBUF_TEXTS;
    if (size && rewrite(schema, modes, data + 1, size - 1, &once) == 0 &&
        rewrite(schema, modes, once.data, once.len, &twice) == 0 &&
        (once.len != twice.len || (once.len && memcmp(once.data, twice.data, once.len) != 0))) {
        fprintf(stderr, "%s: written as %zu bytes, then as %zu\n", schema->name, once.len,
                twice.len);
        abort();
    }
    buf_free(&once);
    buf_free(&twice);
    return 0;
}
