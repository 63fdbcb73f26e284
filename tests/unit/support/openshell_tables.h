/* SPDX-License-Identifier: Apache-2.0 */
/* All message tables that the methods of core/openshell reach, by name. */
#ifndef SUPPORT_OPENSHELL_TABLES_H
#define SUPPORT_OPENSHELL_TABLES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doc/protobuf_rows.h"
#include "openshell/methods.h"

enum { MESSAGES_MAX = 400 };

struct tables {
    const struct schema *all[MESSAGES_MAX];
    size_t n;
};

static void add_table(struct tables *tables, const struct schema *schema)
{
    const struct schema_field *rows[PROTOBUF_ROWS_MAX];
    for (size_t i = 0; i < tables->n; i++)
        if (tables->all[i] == schema)
            return;
    if (!schema || tables->n == MESSAGES_MAX)
        return;
    tables->all[tables->n++] = schema;
    for (size_t i = 0, n = protobuf_rows(schema, rows); i < n; i++)
        add_table(tables, protobuf_row_of(rows[i]).sub);
}

static struct tables all_tables(void)
{
    struct tables tables = {0};
    for (const struct openshell_method *m = openshell_methods; m->path; m++) {
        add_table(&tables, m->request);
        add_table(&tables, m->answer);
    }
    return tables;
}

/* Names of tables with a blank are given with an underscore. */
static const struct schema *find_table(const struct tables *tables, char *name)
{
    for (char *c = name; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    for (size_t i = 0; i < tables->n; i++)
        if (strcmp(tables->all[i]->name, name) == 0)
            return tables->all[i];
    fprintf(stderr, "no table is named %s\n", name);
    exit(2);
}

#endif
