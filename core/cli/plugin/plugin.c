/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin … */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "chain/chain.h"
#include "chain/options.h"
#include "cli/cli.h"
#include "cli/watch.h"
#include "testkit/file.h"

/* "-" for a voter that looks at no requests. */
static void print_requests(const json_t *voter, char *out, size_t size)
{
    if (!json_is_true(json_object_get(voter, "inspects")))
        snprintf(out, size, "-");
    else
        snprintf(out, size, "%lld (%lld denied, %lld held, %lld failed)",
                 json_number(voter, "requests"), json_number(voter, "request_denials"),
                 json_number(voter, "request_holds"), json_number(voter, "request_errors"));
}

static void print_not_inspecting(const json_t *json)
{
    size_t i;
    json_t *sandbox;
    json_array_foreach(json_object_get(json, "not_inspecting"), i, sandbox)
        terminal_print(stdout, "sandbox %s: %s\n", json_text(sandbox, "sandbox"),
                       json_text(sandbox, "error"));
}

static void table_voters(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    size_t i;
    json_t *v;
    const size_t n = cli->wide ? 11 : 10;
    table_row(&t, n,
              (const char *[]){"NAME", "VERSION", "KIND", "LEVEL", "ISOLATION", "STATE", "VOTES",
                               "DENIALS", "REQUESTS", "PATH", "SHA256"});
    json_array_foreach(json_object_get(json, "voters"), i, v) {
        char votes[24], denials[24], requests[128];
        bool reads = json_is_true(json_object_get(v, "reads_files"));
        snprintf(votes, sizeof votes, "%lld", json_number(v, "votes"));
        snprintf(denials, sizeof denials, "%lld", json_number(v, "denials"));
        print_requests(v, requests, sizeof requests);
        table_row(&t, n,
                  (const char *[]){json_text(v, "name"), json_text(v, "version"),
                                   json_text(v, "kind"), json_text(v, "level"),
                                   reads ? "process, reads files" : json_text(v, "isolation"),
                                   json_text(v, "state"), votes, denials, requests,
                                   json_text(v, "path"), json_text(v, "sha256")});
    }
    table_print(cli, &t);
    print_not_inspecting(json);
}

int cmd_plugin_list(struct cli *cli)
{
    return list_show(cli, &(struct list){.path = alloc_str("/v1/plugins"),
                                         .key = "voters",
                                         .complete = true,
                                         .table = table_voters});
}

static void print_reloaded(const struct cli *cli, const json_t *json)
{
    terminal_print(stdout, "✓ Reloaded: %zu voters\n",
                   json_array_size(json_object_get(json, "voters")));
    size_t i;
    json_t *warning;
    json_array_foreach(json_object_get(json, "warnings"), i, warning)
        say(cli, "! %s", json_string_value(warning));
    print_not_inspecting(json);
}

int cmd_plugin_reload(struct cli *cli)
{
    struct reply reply;
    client_call(cli, &(struct call){.method = "POST", .path = alloc_str("/v1/plugins/reload")},
                &reply);
    int code = reply.status == 200 ? EXIT_DONE : reply_failed(cli, &reply);
    if (code == EXIT_DONE && cli->output != OUT_TABLE)
        print_json(cli, reply.json);
    else if (code == EXIT_DONE)
        print_reloaded(cli, reply.json);
    reply_free(&reply);
    return code;
}

/* ---- check: loads each file in a chain of its own, without a gateway, and in a process of its
 * own, so that a crash or a hang is reported like any other refusal ---- */

static json_t *describe_options(const struct sluice_option *options)
{
    json_t *list = json_array();
    for (; options && options->name; options++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s}", "name", options->name,
                                              "type", options_type_word(options->type), "default",
                                              options->fallback, "help",
                                              options->help ? options->help : ""));
    return list;
}

static json_t *describe_codes(const struct sluice_code *codes)
{
    json_t *list = json_array();
    for (; codes && codes->code; codes++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "code", codes->code, "help",
                                              codes->help ? codes->help : ""));
    return list;
}

static json_t *describe(struct chain *chain)
{
    struct chain_voter_info v;
    chain_describe(chain, 0, &v);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "name", v.name, "version",
                             v.version, "kind", v.kind, "summary", v.summary ? v.summary : "",
                             "path", v.path, "sha256", v.sha256, "options",
                             describe_options(v.options), "codes", describe_codes(v.codes));
    /* A plugin with another ABI number is not loaded. */
    if (strcmp(v.kind, "native") == 0)
        json_object_set_new(json, "abi", json_integer(SLUICE_ABI));
    return json;
}

static void print_description(const json_t *json)
{
    size_t i;
    json_t *row;
    terminal_print(stdout, "%s %s (%s", json_text(json, "name"), json_text(json, "version"),
                   json_text(json, "kind"));
    if (json_object_get(json, "abi"))
        terminal_print(stdout, ", ABI %lld", json_number(json, "abi"));
    terminal_print(stdout, ")\n");
    if (*json_text(json, "summary"))
        terminal_print(stdout, "  %s\n", json_text(json, "summary"));
    json_array_foreach(json_object_get(json, "options"), i, row) {
        const char *fallback = json_string_value(json_object_get(row, "default"));
        terminal_print(stdout, "  option %s (%s%s%s): %s\n", json_text(row, "name"),
                       json_text(row, "type"), fallback ? ", default " : "",
                       fallback ? fallback : "", json_text(row, "help"));
    }
    json_array_foreach(json_object_get(json, "codes"), i, row)
        terminal_print(stdout, "  code %s: %s\n", json_text(row, "code"), json_text(row, "help"));
    terminal_print(stdout, "  sha256 %s\n", json_text(json, "sha256"));
}

static struct chain *load_one(const char *path, struct problems *problems)
{
    char absolute[PATH_MAX], copy[PATH_MAX];
    snprintf(absolute, sizeof absolute, "%s", path);
    if (path[0] != '/' && getcwd(copy, sizeof copy))
        snprintf(absolute, sizeof absolute, "%s/%.2000s", copy, path);
    bool native = file_ends_with(absolute, ".so");
    snprintf(copy, sizeof copy, "%s", absolute);
    char *name = alloc_str(basename(copy));
    const char *dirs[] = {dirname(absolute)};
    if (native)
        name[strlen(name) - 3] = '\0';
    char *script = native ? NULL : alloc_printf("%s/%s", dirs[0], name);
    const struct chain_voter_config voter = {
        .plugin = native ? name : "",
        .script = script ? script : "",
        .name = "",
        .level = "mandatory",
        .on_error = "deny",
        .isolation = "process",
        .sha256 = "",
        .options_json = "{}",
        .doc_path = path,
    };
    const struct chain_voter_config *const voters[] = {&voter};
    const struct chain_config config = {.plugin_dirs = dirs,
                                        .n_plugin_dirs = 1,
                                        .vote_timeout_ms = 500,
                                        .voters = voters,
                                        .n_voters = 1,
                                        .base_dir = dirs[0]};
    struct chain *chain = chain_load(&config, NULL, problems);
    free(script);
    free(name);
    return chain;
}

static int check_one(const struct cli *cli, const char *path)
{
    if (!file_ends_with(path, ".so") && !file_ends_with(path, ".lua")) {
        complain(
            "%s is neither a voter in C (.so) nor a rule (.lua); any other program is tried by its "
            "cases: sluice plugin test",
            path);
        return EXIT_REFUSED;
    }
    if (access(path, R_OK) != 0) {
        complain("cannot read %s: %s", path, strerror(errno));
        return EXIT_USAGE;
    }
    struct problems problems = {0};
    struct chain *chain = load_one(path, &problems);
    for (size_t i = 0; i < problems.n; i++) {
        const char *message = problems.items[i].message;
        bool named = strstr(message, path);
        complain("%s%s%s", named ? "" : path, named ? "" : ": ", message);
    }
    if (chain) {
        json_t *json = describe(chain);
        if (cli->output == OUT_YAML && cli->n_operands > 1)
            terminal_print(stdout, "---\n");
        if (cli->output != OUT_TABLE)
            print_json(cli, json);
        else
            print_description(json);
        json_decref(json);
    }
    int code = chain ? EXIT_DONE : EXIT_REFUSED;
    chain_unref(chain);
    problems_free(&problems);
    return code;
}

int cmd_plugin_check(struct cli *cli)
{
    int code = EXIT_DONE;
    if (!cli->n_operands)
        return usage_error(cli, "which plugin? give one file or several");
    for (size_t i = 0; i < cli->n_operands; i++) {
        int one = check_one(cli, cli->operands[i]);
        code = one > code ? one : code;
    }
    return code;
}
