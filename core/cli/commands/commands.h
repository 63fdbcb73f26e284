/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the commands, by what they are about; core/cli/commands/commands.c joins them. */
#ifndef CLI_COMMANDS_COMMANDS_H
#define CLI_COMMANDS_COMMANDS_H

#include "cli/cli.h"

#define WAIT_OPTIONS                                                                               \
    {"wait", 0, ARG_FLAG, NULL, "wait until the sandbox enforces it"},                             \
    {"timeout", 0, ARG_VALUE, "DURATION", "with --wait: give up after so long (60s), exit 124"}

/* Each ends with a row without a group. */
extern const struct command commands_sandbox[], commands_policy[], commands_rule[],
    commands_plugin[], commands_gateway[];

#endif
