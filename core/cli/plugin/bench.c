/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin bench */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/program.h"
#include "cli/plugin/plugin.h"
#include "testkit/allocated.h"

enum { TIME_MS = 500, TIME_MS_MAX = 600000, TIMEOUT_S = 30, TIMEOUT_S_MAX = 3600 };

static int read_flags(const struct cli *cli, struct testkit_bench *o)
{
    long time, timeout;
    if (!cli->n_operands)
        return usage_error(cli, "which cases? give case files (*.test.yaml) or folders of them");
    if (arg_number(cli, "time", TIME_MS, TIME_MS_MAX, &time) != 0 ||
        arg_seconds(cli, "timeout", TIMEOUT_S, 1, TIMEOUT_S_MAX, &timeout) != 0)
        return EXIT_USAGE;
    o->time_ms = (unsigned)time;
    o->timeout_s = (unsigned)timeout;
    o->run = arg_value(cli, "run");
    o->save = arg_value(cli, "save");
    o->compare = arg_value(cli, "compare");
    o->json = cli->output == OUT_JSON;
    if (cli->output == OUT_YAML)
        return usage_error(cli, "what was measured is a table or -o json");
    if (arg_given(cli, "threshold") && !o->compare)
        return usage_error(cli, "--threshold needs --compare FILE");
    return arg_percent(cli, "threshold", 1e6, &o->threshold);
}

/* Becomes the program beside this one that counts what votes allocate.  Returns if it cannot. */
static int become_bench(const struct cli *cli)
{
    char *helper = program_beside("sluice-plugin-bench");
    execv(helper, cli->argv);
    complain("cannot run %s: %s: install it beside sluice", helper, strerror(errno));
    free(helper);
    return EXIT_USAGE;
}

int cmd_plugin_bench(struct cli *cli)
{
    struct testkit_bench o = {.paths = cli->operands, .n_paths = cli->n_operands};
    struct plugin_stage stage = {0};
    int code = read_flags(cli, &o);
    if (code < 0 && !allocated_bytes)
        code = become_bench(cli);
    if (code < 0)
        code = plugin_stage_open(cli, &stage);
    o.stage = stage.settings;
    if (code < 0)
        code = testkit_bench(&o);
    plugin_stage_close(&stage);
    return code;
}
