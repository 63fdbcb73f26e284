/* SPDX-License-Identifier: Apache-2.0 */
/* sluice ceiling … */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/document.h"

/* "/v1/ceilings", with the label of the command line. */
static char *ceilings_path(const struct cli *cli)
{
    const char *label = arg_value(cli, "label");
    bool dry_run = arg_given(cli, "dry-run");
    char *escaped = label ? url_escape(label) : NULL;
    char *path = alloc_printf("/v1/ceilings%s%s%s%s", label ? "?label=" : "",
                              label ? escaped : "", !dry_run ? "" : label ? "&" : "?",
                              dry_run ? "dry_run=true" : "");
    free(escaped);
    return path;
}

static const char *whose(const json_t *json)
{
    const char *label = json_text(json, "label");
    return *label ? label : "every sandbox";
}

/* ---- set ---- */

static void print_sandbox(const json_t *changed, bool dry_run)
{
    json_t *warning;
    size_t i;
    if (dry_run)
        terminal_print(stdout, "  %s would be tightened\n", json_text(changed, "sandbox"));
    else
        terminal_print(stdout, "  %s is tightened: revision %lld\n",
                       json_text(changed, "sandbox"), json_number(changed, "revision"));
    print_effect(json_object_get(changed, "effect"), "    ");
    json_array_foreach(json_object_get(changed, "warnings"), i, warning)
        terminal_print(stdout, "    warning: %s\n", json_text(warning, "message"));
}

static void print_set(const struct cli *cli, const json_t *json)
{
    bool dry_run = json_is_true(json_object_get(json, "dry_run"));
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(json, "warnings"), i, item)
        say(cli, "warning: %s: %s", json_text(item, "path"), json_text(item, "message"));
    terminal_print(stdout, dry_run ? "The ceiling for %s is not set: this is a dry run\n"
                                   : "✓ The ceiling for %s is set\n", whose(json));
    json_array_foreach(json_object_get(json, "changed"), i, item)
        print_sandbox(item, dry_run);
    if (!json_array_size(json_object_get(json, "changed")))
        terminal_print(stdout, "  no sandbox is outside\n");
    json_array_foreach(json_object_get(json, "failed"), i, item)
        say(cli, "%s stays outside: %s", json_text(item, "sandbox"), json_text(item, "why"));
}

int cmd_ceiling_set(struct cli *cli)
{
    const char *file = arg_value(cli, "policy");
    struct buf text = {0};
    struct reply reply;
    char *reason;
    if (!file)
        return usage_error(cli, "which policy? --policy FILE, or --policy - for stdin");
    int code = reason_header(cli, &reason);
    if (code < 0)
        code = read_input(file, &text);
    if (code < 0) {
        client_call(cli,
                    &(struct call){.method = "PUT",
                                   .path = ceilings_path(cli),
                                   .type = document_is_json(file, &text) ? "application/json"
                                                                         : "application/yaml",
                                   .body = buf_str(&text),
                                   .len = text.len,
                                   .headers = {reason}},
                    &reply);
        code = reply.status == 200 && reply.json ? EXIT_DONE : reply_failed(cli, &reply);
        if (code == EXIT_DONE && cli->output != OUT_TABLE)
            print_json(cli, reply.json);
        else if (code == EXIT_DONE)
            print_set(cli, reply.json);
        if (code == EXIT_DONE && json_array_size(json_object_get(reply.json, "failed")))
            code = EXIT_REFUSED;
        reply_free(&reply);
    }
    buf_free(&text);
    free(reason);
    return code;
}

/* ---- get, delete ---- */

static void table_ceilings(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    json_t *c;
    size_t i;
    table_row(&t, 5, (const char *const[]){"LABEL", "HASH", "SET BY", "FROM", "AT"});
    json_array_foreach(json_object_get(json, "ceilings"), i, c) {
        char *hash = alloc_printf("%.12s", json_text(c, "hash"));
        table_row(&t, 5, (const char *const[]){whose(c), hash, json_text(c, "set_by"),
                                               json_text(c, "origin"), json_text(c, "at")});
        free(hash);
    }
    table_print(cli, &t);
}

/* One of them as a document, as `ceiling set` takes it. */
static int show_one(struct cli *cli, const char *label)
{
    struct reply reply;
    json_t *c;
    size_t i;
    int code = EXIT_REFUSED;
    client_call(cli, &(struct call){.method = "GET", .path = alloc_str("/v1/ceilings")}, &reply);
    if (reply.status != 200 || !reply.json) {
        code = reply_failed(cli, &reply);
        reply_free(&reply);
        return code;
    }
    json_array_foreach(json_object_get(reply.json, "ceilings"), i, c)
        if (strcmp(json_text(c, "label"), label) == 0) {
            struct cli as_yaml = *cli;
            as_yaml.output = cli->output == OUT_TABLE ? OUT_YAML : cli->output;
            print_json(&as_yaml, cli->output == OUT_TABLE ? json_object_get(c, "policy") : c);
            code = EXIT_DONE;
        }
    if (code != EXIT_DONE)
        say(cli, "there is no ceiling for %s: sluice ceiling get shows those there are", label);
    reply_free(&reply);
    return code;
}

int cmd_ceiling_get(struct cli *cli)
{
    const char *label = arg_value(cli, "label");
    return label ? show_one(cli, label)
                 : client_show(cli, alloc_str("/v1/ceilings"), table_ceilings);
}

int cmd_ceiling_delete(struct cli *cli)
{
    struct reply reply;
    char *reason;
    int code = reason_header(cli, &reason);
    if (code >= 0)
        return code;
    client_call(cli,
                &(struct call){.method = "DELETE",
                               .path = ceilings_path(cli),
                               .headers = {reason}},
                &reply);
    free(reason);
    code = reply.status == 200 && reply.json ? EXIT_DONE : reply_failed(cli, &reply);
    if (code == EXIT_DONE && cli->output != OUT_TABLE)
        print_json(cli, reply.json);
    else if (code == EXIT_DONE)
        terminal_print(stdout, "✓ Deleted the ceiling for %s\n", whose(reply.json));
    reply_free(&reply);
    return code;
}
