/* SPDX-License-Identifier: Apache-2.0 */
/* sluice export list. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "cli/watch.h"

static const char *count(const json_t *row, const char *name, char out[24])
{
    snprintf(out, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(row, name)));
    return out;
}

static void add_row(struct table *t, size_t n, const json_t *exporter, const json_t *row)
{
    char taken[24], waiting[24], sent[24], missed[24], failed[24];
    table_row(t, n, (const char *const[]){json_text(exporter, "name"), json_text(exporter, "type"),
                                          json_text(row, "records"), json_text(row, "state"),
                                          count(row, "taken", taken),
                                          count(row, "waiting", waiting),
                                          count(row, "missed", missed),
                                          json_text(row, "last_error"),
                                          json_text(exporter, "url"), count(row, "sent", sent),
                                          count(row, "failed", failed)});
}

static void table_exports(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    json_t *exporter, *row;
    size_t i, j;
    const size_t n = cli->wide ? 11 : 8;
    table_row(&t, n, (const char *const[]){"NAME", "TYPE", "RECORDS", "STATE", "TAKEN", "WAITING",
                                           "MISSED", "LAST ERROR", "URL", "SENT", "FAILED"});
    json_array_foreach(json_object_get(json, "exports"), i, exporter)
        json_array_foreach(json_object_get(exporter, "records"), j, row)
            add_row(&t, n, exporter, row);
    table_print(cli, &t);
}

int cmd_export_list(struct cli *cli)
{
    return list_show(cli, &(struct list){.path = alloc_str("/v1/exports"),
                                         .key = "exports",
                                         .complete = true,
                                         .table = table_exports});
}
