/* SPDX-License-Identifier: Apache-2.0 */
/* Ids and names that are not typed to their end. */
#ifndef CLI_PREFIX_H
#define CLI_PREFIX_H

#include "cli/cli.h"

/* The id of the chunk, or decision, whose id begins with the given text.  NULL after saying that
 * there is none, or which ones there are; *code is the exit code.  The caller frees the result. */
char *prefix_chunk(const struct cli *cli, const char *sandbox, const char *given, int *code);
char *prefix_decision(const struct cli *cli, const char *given, int *code);
/* A revision: the number, or the beginning of the hash, that an option has; fallback where it is
 * not given.  An exit code after saying what is wrong, or -1. */
int prefix_revision(const struct cli *cli, const char *sandbox, const char *option, long fallback,
                    long *out);
/* Replaces the sandbox that a command reads by the only one that begins so, unless there is one of
 * just that name.  An exit code after saying what is wrong, or -1. */
int prefix_operand(struct cli *cli);

#endif
