/* SPDX-License-Identifier: Apache-2.0 */
/* Answers what the voters would say to a change.  The questions of one sandbox are answered one
 * after another, beside its updates; a supervisor that asks too much gets no answer. */
#include <stdlib.h>

#include "base/alloc.h"
#include "runtime/sandbox.h"

enum { WAITING_MAX = 256 };                         /* questions of one sandbox */

struct question {
    struct runtime *all;
    char *id, *name;                                /* of the sandbox */
    struct arena *arena;
    struct sandbox_forecast forecast;               /* in the arena */
};

static void answer(void *arg)
{
    struct question *q = arg;
    struct error err;
    q->forecast.outcome =
        drafts_forecast(q->all->setup.drafts, q->name, q->forecast.operations, q->arena, &err);
    if (!q->forecast.outcome)
        log_debug(q->all->setup.log, "no forecast for sandbox %s: %s", q->name, err.text);
}

/* Without an outcome, an empty one: the request need not wait any longer. */
static void answered(void *arg)
{
    struct question *q = arg;
    struct sandbox *s = sandbox_find(q->all, q->id);
    struct sandbox_message message = {.type = MESSAGE_OUTCOME, .forecast = q->forecast};
    if (!message.forecast.outcome)
        message.forecast.outcome = "";
    if (s) {
        s->n_forecasts--;
        if (s->link)
            sandbox_send(s, &message);
    }
    arena_free(q->arena);
    free(q->id);
    free(q->name);
    free(q);
}

void sandbox_forecast(struct sandbox *s, const struct sandbox_forecast *question,
                      struct arena *arena)
{
    if (s->n_forecasts >= WAITING_MAX) {
        arena_free(arena);
        return;
    }
    struct question *q = alloc_zero(1, sizeof *q);
    char *key = alloc_printf("forecast %s", s->id);
    *q = (struct question){.all = s->all, .id = alloc_str(s->id), .name = alloc_str(s->name),
                           .arena = arena, .forecast = *question};
    s->n_forecasts++;
    jobs_run(s->all->setup.jobs, key, answer, answered, q);
    free(key);
}
