/* SPDX-License-Identifier: Apache-2.0 */
/* A question before something is deleted, for people: scripts are never asked. */
#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

#include "cli/cli.h"

#define YES_OPTION {"yes", 'y', ARG_FLAG, NULL, "do not ask; without a terminal nothing is asked"}

/* Asks the question where stdin and stderr are a terminal, unless --yes was given.  -1: go on; else
 * an exit code after saying that nothing was done. */
int confirm(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
