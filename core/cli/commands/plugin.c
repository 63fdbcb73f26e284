/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on voters. */
#include "cli/commands/commands.h"
#include "cli/watch.h"

static const struct arg_option none[] = {{0}};
static const struct arg_option watch[] = {WATCH_OPTION, {0}};
#define STAGE_OPTIONS                                                               \
    {"plugin-dir", 0, ARG_VALUE, "DIR", "where named voters are; may be repeated"}, \
        {"isolation", 0, ARG_VALUE, "inline|process",                               \
         "how voters run (native code: process; all else as configured)"},          \
    {                                                                               \
        "run", 0, ARG_VALUE, "REGEX", "only cases whose name matches"               \
    }

static const struct arg_option plugin_test[] = {
    STAGE_OPTIONS,
    {"timeout", 0, ARG_VALUE, "DURATION", "kill a voter that takes longer for one case (10s)"},
    {"list", 0, ARG_FLAG, NULL, "name the cases, run none"},
    {"jobs", 'j', ARG_VALUE, "N", "processes at once (one for each processor)"},
    {"shuffle", 0, ARG_FLAG, NULL, "in another order"},
    {"seed", 0, ARG_VALUE, "N", "in the order of an earlier --shuffle"},
    {"repeat", 0, ARG_VALUE, "N", "each case N times"},
    {"fail-fast", 0, ARG_FLAG, NULL, "stop at the first that fails"},
    {"watch", 0, ARG_FLAG, NULL, "again whenever a file changes"},
    {"cover", 0, ARG_FLAG, NULL, "which declared codes were cast and options set"},
    {"min-cover", 0, ARG_VALUE, "PCT", "exit 4 below this coverage"},
    {"format", 0, ARG_VALUE, "F[=FILE]", "pretty, tap, junit, json or html; may be repeated"},
    {"update", 0, ARG_FLAG, NULL, "write what was voted into cases that fail"},
    {0},
};
static const struct arg_option plugin_bench[] = {
    STAGE_OPTIONS,
    {"timeout", 0, ARG_VALUE, "DURATION", "kill a voter that takes longer for one case (30s)"},
    {"time", 0, ARG_VALUE, "MS", "how long the cases of one file are measured (500)"},
    {"save", 0, ARG_VALUE, "FILE", "write what was measured"},
    {"compare", 0, ARG_VALUE, "FILE", "show the change since --save FILE"},
    {"threshold", 0, ARG_VALUE, "PCT", "exit 4 if the median or the bytes grew by more"},
    {0},
};
static const struct arg_option plugin_replay[] = {
    {"chain", 0, ARG_VALUE, "FILE", "the gateway configuration whose chain is asked"},
    {"sandbox", 0, ARG_VALUE, "N", "only decisions about this sandbox, and its requests"},
    {"since", 0, ARG_VALUE, "T", "only since then: 2026-01-31T08:05:00Z, or 24h ago"},
    {"plugin-dir", 0, ARG_VALUE, "DIR",
     "where voters are, instead of where FILE says; may be repeated"},
    {"isolation", 0, ARG_VALUE, "inline|process", "how voters run, whatever FILE says"},
    {0},
};
static const struct arg_option plugin_publish[] = {
    {"plugin-dir", 0, ARG_VALUE, "DIR", "where a voter in C is (DIR/build/plugins, DIR)"},
    {0},
};
static const struct arg_option plugin_install[] = {
    {"sha256", 0, ARG_VALUE, "HEX", "only if the archive has this digest"},
    {"to", 0, ARG_VALUE, "DIR", "where its folder is made (/etc/sluice/rules)"},
    {"replace", 0, ARG_FLAG, NULL, "in the place of one of the same name"},
    {0},
};
static const struct arg_option plugin_new[] = {
    {"c", 0, ARG_FLAG, NULL, "in C"},
    {"lua", 0, ARG_FLAG, NULL, "in Lua"},
    {"python", 0, ARG_FLAG, NULL, "in Python: a program that the gateway speaks with"},
    {"go", 0, ARG_FLAG, NULL, "in Go, likewise"},
    {"rust", 0, ARG_FLAG, NULL, "in Rust, likewise"},
    {0},
};

const struct command commands_plugin[] = {
    {"plugin", "list", "", watch, cmd_plugin_list, "list the chain of voters",
     "sluice plugin list"},
    {"plugin", "reload", "", none, cmd_plugin_reload,
     "read the gateway's configuration again and reload its chain", "sluice plugin reload"},
    {"plugin", "check", "PATH...", none, cmd_plugin_check, "check plugin files without a gateway",
     "sluice plugin check ./my_voter.so"},
    {"plugin", "bench", "PATH...", plugin_bench, cmd_plugin_bench,
     "measure voters with their test cases as load",
     "sluice plugin bench --compare before.json --threshold 10 cases"},
    {"plugin", "new", "NAME [DIR]", plugin_new, cmd_plugin_new,
     "make a folder for a voter, with a first case", "sluice plugin new no_wildcards --lua"},
    {"plugin", "schema", "", none, cmd_plugin_schema,
     "print the JSON Schema of case files, for editors", "sluice plugin schema >case.schema.json"},
    {"plugin", "publish", "DIR [FILE]", plugin_publish, cmd_plugin_publish,
     "run the cases of a voter, and pack it with them into an archive",
     "sluice plugin publish no_wildcards"},
    {"plugin", "install", "FILE", plugin_install, cmd_plugin_install,
     "unpack a voter (or copy its folder), check it, and print the lines that load it",
     "sluice plugin install no_wildcards-1.0.0.tar.gz --sha256 HEX"},
    {"plugin", "test", "PATH...", plugin_test, cmd_plugin_test,
     "run test cases of voters and chains", "sluice plugin test --plugin-dir build/plugins cases"},
    {"plugin", "replay", "", plugin_replay, cmd_plugin_replay,
     "ask another chain about decisions and requests on record; gives way to all else here",
     "sluice plugin replay --chain new.yaml --since 7d"},
    {0},
};
