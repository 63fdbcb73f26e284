/* SPDX-License-Identifier: Apache-2.0 */
/* sluice traffic: what became of a sandbox's requests. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "cli/cli.h"

static char *page_path(const struct cli *cli, const char *sandbox, long long after)
{
    char *name = url_escape(sandbox),
         *verdict = url_escape(arg_given(cli, "verdict") ? arg_value(cli, "verdict") : "");
    char *path = alloc_printf("/v1/sandboxes/%s/traffic?after=%lld%s%s", name, after,
                              *verdict ? "&verdict=" : "", verdict);
    free(name);
    free(verdict);
    return path;
}

/* All pages as one document.  An exit code. */
static int read_pages(const struct cli *cli, const char *sandbox, json_t **out)
{
    struct reply reply;
    long long after = 0;
    int code = EXIT_DONE;
    *out = NULL;
    do {
        client_call(cli, &(struct call){.method = "GET", .path = page_path(cli, sandbox, after)},
                    &reply);
        code = reply.status == 200 && reply.json ? EXIT_DONE : reply_failed(cli, &reply);
        after = code == EXIT_DONE ? json_number(reply.json, "next") : 0;
        if (code == EXIT_DONE && *out)
            json_array_extend(json_object_get(*out, "traffic"),
                              json_object_get(reply.json, "traffic"));
        else if (code == EXIT_DONE)
            *out = json_incref(reply.json);
        reply_free(&reply);
    } while (after);
    if (*out)
        json_object_del(*out, "next");
    return code;
}

static void print_table(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    size_t i;
    json_t *r, *list = json_object_get(json, "traffic"), *count;
    const char *verdict;
    if (json_array_size(list) == 0)
        say(cli, "No requests on record.");
    else
        table_row(&t, 7,
                  (const char *[]){"LAST SEEN", "VERDICT", "COUNT", "HOST", "PORT", "PROGRAM",
                                   "RULE OR REASON"});
    json_array_foreach(list, i, r) {
        char number[24], port[24];
        snprintf(number, sizeof number, "%lld", json_number(r, "count"));
        snprintf(port, sizeof port, "%lld", json_number(r, "port"));
        const char *rule = json_text(r, "rule"), *binary = json_text(r, "binary");
        table_row(&t, 7,
                  (const char *[]){json_text(r, "last_seen"), json_text(r, "verdict"), number,
                                   json_text(r, "host"), port, *binary ? binary : "unknown",
                                   *rule ? rule : json_text(r, "reason")});
    }
    if (json_array_size(list) > 0)
        table_print(&t);
    json_object_foreach(json_object_get(json, "unlisted"), verdict, count)
        if (json_integer_value(count) > 0)
            say(cli,
                "%lld more %s requests are counted without host and program: there were too many "
                "different ones.",
                (long long)json_integer_value(count), verdict);
}

int cmd_traffic(struct cli *cli)
{
    const char *name = sandbox_operand(cli, 0);
    json_t *json;
    if (!name)
        return EXIT_USAGE;
    int code = read_pages(cli, name, &json);
    if (code == EXIT_DONE && cli->output == OUT_TABLE)
        print_table(cli, json);
    else if (code == EXIT_DONE)
        print_json(cli, json);
    json_decref(json);
    return code;
}
