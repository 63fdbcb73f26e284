/* SPDX-License-Identifier: Apache-2.0 */
/* A message of OpenShell: the first byte says which method's request it is, from 128 on a method's
 * answer, beyond the last one a policy, 255 a message with a field of each kind; the others are any
 * bytes.  Where they begin with '{' they are JSON, which is written as the message.  What is read
 * and written must read as the same bytes again; a policy that can be read must be decoded or
 * refused with a reason. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/support/protobuf_schema.h"
#include "doc/protobuf.h"
#include "openshell/methods.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct schema *choose(uint8_t byte)
{
    const struct openshell_method *m = openshell_methods;
    if (byte == 255)
        return &all_schema;
    for (unsigned n = byte % 128; m->path && n; n--)
        m++;
    const struct schema *schema = !m->path ? NULL : byte < 128 ? m->request : m->answer;
    return schema ? schema : &policy_schema;
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

/* 0: out is the message that the JSON is. */
static int write_json(const struct schema *schema, enum protobuf_modes modes, const char *json,
                      size_t len, struct buf *out)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    int rc = doc_parse(json, len, DOC_JSON, 1 << 20, arena, &tree, NULL);
    if (rc == 0) {
        rc = protobuf_encode(schema, tree, modes, out, &problems);
        if (rc != 0 && (!problems.n || out->len))
            abort();
    }
    problems_free(&problems);
    arena_free(arena);
    return rc;
}

static int begin(const struct schema *schema, enum protobuf_modes modes, const uint8_t *bytes,
                 size_t len, struct buf *out)
{
    if (!len || *bytes != '{')
        return rewrite(schema, modes, bytes, len, out);
    return write_json(schema, modes, (const char *)bytes, len, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = {0}, twice = {0};
    const struct schema *schema = choose(size ? *data : 0);
    enum protobuf_modes modes = size % 2 ? PROTOBUF_ENUMS : PROTOBUF_TEXTS;
    if (size && begin(schema, modes, data + 1, size - 1, &once) == 0 &&
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
