/* SPDX-License-Identifier: Apache-2.0 */
/* What of a voter its cases reach: the codes it declares that were cast, the options it has that
 * some case sets, and the lines with code of a Lua rule that ran inline.  Voters are told apart
 * by their file.
 *
 * Ownership: cover_new and cover_free.  One thread. */
#ifndef TESTKIT_COVER_H
#define TESTKIT_COVER_H

#include <jansson.h>
#include <stdio.h>

struct cover;

struct cover *cover_new(void);
void cover_free(struct cover *cover);

/* voters: what a worker says of those it loaded, {name, path, codes: [...], options: [...],
 * configured}, the last as the text of a JSON object, null where no option is set. */
void cover_loaded(struct cover *cover, const json_t *voters);
void cover_votes(struct cover *cover, const json_t *voters, const json_t *votes);
/* lines: {line: ran} for each of the voters. */
void cover_lines(struct cover *cover, const json_t *voters, const json_t *lines);

/* 100 where there is nothing to reach. */
double cover_percent(const struct cover *cover);
void cover_print(const struct cover *cover, FILE *to);
json_t *cover_json(const struct cover *cover);      /* the caller owns it */

#endif
