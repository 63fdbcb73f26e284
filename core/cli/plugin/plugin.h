/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/cli: what the commands of `sluice plugin` share. */
#ifndef CLI_PLUGIN_PLUGIN_H
#define CLI_PLUGIN_PLUGIN_H

#include "cli/cli.h"
#include "testkit/testkit.h"

/* --plugin-dir and --isolation.  The settings live until plugin_stage_close. */
struct plugin_stage {
    struct stage_settings settings;
    const char **dirs;
    char *shipped;                                  /* NULL unless nothing was said */
};

/* Returns an exit code, or -1 to go on.  Close it in any case. */
int plugin_stage_open(const struct cli *cli, struct plugin_stage *out);
void plugin_stage_close(struct plugin_stage *stage);

/* A number, with or without %; below 0: not given.  An exit code, or -1 to go on. */
int arg_percent(const struct cli *cli, const char *name, double most, double *out);

#endif
