/* SPDX-License-Identifier: Apache-2.0 */
/* The options of one voter, read and checked by the voter's table, with defaults filled in.
 *
 * Ownership: options_read returns a new object that keeps copies of everything; options_free
 * releases it.  Thread: immutable, so any.  Limits: OPTIONS_MAX rows in a table. */
#ifndef CHAIN_OPTIONS_H
#define CHAIN_OPTIONS_H

#include "base/buf.h"
#include "base/error.h"
#include <sluice/option.h>

enum { OPTIONS_MAX = 128 };

struct options;

/* table: ended by a row without a name; NULL: the voter has no options.  json: an object; NULL or
 * "": nothing is configured.  NULL with err (ERROR_INVALID) that names every option that is
 * unknown ("did you mean"), ill-typed or given twice, joined with "; ". */
struct options *options_read(const struct sluice_option *table, const char *json,
                             struct error *err);
void options_free(struct options *options);         /* NULL is fine */

/* What init() gets; lives as long as the options. */
const struct sluice_options *options_face(const struct options *options);

/* Canonical JSON, members in name order, defaults filled in: part of the chain's digest. */
const char *options_json(const struct options *options);

/* "text", "integer", "boolean", "duration" or "list"; -1 for another word. */
const char *options_type_word(enum sluice_option_type type);
int options_type_parse(const char *word, enum sluice_option_type *out);

#endif
