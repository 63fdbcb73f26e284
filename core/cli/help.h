/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "cli/cli.h"

/* Options of every command; the table ends with a row without a name. */
extern const struct arg_option cli_global_options[];

void help_usage(FILE *to, const struct command *command);           /* one line, no line break */
void help_command(FILE *to, const struct command *command);
void help_group(FILE *to, const char *group);       /* NULL: all commands */

#endif
