/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/schema.h"
#include "doc/writer.h"
#include "policy/effect/effect.h"

#define TEXT(member, more)                                                                       \
    {.name = #member, .kind = SCHEMA_TEXT, .offset = offsetof(struct sluice_reach, member), \
     .flags = SCHEMA_ANY | (more)}

static const struct schema_field reach_fields[] = {
    TEXT(host, SCHEMA_KEEP),
    {.name = "port", .kind = SCHEMA_U16, .offset = offsetof(struct sluice_reach, port),
     .flags = SCHEMA_KEEP},
    TEXT(binary, SCHEMA_KEEP),
    TEXT(method, SCHEMA_KEEP),
    TEXT(path, SCHEMA_KEEP),
    TEXT(example, SCHEMA_KEEP),
    TEXT(operation, 0),
    TEXT(field, 0),
    TEXT(rpc_method, 0),
    TEXT(tool, 0),
    {.name = NULL},
};

static const struct schema reach_schema = {
    .name = "reach", .size = sizeof(struct sluice_reach), .fields = reach_fields,
    .has_size = true};

static void write_list(struct doc_writer *w, const char *key,
                       const struct sluice_reach *const *list, size_t n)
{
    doc_write_key(w, key);
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < n; i++)
        schema_write(&reach_schema, list[i], w);
    doc_write_close(w, DOC_LIST);
}

void policy_effect_write(const struct policy_effect *effect, struct doc_writer *w)
{
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "relation");
    doc_write_text(w, policy_relation_word(effect->relation));
    write_list(w, "gained", effect->gained, effect->n_gained);
    write_list(w, "lost", effect->lost, effect->n_lost);
    doc_write_close(w, DOC_MAP);
}
