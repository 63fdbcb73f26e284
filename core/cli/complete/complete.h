/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand where a shell completes a word, from the tables of commands and options, and from
 * what the gateway has. */
#ifndef CLI_COMPLETE_COMPLETE_H
#define CLI_COMPLETE_COMPLETE_H

#include "cli/cli.h"

/* The candidates of `sluice __complete WORD...`, whose last word is being typed: a line each,
 * WORD<tab>MEANING; ":files" or ":dirs" alone: the shell knows.  Says nothing where something goes
 * wrong, and ends after two seconds. */
int complete_words(int n, char **words);

#endif
