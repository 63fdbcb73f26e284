/* SPDX-License-Identifier: Apache-2.0 */
#include "openshell/descriptor.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doc/protobuf_rows.h"
#include "doc/writer.h"
#include "openshell/methods.h"
#include "openshell/parts.h"

#define PACKAGE "openshell.v1"
#define PREFIX "/" PACKAGE ".OpenShell/"

enum { TABLES_MAX = 400, NAME_MAX_BYTES = 128 };

/* ---- the messages of descriptor.proto ---- */

static const struct schema descriptor_schema;

static const char *const labels[] = {"", "LABEL_OPTIONAL", "LABEL_REQUIRED", "LABEL_REPEATED",
                                     NULL};
static const char *const types[] = {
    "", "DOUBLE", "FLOAT", "INT64", "UINT64", "INT32", "FIXED64", "FIXED32", "BOOL", "STRING",
    "GROUP", "MESSAGE", "BYTES", "UINT32", "ENUM", NULL,
};

static const struct schema_field field_fields[] = {
    TEXT(1, "name"),
    I32(3, "number"),
    ENUM(4, "label", labels),
    ENUM(5, "type", types),
    TEXT(6, "type_name"),
    I32(9, "oneof_index", .flags = SCHEMA_OPTIONAL),
    BOOL(17, "proto3_optional"),
    {0},
};
static const struct schema field_schema = {.name = "FieldDescriptorProto", .fields = field_fields};

static const struct schema_field value_fields[] = {
    TEXT(1, "name"), I32(2, "number", .flags = SCHEMA_OPTIONAL), {0}};
static const struct schema value_schema = {.name = "EnumValue", .fields = value_fields};
static const struct schema_field enum_fields[] = {
    TEXT(1, "name"), MESSAGES(2, "value", &value_schema), {0}};
static const struct schema enum_schema = {.name = "EnumDescriptorProto", .fields = enum_fields};

static const struct schema_field oneof_fields[] = {TEXT(1, "name"), {0}};
static const struct schema oneof_schema = {.name = "OneofDescriptorProto", .fields = oneof_fields};
static const struct schema_field options_fields[] = {BOOL(7, "map_entry"), {0}};
static const struct schema options_schema = {.name = "MessageOptions", .fields = options_fields};

static const struct schema_field descriptor_fields[] = {
    TEXT(1, "name"),
    MESSAGES(2, "field", &field_schema),
    MESSAGES(3, "nested_type", &descriptor_schema),
    MESSAGES(4, "enum_type", &enum_schema),
    MESSAGE(7, "options", &options_schema),
    MESSAGES(8, "oneof_decl", &oneof_schema),
    {0},
};
static const struct schema descriptor_schema = {.name = "DescriptorProto",
                                                .fields = descriptor_fields};

static const struct schema_field method_fields[] = {
    TEXT(1, "name"), TEXT(2, "input_type"), TEXT(3, "output_type"), BOOL(5, "client_streaming"),
    BOOL(6, "server_streaming"), {0},
};
static const struct schema method_schema = {.name = "MethodDescriptorProto",
                                            .fields = method_fields};
static const struct schema_field service_fields[] = {
    TEXT(1, "name"), MESSAGES(2, "method", &method_schema), {0}};
static const struct schema service_schema = {.name = "ServiceDescriptorProto",
                                             .fields = service_fields};

static const struct schema_field file_fields[] = {
    TEXT(1, "name"),
    TEXT(2, "package"),
    MESSAGES(4, "message_type", &descriptor_schema),
    MESSAGES(6, "service", &service_schema),
    TEXT(12, "syntax"),
    {0},
};
static const struct schema file_schema = {.name = "FileDescriptorProto", .fields = file_fields};

/* ---- names ---- */

struct name {
    char text[NAME_MAX_BYTES];
};

/* "request rule" and "request_rule" are RequestRule. */
static struct name camel_case(const char *before, const char *words, const char *after)
{
    struct name name;
    size_t n = (size_t)snprintf(name.text, sizeof name.text, "%s", before);
    bool begins = true;
    for (; *words && n + 1 < sizeof name.text; words++) {
        if (isalnum((unsigned char)*words))
            name.text[n++] = (char)(begins ? toupper((unsigned char)*words) : *words);
        begins = !isalnum((unsigned char)*words);
    }
    snprintf(name.text + n, sizeof name.text - n, "%s", after);
    return name;
}

/* Words of enums stand beside each other in a message, so that the field's name is part of them. */
static struct name enum_word(const char *field, const char *word)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "%s_%s", field, *word ? word : "UNSPECIFIED");
    for (char *c = name.text; *c; c++)
        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    return name;
}

static void put_text(struct doc_writer *w, const char *key, const char *text)
{
    doc_write_key(w, key);
    doc_write_text(w, text);
}

static void put_number(struct doc_writer *w, const char *key, int64_t number)
{
    doc_write_key(w, key);
    doc_write_number(w, number);
}

static void put_true(struct doc_writer *w, const char *key)
{
    doc_write_key(w, key);
    doc_write_bool(w, true);
}

static void open_list(struct doc_writer *w, const char *key)
{
    doc_write_key(w, key);
    doc_write_open(w, DOC_LIST);
}

/* ---- a message ---- */

/* The rows that the newer wire has: of two with one number, the last. */
static size_t rows_of(const struct schema *schema, const struct schema_field **rows)
{
    const struct schema_field *all[PROTOBUF_ROWS_MAX];
    size_t n = protobuf_rows(schema, all), kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool last = true;
        for (size_t j = i + 1; j < n; j++)
            last &= all[j]->number != all[i]->number;
        if (last)
            rows[kept++] = all[i];
    }
    return kept;
}

static const char *type_word(enum protobuf_type type)
{
    static const char *const words[] = {
        [TYPE_TEXT] = "STRING",  [TYPE_BYTES] = "BYTES",   [TYPE_BOOL] = "BOOL",
        [TYPE_U32] = "UINT32",   [TYPE_I32] = "INT32",     [TYPE_U64] = "UINT64",
        [TYPE_I64] = "INT64",    [TYPE_FLOAT] = "FLOAT",   [TYPE_DOUBLE] = "DOUBLE",
        [TYPE_ENUM] = "ENUM",    [TYPE_MODE] = "ENUM",     [TYPE_MESSAGE] = "MESSAGE",
    };
    return words[type];
}

static bool is_enum(const struct protobuf_row *shape)
{
    return shape->type == TYPE_ENUM || shape->type == TYPE_MODE;
}

static void put_type(struct doc_writer *w, const struct schema_field *row,
                     const struct protobuf_row *shape, const char *message)
{
    struct name owner = camel_case("." PACKAGE ".", message, ".");
    put_text(w, "type", type_word(shape->type));
    if (row->wrap)
        put_text(w, "type_name", camel_case(owner.text, row->name, "Item").text);
    else if (shape->type == TYPE_MESSAGE)
        put_text(w, "type_name", camel_case("." PACKAGE ".", shape->sub->name, "").text);
    else if (is_enum(shape))
        put_text(w, "type_name", camel_case(owner.text, row->name, "Word").text);
}

/* Those that have one, in the order in which they are declared: real ones, then one for each
 * optional field. */
static size_t list_oneofs(const struct schema_field *const *rows, size_t n, const char **out)
{
    size_t n_oneofs = 0;
    for (int optional = 0; optional < 2; optional++) {
        for (size_t i = 0; i < n; i++) {
            bool known = false;
            const char *name = optional ? rows[i]->name : rows[i]->oneof;
            if (optional ? !(rows[i]->flags & SCHEMA_OPTIONAL) : !name)
                continue;
            for (size_t k = 0; k < n_oneofs && !optional; k++)
                known |= strcmp(out[k], name) == 0;
            if (!known)
                out[n_oneofs++] = name;
        }
    }
    return n_oneofs;
}

static void put_oneof(struct doc_writer *w, const struct schema_field *row,
                      const char *const *oneofs, size_t n)
{
    bool optional = row->flags & SCHEMA_OPTIONAL;
    const char *name = optional ? row->name : row->oneof;
    if (!name)
        return;
    size_t i = n;
    while (i-- > 0)
        if (strcmp(oneofs[i], name) == 0)
            break;
    put_number(w, "oneof_index", (int64_t)i);
    if (optional)
        put_true(w, "proto3_optional");
}

static void put_field(struct doc_writer *w, const struct schema *schema,
                      const struct schema_field *row, const char *const *oneofs, size_t n_oneofs)
{
    struct protobuf_row shape = protobuf_row_of(row);
    bool map = shape.shape == SHAPE_MAP;
    doc_write_open(w, DOC_MAP);
    put_text(w, "name", row->name);
    put_number(w, "number", row->number);
    put_text(w, "label", labels[shape.shape == SHAPE_SINGLE ? 1 : 3]);
    if (map) {
        struct name owner = camel_case("." PACKAGE ".", schema->name, ".");
        put_text(w, "type", "MESSAGE");
        put_text(w, "type_name", camel_case(owner.text, row->name, "Entry").text);
    } else {
        put_type(w, row, &shape, schema->name);
        put_oneof(w, row, oneofs, n_oneofs);
    }
    doc_write_close(w, DOC_MAP);
}

/* A field of a nested message: of a map's entry, or of a wrapper. */
static void put_inner(struct doc_writer *w, const char *name, int number, const char *type,
                      const char *type_name)
{
    doc_write_open(w, DOC_MAP);
    put_text(w, "name", name);
    put_number(w, "number", number);
    put_text(w, "label", labels[1]);
    put_text(w, "type", type);
    if (type_name)
        put_text(w, "type_name", type_name);
    doc_write_close(w, DOC_MAP);
}

static void put_nested(struct doc_writer *w, const struct schema_field *row)
{
    struct protobuf_row shape = protobuf_row_of(row);
    bool map = shape.shape == SHAPE_MAP, message = shape.type == TYPE_MESSAGE;
    if (!map && !row->wrap)
        return;
    struct name sub = camel_case("." PACKAGE ".", message ? shape.sub->name : "", "");
    doc_write_open(w, DOC_MAP);
    put_text(w, "name", camel_case("", row->name, map ? "Entry" : "Item").text);
    open_list(w, "field");
    if (map)
        put_inner(w, "key", 1, "STRING", NULL);
    put_inner(w, map ? "value" : row->wrap, map ? 2 : 1, type_word(shape.type),
              message ? sub.text : NULL);
    doc_write_close(w, DOC_LIST);
    if (map) {
        doc_write_key(w, "options");
        doc_write_open(w, DOC_MAP);
        put_true(w, "map_entry");
        doc_write_close(w, DOC_MAP);
    }
    doc_write_close(w, DOC_MAP);
}

static void put_enum(struct doc_writer *w, const struct schema_field *row)
{
    doc_write_open(w, DOC_MAP);
    put_text(w, "name", camel_case("", row->name, "Word").text);
    open_list(w, "value");
    for (size_t i = 0; row->enumeration[i]; i++) {
        doc_write_open(w, DOC_MAP);
        put_text(w, "name", enum_word(row->name, row->enumeration[i]).text);
        put_number(w, "number", (int64_t)i);
        doc_write_close(w, DOC_MAP);
    }
    doc_write_close(w, DOC_LIST);
    doc_write_close(w, DOC_MAP);
}

/* That of an optional field is made up, and begins with an underscore. */
static void put_oneofs(struct doc_writer *w, const struct schema_field *const *rows, size_t n,
                       const char *const *oneofs, size_t n_oneofs)
{
    open_list(w, "oneof_decl");
    for (size_t i = 0; i < n_oneofs; i++) {
        char name[NAME_MAX_BYTES];
        bool real = false;
        for (size_t k = 0; k < n; k++)
            real |= rows[k]->oneof && strcmp(rows[k]->oneof, oneofs[i]) == 0;
        snprintf(name, sizeof name, "%s%s", real ? "" : "_", oneofs[i]);
        doc_write_open(w, DOC_MAP);
        put_text(w, "name", name);
        doc_write_close(w, DOC_MAP);
    }
    doc_write_close(w, DOC_LIST);
}

static void put_message(struct doc_writer *w, const struct schema *schema)
{
    const struct schema_field *rows[PROTOBUF_ROWS_MAX];
    const char *oneofs[2 * PROTOBUF_ROWS_MAX];
    size_t n = rows_of(schema, rows), n_oneofs = list_oneofs(rows, n, oneofs);
    doc_write_open(w, DOC_MAP);
    put_text(w, "name", camel_case("", schema->name, "").text);
    open_list(w, "field");
    for (size_t i = 0; i < n; i++)
        put_field(w, schema, rows[i], oneofs, n_oneofs);
    doc_write_close(w, DOC_LIST);
    open_list(w, "nested_type");
    for (size_t i = 0; i < n; i++)
        put_nested(w, rows[i]);
    doc_write_close(w, DOC_LIST);
    open_list(w, "enum_type");
    for (size_t i = 0; i < n; i++)
        if (rows[i]->enumeration)
            put_enum(w, rows[i]);
    doc_write_close(w, DOC_LIST);
    put_oneofs(w, rows, n, oneofs, n_oneofs);
    doc_write_close(w, DOC_MAP);
}

/* ---- the file ---- */

struct tables {
    const struct schema *all[TABLES_MAX];
    size_t n;
};

static void add_table(struct tables *tables, const struct schema *schema)
{
    const struct schema_field *rows[PROTOBUF_ROWS_MAX];
    for (size_t i = 0; i < tables->n; i++)
        if (tables->all[i] == schema)
            return;
    if (!schema || tables->n == TABLES_MAX)
        return;
    tables->all[tables->n++] = schema;
    for (size_t i = 0, n = rows_of(schema, rows); i < n; i++)
        add_table(tables, protobuf_row_of(rows[i]).sub);
}

static bool is_ours(const struct openshell_method *m)
{
    return m->request && strncmp(m->path, PREFIX, strlen(PREFIX)) == 0;
}

static void put_method(struct doc_writer *w, const struct openshell_method *m)
{
    doc_write_open(w, DOC_MAP);
    put_text(w, "name", m->path + strlen(PREFIX));
    put_text(w, "input_type", camel_case("." PACKAGE ".", m->request->name, "").text);
    put_text(w, "output_type", camel_case("." PACKAGE ".", m->answer->name, "").text);
    if (m->stream == OPENSHELL_REQUESTS || m->stream == OPENSHELL_BOTH)
        put_true(w, "client_streaming");
    if (m->stream == OPENSHELL_ANSWERS || m->stream == OPENSHELL_BOTH)
        put_true(w, "server_streaming");
    doc_write_close(w, DOC_MAP);
}

static void put_file(struct doc_writer *w)
{
    struct tables tables = {.n = 0};
    doc_write_open(w, DOC_MAP);
    put_text(w, "name", OPENSHELL_FILE);
    put_text(w, "package", PACKAGE);
    put_text(w, "syntax", "proto3");
    open_list(w, "service");
    doc_write_open(w, DOC_MAP);
    put_text(w, "name", "OpenShell");
    open_list(w, "method");
    for (const struct openshell_method *m = openshell_methods; m->path; m++) {
        if (!is_ours(m))
            continue;
        put_method(w, m);
        add_table(&tables, m->request);
        add_table(&tables, m->answer);
    }
    doc_write_close(w, DOC_LIST);
    doc_write_close(w, DOC_MAP);
    doc_write_close(w, DOC_LIST);
    open_list(w, "message_type");
    for (size_t i = 0; i < tables.n; i++)
        put_message(w, tables.all[i]);
    doc_write_close(w, DOC_LIST);
    doc_write_close(w, DOC_MAP);
}

void openshell_descriptor(struct buf *out)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_tree_writer tree;
    put_file(doc_tree_writer(&tree, arena, &problems));
    struct doc_node *root = doc_tree_writer_end(&tree);
    if (root)
        protobuf_encode(&file_schema, root, PROTOBUF_ENUMS, out, &problems);
    problems_free(&problems);
    arena_free(arena);
}
