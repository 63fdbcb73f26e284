/* SPDX-License-Identifier: Apache-2.0 */
/* What the results of commands have in common: a list of things, or one thing, with a name. */
#ifndef CLI_OUTPUT_SHAPE_H
#define CLI_OUTPUT_SHAPE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/* The list of a document that is about several things.  NULL: it is about one. */
json_t *shape_list(const json_t *document);
/* Appends how a command names this thing: a name, an id or a revision.  false: it has none. */
bool shape_name(const json_t *thing, struct buf *out);

#endif
