/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/processes.h"

#include <errno.h>

/* The place of the one with that number, or n. */
static size_t find(const struct egress_processes *processes, pid_t id)
{
    size_t i = 0;
    while (i < processes->n && processes->items[i].id != id)
        i++;
    return i;
}

static size_t find_longest_unused(const struct egress_processes *processes)
{
    size_t oldest = 0;
    for (size_t i = 1; i < processes->n; i++)
        if (processes->used[i] < processes->used[oldest])
            oldest = i;
    return oldest;
}

static void put(struct egress_processes *processes, size_t at, const struct egress_process *process)
{
    if (at == EGRESS_PROCESSES_MAX)
        at = find_longest_unused(processes);
    if (at < processes->n)
        egress_process_close(&processes->items[at]);
    else
        processes->n++;
    processes->items[at] = *process;
}

/* The one under a number that was used again has ended, and tells no IDs. */
int egress_processes_hold(struct egress_processes *processes, pid_t id,
                          const struct egress_process **out, struct egress_ids *ids)
{
    struct egress_process fresh;
    size_t at = find(processes, id);
    if (at == processes->n || !egress_process_ids(&processes->items[at], ids)) {
        int rc = egress_process_open(id, &fresh, ids);
        if (rc != 0)
            return rc;
        put(processes, at, &fresh);
        at = find(processes, id);
    }
    processes->used[at] = ++processes->uses;
    *out = &processes->items[at];
    return 0;
}

void egress_processes_clear(struct egress_processes *processes)
{
    while (processes->n > 0)
        egress_process_close(&processes->items[--processes->n]);
}
