/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin test, and what it shares with plugin bench. */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/plugin/plugin.h"

enum { JOBS_MAX = 64, REPEAT_MAX = 100000, TIMEOUT_S_MAX = 3600, TIMEOUT_S = 10 };

/* Beside a build's bin/, or where voters are installed. */
static char *shipped_plugin_dir(void)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n < 0)
        return alloc_str("/usr/lib/sluice/plugins");
    exe[n] = '\0';
    const char *prefix = dirname(dirname(exe));
    char *in_build = alloc_printf("%s/plugins", prefix);
    if (access(in_build, F_OK) == 0)
        return in_build;
    free(in_build);
    return alloc_printf("%s/lib/sluice/plugins", prefix);
}

/* Every value of an option, in command-line order; room for cli->n_args. */
static size_t arg_values(const struct cli *cli, const char *name, const char **out)
{
    size_t n = 0;
    for (size_t i = 0; i < cli->n_args; i++)
        if (strcmp(cli->args[i].name, name) == 0)
            out[n++] = cli->args[i].value;
    return n;
}

int plugin_stage_open(const struct cli *cli, struct plugin_stage *out)
{
    const char *isolation = arg_value(cli, "isolation");
    *out = (struct plugin_stage){0};
    if (isolation && strcmp(isolation, "inline") != 0 && strcmp(isolation, "process") != 0)
        return usage_error(cli, "--isolation is inline or process, not '%s'", isolation);
    out->dirs = alloc_zero(cli->n_args + 1, sizeof *out->dirs);
    size_t n = arg_values(cli, "plugin-dir", out->dirs);
    if (!n)
        out->dirs[n++] = out->shipped = shipped_plugin_dir();
    out->settings = (struct stage_settings){.plugin_dirs = out->dirs,
                                            .n_plugin_dirs = n,
                                            .usual_dirs = out->shipped != NULL,
                                            .isolation = isolation};
    return -1;
}

void plugin_stage_close(struct plugin_stage *stage)
{
    free(stage->shipped);
    free(stage->dirs);
}

/* A seed that is short enough to type. */
static uint64_t any_seed(void)
{
    uint32_t seed = 0;
    return getrandom(&seed, sizeof seed, 0) == sizeof seed ? seed : (uint64_t)getpid();
}

static int read_numbers(const struct cli *cli, struct testkit_options *o)
{
    long jobs, repeat, timeout, seed, cpus = sysconf(_SC_NPROCESSORS_ONLN);
    cpus = cpus < 1 ? 1 : cpus > JOBS_MAX ? JOBS_MAX : cpus;
    if (arg_range(cli, "jobs", cpus, 1, JOBS_MAX, &jobs) != 0 ||
        arg_range(cli, "repeat", 1, 1, REPEAT_MAX, &repeat) != 0 ||
        arg_seconds(cli, "timeout", TIMEOUT_S, 1, TIMEOUT_S_MAX, &timeout) != 0 ||
        arg_number(cli, "seed", 0, UINT32_MAX, &seed) != 0)
        return EXIT_USAGE;
    o->jobs = (unsigned)jobs;
    o->repeat = (unsigned)repeat;
    o->timeout_s = (unsigned)timeout;
    o->seed = arg_given(cli, "seed") ? (uint64_t)seed : any_seed();
    return -1;
}

int arg_percent(const struct cli *cli, const char *name, double most, double *out)
{
    const char *text = arg_value(cli, name);
    char *end;
    *out = -1;
    if (!text)
        return -1;
    *out = strtod(text, &end);
    if (*text < '0' || *text > '9' || (*end && strcmp(end, "%") != 0) || !(*out <= most))
        return usage_error(cli, "--%s takes per cent from 0 to %g, not '%s'", name, most, text);
    return -1;
}

static int read_flags(const struct cli *cli, struct testkit_options *o)
{
    o->run = arg_value(cli, "run");
    o->list = arg_given(cli, "list");
    o->shuffle = arg_given(cli, "shuffle") || arg_given(cli, "seed");
    o->fail_fast = arg_given(cli, "fail-fast");
    o->watch = arg_given(cli, "watch");
    o->cover = arg_given(cli, "cover");
    o->update = arg_given(cli, "update");
    o->quiet = cli->quiet;
    if (cli->output == OUT_YAML)
        return usage_error(
            cli, "there is no report in YAML: --format is pretty, tap, junit, json or html");
    int code = arg_percent(cli, "min-cover", 100, &o->min_cover);
    return code >= 0 ? code : read_numbers(cli, o);
}

int cmd_plugin_test(struct cli *cli)
{
    static const char *const json[] = {"json"};
    const char **formats = alloc_zero(cli->n_args + 1, sizeof *formats);
    struct testkit_options o = {.paths = cli->operands,
                                .n_paths = cli->n_operands,
                                .formats = formats,
                                .n_formats = arg_values(cli, "format", formats)};
    struct plugin_stage stage = {0};
    int code =
        cli->n_operands
            ? read_flags(cli, &o)
            : usage_error(cli, "which cases? give case files (*.test.yaml) or folders of them");
    if (!o.n_formats && cli->output == OUT_JSON) {
        o.formats = json;
        o.n_formats = 1;
    }
    if (code < 0)
        code = plugin_stage_open(cli, &stage);
    o.stage = stage.settings;
    if (code < 0)
        code = testkit_test(&o);
    plugin_stage_close(&stage);
    free(formats);
    return code;
}
