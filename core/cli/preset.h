/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PRESET_H
#define CLI_PRESET_H

#include "cli/document.h"

/* The policy in the file at path, NULL: none, with the rules of every --preset.  An exit code after
 * saying what is wrong, or -1: a rule of the same name that says something else is an error.
 * Always to be followed by document_free. */
int preset_document(const struct cli *cli, const char *path, struct document *out);

struct arena;
/* Ended by NULL. */
const char *const *preset_names(struct arena *arena);

#endif
