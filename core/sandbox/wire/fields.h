/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the schema tables of this folder.  Texts may have any character: arguments, variables and
 * what programs say are no documents. */
#ifndef SANDBOX_WIRE_FIELDS_H
#define SANDBOX_WIRE_FIELDS_H

#include "doc/schema.h"

/* A text that has to be there, under a name of its own; the same under the member's; one that may
 * be absent, NULL then. */
#define NAMED(type, word, member) \
    {.name = word, .kind = SCHEMA_TEXT, .offset = offsetof(struct type, member), \
     .flags = SCHEMA_REQUIRED | SCHEMA_ANY}
#define NEEDED(type, member) NAMED(type, #member, member)
#define TEXT(type, member) \
    {.name = #member, .kind = SCHEMA_TEXT, .offset = offsetof(struct type, member), \
     .flags = SCHEMA_NULLABLE | SCHEMA_ANY}
/* A list of texts. */
#define TEXTS(type, member, more) \
    {.name = #member, .kind = SCHEMA_TEXTS, .offset = offsetof(struct type, member), \
     .count_offset = offsetof(struct type, n_##member), .flags = SCHEMA_ANY | (more)}
/* A map of texts, struct spec_pair *. */
#define PAIRS(type, member) \
    {.name = #member, .kind = SCHEMA_KEYED, .offset = offsetof(struct type, member), \
     .count_offset = offsetof(struct type, n_##member), .sub = &sandbox_pair_schema, \
     .flags = SCHEMA_INLINE | SCHEMA_KEEP}
/* A number from 0 that has to be there; one that may be absent and is always written. */
#define NUMBER(type, member, number_kind, most) \
    {.name = #member, .kind = number_kind, .offset = offsetof(struct type, member), .min = 0, \
     .max = most, .flags = SCHEMA_REQUIRED}
#define KEPT(type, member, number_kind, most) \
    {.name = #member, .kind = number_kind, .offset = offsetof(struct type, member), .min = 0, \
     .max = most, .flags = SCHEMA_KEEP}
#define FLAG(type, member)                                                             \
    {                                                                                  \
        .name = #member, .kind = SCHEMA_BOOL, .offset = offsetof(struct type, member), \
        .flags = SCHEMA_KEEP                                                           \
    }

/* The members of struct spec_settings.  where: "" or "member.", in front of them. */
#define SETTING(type, where, member, field_kind, most)                           \
    {.name = #member, .kind = field_kind, .offset = offsetof(struct type, where member), \
     .min = 0, .max = most, .flags = SCHEMA_KEEP}
#define SETTINGS(type, where)                                                    \
    SETTING(type, where, hold_ms, SCHEMA_I64, SANDBOX_HOLD_MAX_MS),              \
    SETTING(type, where, agent_proposals, SCHEMA_BOOL, 0),                       \
    SETTING(type, where, resolve_denied, SCHEMA_BOOL, 0),                        \
    {.name = "labels", .kind = SCHEMA_TEXT, .offset = offsetof(struct type, where labels)}

/* Grants with an end, struct policy_grant *. */
#define GRANTS(type)                                                                      \
    {                                                                                     \
        .name = "grants", .kind = SCHEMA_STRUCTS, .offset = offsetof(struct type, grants), \
        .count_offset = offsetof(struct type, n_grants), .sub = &policy_grant_schema,     \
        .flags = SCHEMA_INLINE                                                            \
    }

extern const struct schema sandbox_pair_schema, policy_grant_schema, sandbox_exec_schema,
    sandbox_inspectors_schema;

#endif
