/* SPDX-License-Identifier: Apache-2.0 */
/* sluice host list. */
#include <stdlib.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/watch.h"

static char *labels_text(const json_t *host)
{
    struct buf out = {0};
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(host, "labels"), key, value)
        buf_printf(&out, "%s%s=%s", out.len ? "," : "", key, json_string_value(value));
    return buf_take(&out);
}

static void table_hosts(const struct cli *cli, const json_t *json)
{
    struct table t = {0};
    json_t *host;
    size_t i;
    const size_t n = cli->wide ? 8 : 6;
    table_row(&t, n, (const char *const[]){"NAME", "STATE", "SANDBOXES", "LABELS", "GATEWAY",
                                           "SEEN", "ADDRESS", "VERSION"});
    json_array_foreach(json_object_get(json, "hosts"), i, host) {
        char load[48];
        char *labels = labels_text(host);
        snprintf(load, sizeof load, "%lld of %lld", (long long)json_number(host, "sandboxes"),
                 (long long)json_number(host, "capacity"));
        table_row(&t, n, (const char *const[]){json_text(host, "name"), json_text(host, "state"),
                                               load, labels, json_text(host, "gateway"),
                                               json_text(host, "seen_at"),
                                               json_text(host, "address"),
                                               json_text(host, "version")});
        free(labels);
    }
    table_print(cli, &t);
}

int cmd_host_list(struct cli *cli)
{
    return list_show(cli, &(struct list){.path = alloc_str("/v1/hosts"), .key = "hosts",
                                         .complete = true, .table = table_hosts});
}
