/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands/commands.h"

static const struct command *const tables[] = {
    commands_sandbox, commands_policy, commands_rule, commands_plugin, commands_gateway,
};

const struct command *command_at(size_t i)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct command *c = tables[t]; c->group; c++)
            if (i-- == 0)
                return c;
    return NULL;
}
