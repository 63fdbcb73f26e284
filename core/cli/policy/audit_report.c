/* SPDX-License-Identifier: Apache-2.0 */
/* sluice policy audit-report: what endpoints let through as they only audit. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/cli.h"

/* The request and, in brackets, the call in its body. */
static char *describe(const json_t *r)
{
    const char *call[2] = {json_text(r, "rpc_method"), json_text(r, "tool")};
    if (!*call[0]) {
        call[0] = json_text(r, "operation");
        call[1] = json_text(r, "field");
    }
    struct buf out = {0};
    buf_printf(&out, "%s %s", json_text(r, "method"), json_text(r, "path"));
    if (*call[0])
        buf_printf(&out, " (%s%s%s)", call[0], *call[1] ? " " : "", call[1]);
    return buf_take(&out);
}

static void add_row(struct table *t, const json_t *r)
{
    char count[24], port[24], *request = describe(r);
    const char *binary = json_text(r, "binary");
    snprintf(count, sizeof count, "%lld", json_number(r, "count"));
    snprintf(port, sizeof port, "%lld", json_number(r, "port"));
    table_row(t, 7,
              (const char *[]){json_text(r, "last_seen"), count, json_text(r, "host"), port,
                               *binary ? binary : "unknown", request, json_text(r, "reason")});
    free(request);
}

static void print_table(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    size_t i;
    json_t *r, *list = json_object_get(json, "requests");
    long long unlisted = json_number(json, "unlisted");
    if (json_array_size(list) == 0)
        say(cli, "Nothing passed that enforcing would have refused.");
    else
        table_row(&t, 7,
                  (const char *[]){"LAST SEEN", "COUNT", "HOST", "PORT", "PROGRAM", "REQUEST",
                                   "WHY IT WOULD BE REFUSED"});
    json_array_foreach(list, i, r)
        add_row(&t, r);
    if (json_array_size(list) > 0)
        table_print(cli, &t);
    if (unlisted > 0)
        say(cli, "%lld more are counted without their request: there were too many different "
                 "ones, and the oldest were dropped.", unlisted);
}

int cmd_policy_audit_report(struct cli *cli)
{
    const char *sandbox = sandbox_operand(cli, 0);
    json_t *json;
    if (!sandbox)
        return EXIT_USAGE;
    char *name = url_escape(sandbox);
    char *path = alloc_printf("/v1/sandboxes/%s/audit-report?after=", name);
    int code = client_pages(cli, path, "requests", &json);
    if (code == EXIT_DONE && cli->output == OUT_TABLE)
        print_table(cli, json);
    else if (code == EXIT_DONE)
        print_json(cli, json);
    json_decref(json);
    free(path);
    free(name);
    return code;
}
