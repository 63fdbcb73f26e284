/* SPDX-License-Identifier: Apache-2.0 */
/* sluice traffic: what became of a sandbox's requests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "store/words.h"

static const char *const verdicts[] = {
#define X(id, word, meaning) word,
    STORE_TRAFFIC_VERDICTS(X)
#undef X
};
enum { N_VERDICTS = sizeof verdicts / sizeof *verdicts };

static bool is_verdict(const char *word)
{
    for (size_t i = 0; i < N_VERDICTS; i++)
        if (strcmp(word, verdicts[i]) == 0)
            return true;
    return false;
}

/* Ends where the number of the last row of the page before goes. */
static char *pages_path(const struct cli *cli, const char *sandbox)
{
    char *name = url_escape(sandbox),
         *verdict = url_escape(arg_given(cli, "verdict") ? arg_value(cli, "verdict") : "");
    char *path = alloc_printf("/v1/sandboxes/%s/traffic?%s%s%safter=", name,
                              *verdict ? "verdict=" : "", verdict, *verdict ? "&" : "");
    free(name);
    free(verdict);
    return path;
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
        table_print(cli, &t);
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
    if (arg_given(cli, "verdict") && !is_verdict(arg_value(cli, "verdict")))
        return usage_error(
            cli, "--verdict is one of" STORE_TRAFFIC_VERDICTS(STORE_EACH_WORD) ", not '%s'",
            arg_value(cli, "verdict"));
    char *path = pages_path(cli, name);
    int code = client_pages(cli, path, "traffic", &json);
    free(path);
    if (code == EXIT_DONE && cli->output == OUT_TABLE)
        print_table(cli, json);
    else if (code == EXIT_DONE)
        print_json(cli, json);
    json_decref(json);
    return code;
}
