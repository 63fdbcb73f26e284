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

static void add(void *ctx, const char *voter, const struct inspect_counts *counts)
{
    struct report *report = ctx;
    if (report->n < INSPECTORS_MAX)
        report->items[report->n++] = (struct sandbox_inspected_item){voter, *counts};
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

/* ---- loading ---- */

/* Reading files, digesting them and starting processes takes time: a worker does it. */
struct inspectors_load {
    uv_work_t work;
    struct held_inspectors *held;
    struct sandbox_inspectors wanted;               /* owns its texts */
    uv_loop_t *loop;
    const struct log *log;
    struct network *network;
    struct inspectors *set;                         /* NULL: err */
    struct error err;
};

static struct inspectors_load *load_new(struct held_inspectors *held,
                                        const struct sandbox_inspectors *wanted, uv_loop_t *loop,
                                        const struct log *log, struct network *network)
{
    struct inspectors_load *job = alloc_zero(1, sizeof *job);
    *job = (struct inspectors_load){.held = held, .loop = loop, .log = log, .network = network};
    job->wanted = (struct sandbox_inspectors){.digest = alloc_str(wanted->digest),
                                              .base_dir = alloc_str(wanted->base_dir),
                                              .config = alloc_str(wanted->config)};
    job->work.data = job;
    return job;
}

static void load_free(struct inspectors_load *job)
{
    if (!job)
        return;
    free((char *)job->wanted.digest);
    free((char *)job->wanted.base_dir);
    free((char *)job->wanted.config);
    free(job);
}

static void load_work(uv_work_t *work)
{
    struct inspectors_load *job = work->data;
    if (*job->wanted.digest)
        job->set = load(&job->wanted, job->loop, job->log, &job->err);
}

static void take(struct held_inspectors *held, const struct inspectors_load *job)
{
    if (job->set)
        begin_reports(held, job->loop);
    if (!job->set && *job->wanted.digest)
        fail(held, &job->err, job->log, job->network);
    else
        put_to_work(held, job->set, job->network);
}

static void on_loaded(uv_work_t *work, int status)
{
    struct inspectors_load *job = work->data, *next = job->held->next;
    struct held_inspectors *held = job->held;
    (void)status;
    held->loading = false;
    held->next = NULL;
    if (held->closed || next) {
        inspectors_unref(job->set);
    } else {
        take(held, job);
        held->changed(held->ctx);
    }
    if (next && !held->closed) {
        held->loading = true;
        uv_queue_work(next->loop, &next->work, load_work, on_loaded);
    } else {
        load_free(next);
    }
    load_free(job);
}

static void use_none(struct held_inspectors *held, struct network *network)
{
    load_free(held->next);
    held->next = NULL;
    put_to_work(held, NULL, network);
}

/* What is asked for while another set is being loaded is loaded after that one, which is not put
 * to work any more. */
static void begin_loading(struct held_inspectors *held, struct inspectors_load *job)
{
    load_free(held->next);
    held->next = NULL;
    if (held->loading) {
        held->next = job;
        return;
    }
    held->loading = true;
    uv_queue_work(job->loop, &job->work, load_work, on_loaded);
}

bool sandbox_inspectors_use(struct held_inspectors *held, const struct sandbox_inspectors *wanted,
                            uv_loop_t *loop, const struct log *log, struct network *network,
                            bool now)
{
    bool same = held->digest && strcmp(held->digest, wanted->digest) == 0;
    if (same && !held->error)
        return !held->loading;
    if (!held->digest && !*wanted->digest)
        return true;
    free(held->digest);
    free(held->error);
    held->digest = alloc_str(wanted->digest);
    held->error = NULL;
    if (!*wanted->digest && !held->loading) {
        use_none(held, network);
        return true;
    }
    struct inspectors_load *job = load_new(held, wanted, loop, log, network);
    if (!now) {
        begin_loading(held, job);
        return false;
    }
    load_work(&job->work);
    take(held, job);
    load_free(job);
    return true;
}

void sandbox_inspectors_close(struct held_inspectors *held, struct network *network)
{
    held->closed = true;
    free(held->error);
    held->error = NULL;
    put_to_work(held, NULL, network);
    if (held->reports)
        uv_close((uv_handle_t *)&held->timer, NULL);
    free(held->digest);
    held->digest = NULL;
}
