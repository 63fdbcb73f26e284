/* SPDX-License-Identifier: Apache-2.0 */
/* Schema tables as text for people: what each field is, by its path. */
#ifndef DOC_EXPLAIN_H
#define DOC_EXPLAIN_H

#include "base/error.h"
#include "doc/schema.h"

/* A place in a document: a field of a table, or the whole document, where field is NULL. */
struct schema_place {
    const struct schema *schema;                    /* that has the field, or is the document's */
    const struct schema_field *field;
};

/* Finds a path such as a.b.c.  Names that a document chooses, indexes ([0], [], [*]) and the word
 * around an item (allow) may stand in it or be left out.  -1: err names what is not there. */
int schema_find(const struct schema *schema, const char *path, struct schema_place *out,
                struct error *err);
/* The place and everything below it, a field with its type and help, indented by depth. */
void schema_explain(const struct schema_place *place, struct buf *out);

#endif
