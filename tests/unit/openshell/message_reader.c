/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes messages for descriptors.py.  Without arguments it answers each line:
 *
 *     decode MESSAGE HEX            JSON
 *     encode MESSAGE MODES JSON     HEX; MODES is texts or enums
 *     again MESSAGE MODES HEX       HEX of what was read
 *
 * or "refused: …".  With the argument "tables" it prints the rows of all tables instead, with
 * "descriptor" the HEX of openshell/descriptor.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openshell/descriptor.h"
#include "support/openshell_tables.h"

static void print_row(const struct schema *schema, const struct schema_field *row)
{
    static const char *const types[] = {"string", "bytes", "bool", "uint32", "int32", "uint64",
                                        "int64", "float", "double", "enum", "mode", "message"};
    static const char *const shapes[] = {"single", "list", "map"};
    struct protobuf_row shape = protobuf_row_of(row);
    printf("%s\t%" PRIu32 "\t%s\t%s\t%s\t%s\t%s\t%s\t", schema->name, row->number, row->name,
           types[shape.type], shapes[shape.shape], shape.sub ? shape.sub->name : "",
           row->oneof ? row->oneof : row->flags & SCHEMA_OPTIONAL ? "optional" : "",
           row->wrap ? row->wrap : "");
    for (size_t i = 0; row->enumeration && row->enumeration[i]; i++)
        printf("%s%s", i ? "," : "", row->enumeration[i]);
    putchar('\n');
}

static void print_tables(const struct tables *tables)
{
    const struct schema_field *rows[PROTOBUF_ROWS_MAX];
    for (size_t i = 0; i < tables->n; i++)
        for (size_t j = 0, n = protobuf_rows(tables->all[i], rows); j < n; j++)
            print_row(tables->all[i], rows[j]);
}

static size_t read_hex(char *hex)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        hex[i] = (char)strtoul(digits, NULL, 16);
    }
    return n;
}

static void print_hex(const struct buf *bytes)
{
    for (size_t i = 0; i < bytes->len; i++)
        printf("%02x", (unsigned char)bytes->data[i]);
    putchar('\n');
}

static void print_problem(struct problems *problems)
{
    printf("refused: %s: %s\n", problems->n ? problems->items[0].path : "",
           problems->n ? problems->items[0].message : "nobody says why");
}

static int write_tree(const struct schema *schema, const char *modes, const struct doc_node *tree,
                      struct problems *problems)
{
    struct buf bytes = {0};
    int rc = protobuf_encode(schema, tree,
                             strcmp(modes, "enums") == 0 ? PROTOBUF_ENUMS : PROTOBUF_TEXTS,
                             &bytes, problems);
    if (rc == 0)
        print_hex(&bytes);
    buf_free(&bytes);
    return rc;
}

static int answer(const struct schema *schema, const char *verb, char *rest, struct arena *arena,
                  struct problems *problems)
{
    struct doc_node *tree;
    const char *modes = strcmp(verb, "decode") == 0 ? "" : strsep(&rest, " ");
    if (strcmp(verb, "encode") == 0)
        return doc_parse_own(rest, strlen(rest), DOC_NODES_MAX, arena, &tree, problems) ||
               write_tree(schema, modes, tree, problems);
    if (protobuf_decode(schema, rest, read_hex(rest), arena, &tree, problems) != 0)
        return -1;
    if (*modes)
        return write_tree(schema, modes, tree, problems);
    struct buf json = {0};
    doc_print(tree, DOC_JSON, &json);
    puts(buf_str(&json));
    buf_free(&json);
    return 0;
}

int main(int argc, char **argv)
{
    struct tables tables = all_tables();
    char *line = NULL;
    size_t size = 0;
    if (argc > 1 && strcmp(argv[1], "descriptor") == 0) {
        struct buf file = {0};
        openshell_descriptor(&file);
        print_hex(&file);
        buf_free(&file);
        return 0;
    }
    if (argc > 1)
        print_tables(&tables);
    for (ssize_t n; argc == 1 && (n = getline(&line, &size, stdin)) > 0;) {
        struct arena *arena = arena_new();
        struct problems problems = {0};
        char *rest = line;
        line[strcspn(line, "\n")] = '\0';
        char *verb = strsep(&rest, " "), *name = strsep(&rest, " ");
        if (!rest || answer(find_table(&tables, name), verb, rest, arena, &problems) != 0)
            print_problem(&problems);
        problems_free(&problems);
        arena_free(arena);
    }
    free(line);
    return 0;
}
