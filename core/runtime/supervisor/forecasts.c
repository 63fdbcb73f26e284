/* SPDX-License-Identifier: Apache-2.0 */
/* Answers what the voters would say to a change.  Voters may be slow, and sandboxes may ask a lot.
 * So the questions of all sandboxes share a few queues, in which they are answered one after
 * another, beside updates.  Nobody waits any longer for the answer to one that waited there for
 * EGRESS_FORECAST_MS. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "egress/proxy.h"
#include "runtime/sandbox.h"

enum {
    WAITING_MAX = 256,                              /* questions of one sandbox */
    QUEUES = 8,                                     /* of 64 workers */
};

struct question {
    struct runtime *all;
    char *id, *name;                                /* of the sandbox */
    uint64_t asked_ns;
    struct arena *arena;
    struct sandbox_forecast forecast;               /* in the arena */
};

static void answer(void *arg)
{
    struct question *q = arg;
    struct error err;
    if (clock_mono_ns() - q->asked_ns > EGRESS_FORECAST_MS * 1000000ull)
        return;
    q->forecast.outcome =
        drafts_forecast(q->all->setup.drafts, q->name, q->forecast.operations, q->arena, &err);
    if (!q->forecast.outcome)
        log_debug(q->all->setup.log, "no forecast for sandbox %s: %s", q->name, err.text);
}

/* Without an outcome, an empty one: the request need not wait any longer. */
static void tell(struct sandbox *s, const struct sandbox_forecast *forecast)
{
    struct sandbox_message message = {.type = MESSAGE_OUTCOME, .forecast = *forecast};
    if (!message.forecast.outcome)
        message.forecast.outcome = "";
    if (s->link)
        sandbox_send(s, &message);
}

static void answered(void *arg)
{
    struct question *q = arg;
    struct sandbox *s = sandbox_find(q->all, q->id);
    if (s) {
        s->n_forecasts--;
        tell(s, &q->forecast);
    }
    arena_free(q->arena);
    free(q->id);
    free(q->name);
    free(q);
}

char *sandbox_queue(const struct sandbox *s, const char *what)
{
    unsigned sum = 0;
    for (const char *id = s->id; *id; id++)
        sum += (unsigned char)*id;
    return alloc_printf("%s %u", what, sum % QUEUES);
}

void sandbox_forecast(struct sandbox *s, const struct sandbox_forecast *question,
                      struct arena *arena)
{
    if (s->n_forecasts >= WAITING_MAX) {
        tell(s, &(struct sandbox_forecast){.id = question->id});
        arena_free(arena);
        return;
    }
    struct question *q = alloc_zero(1, sizeof *q);
    char *key = sandbox_queue(s, "forecast");
    *q = (struct question){.all = s->all, .id = alloc_str(s->id), .name = alloc_str(s->name),
                           .asked_ns = clock_mono_ns(), .arena = arena, .forecast = *question};
    s->n_forecasts++;
    jobs_run(s->all->setup.jobs, key, answer, answered, q);
    free(key);
}
