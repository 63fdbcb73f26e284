/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/inspectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "chain/inspect/inspect.h"

static struct inspectors *load(const struct sandbox_inspectors *wanted, uv_loop_t *loop,
                               const struct log *log, struct error *err)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *root;
    struct inspectors *set = NULL;
    void *record;
    if (doc_parse_own(wanted->config, strlen(wanted->config), DOC_NODES_MAX, arena, &root,
                      &problems) == 0 &&
        schema_decode(&chain_config_schema, root, "", arena, &record, &problems) == 0) {
        struct chain_config *config = record;
        config->base_dir = wanted->base_dir;
        set = inspectors_load(config, loop, log, &problems);
    }
    if (!set)
        problems_first(&problems, ERROR_INVALID, err);
    problems_free(&problems);
    arena_free(arena);
    return set;
}

/* ---- what they say, counted ---- */

struct report {
    struct sandbox_inspected_item items[INSPECTORS_MAX];
    size_t n;
};

static void add(void *ctx, const char *voter, uint64_t requests, uint64_t denials, uint64_t errors)
{
    struct report *report = ctx;
    if (report->n < INSPECTORS_MAX)
        report->items[report->n++] =
            (struct sandbox_inspected_item){voter, requests, denials, errors};
}

static void report(struct held_inspectors *held)
{
    struct report all = {.n = 0};
    if (!held->set || !held->tell(held->ctx, NULL))
        return;
    inspectors_count(held->set, add, &all);
    if (all.n)
        held->tell(held->ctx, &(struct sandbox_inspected){all.items, all.n});
}

static void on_timer(uv_timer_t *timer)
{
    report(timer->data);
}

static void begin_reports(struct held_inspectors *held, uv_loop_t *loop)
{
    if (held->reports)
        return;
    held->reports = true;
    uv_timer_init(loop, &held->timer);
    held->timer.data = held;
    uv_timer_start(&held->timer, on_timer, INSPECTORS_REPORT_MS, INSPECTORS_REPORT_MS);
}

static void put_to_work(struct held_inspectors *held, struct inspectors *set,
                        struct network *network)
{
    struct inspectors *old = held->set;
    report(held);
    held->set = set;
    if (network)
        sandbox_network_set_inspectors(network, set, set ? NULL : held->error);
    inspectors_unref(old);
}

static void fail(struct held_inspectors *held, const struct error *err, const struct log *log,
                 struct network *network)
{
    held->error = alloc_printf("%s: %s", held->set
                                   ? "the voters on requests cannot be loaded, those from before "
                                     "stay"
                                   : "the voters on requests cannot be loaded, so no request "
                                     "passes",
                               err->text);
    log_error(log, "%s", held->error);
    if (!held->set)
        put_to_work(held, NULL, network);
}

void sandbox_inspectors_use(struct held_inspectors *held, const struct sandbox_inspectors *wanted,
                            uv_loop_t *loop, const struct log *log, struct network *network)
{
    struct error err;
    bool same = held->digest && strcmp(held->digest, wanted->digest) == 0;
    if (same && !held->error)
        return;
    if (!held->digest && !*wanted->digest)
        return;
    free(held->digest);
    free(held->error);
    held->digest = alloc_str(wanted->digest);
    held->error = NULL;
    struct inspectors *set = *wanted->digest ? load(wanted, loop, log, &err) : NULL;
    if (set)
        begin_reports(held, loop);
    if (*wanted->digest && !set)
        fail(held, &err, log, network);
    else
        put_to_work(held, set, network);
}

void sandbox_inspectors_close(struct held_inspectors *held, struct network *network)
{
    free(held->error);
    held->error = NULL;
    put_to_work(held, NULL, network);
    if (held->reports)
        uv_close((uv_handle_t *)&held->timer, NULL);
    free(held->digest);
    held->digest = NULL;
}
