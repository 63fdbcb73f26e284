/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_RULE_CHUNK_H
#define CLI_RULE_CHUNK_H

#include "cli/cli.h"

void chunk_print(const json_t *chunk);              /* all that is known of it */

#endif
