/* SPDX-License-Identifier: Apache-2.0 */
/* Coverage of a voter by its cases: declared codes that were cast, options that some case sets, and
 * lines of an inline Lua rule that ran.  Voters are distinguished by their file.
 *
 * Ownership: cover_new and cover_free.  One thread. */
#ifndef TESTKIT_COVER_H
#define TESTKIT_COVER_H

#include <jansson.h>
#include <stdio.h>

struct cover;

struct cover *cover_new(void);
void cover_free(struct cover *cover);

/* voters: a worker's description of those it loaded, {name, path, codes: [...], options: [...],
 * configured}, the last as the text of a JSON object, null where no option is set. */
void cover_loaded(struct cover *cover, const json_t *voters);
void cover_votes(struct cover *cover, const json_t *voters, const json_t *votes);
/* lines: {line: ran} for each of the voters. */
void cover_lines(struct cover *cover, const json_t *voters, const json_t *lines);

/* 100 if there is nothing to cover. */
double cover_percent(const struct cover *cover);
void cover_print(const struct cover *cover, FILE *to);
json_t *cover_json(const struct cover *cover);      /* the caller owns it */

#endif
