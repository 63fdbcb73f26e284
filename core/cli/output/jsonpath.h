/* SPDX-License-Identifier: Apache-2.0 */
/* The part of kubectl's JSONPath templates that people type: text outside of braces, {.a.b},
 * {.a['b']}, {.list[0]}, [-1], [1:3], [*], {.list[?(@.key=="value")].x}, {range .list[*]}...{end}
 * and
 * {"\n"}.  $ is the document, @ the item of the range.  What is not there prints nothing.
 *
 * In the document of a list command, .items is the list, whatever its name is.
 * Ownership: jsonpath_parse returns a new object, jsonpath_free releases it.  Immutable after
 * that. */
#ifndef CLI_OUTPUT_JSONPATH_H
#define CLI_OUTPUT_JSONPATH_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

struct jsonpath;

/* NULL: err says what is wrong and where. */
struct jsonpath *jsonpath_parse(const char *text, struct error *err);
void jsonpath_free(struct jsonpath *path);          /* NULL is fine */
/* Appends what the template makes of the document.  Several values of one path have a space between
 * them.  Values are made printable; text of the template stands as it is. */
void jsonpath_print(const struct jsonpath *path, const json_t *document, struct buf *out);

#endif
