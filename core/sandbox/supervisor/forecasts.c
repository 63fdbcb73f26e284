/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/forecasts.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rate.h"

struct entry {
    char *operations;                               /* NULL: none */
    uint64_t id;
    const char *outcome;                            /* NULL: not known yet */
    uint64_t answered_ms;                           /* of the loop's clock */
};

struct forecast_book {
    uv_loop_t *loop;
    struct entry entries[FORECASTS_MAX];            /* the oldest is the next to be replaced */
    size_t next;
    struct rate rate;                               /* of questions */
    sandbox_forecasts_sender *send;
    void *ctx;
};

struct forecast_book *sandbox_forecasts_new(uv_loop_t *loop, sandbox_forecasts_sender *send,
                                            void *ctx)
{
    struct forecast_book *book = alloc_zero(1, sizeof *book);
    book->loop = loop;
    book->rate = rate_of(FORECASTS_MAX, FORECASTS_PER_SECOND, uv_now(loop));
    book->send = send;
    book->ctx = ctx;
    return book;
}

void sandbox_forecasts_forget(struct forecast_book *book)
{
    for (size_t i = 0; i < FORECASTS_MAX; i++) {
        free(book->entries[i].operations);
        book->entries[i] = (struct entry){0};
    }
}

void sandbox_forecasts_free(struct forecast_book *book)
{
    if (book)
        sandbox_forecasts_forget(book);
    free(book);
}

static const char *find_known(const struct forecast_book *book, const char *operations)
{
    uint64_t now = uv_now(book->loop);
    for (size_t i = 0; i < FORECASTS_MAX; i++) {
        const struct entry *e = &book->entries[i];
        if (e->outcome && now - e->answered_ms < FORECASTS_KEPT_MS &&
            strcmp(e->operations, operations) == 0)
            return e->outcome;
    }
    return NULL;
}

struct egress_forecast sandbox_forecasts_ask(struct forecast_book *book, uint64_t id,
                                             const char *operations)
{
    const struct sandbox_forecast question = {.id = id, .operations = operations};
    const char *known = find_known(book, operations);
    if (known || !rate_spend(&book->rate, 1, uv_now(book->loop)) ||
        !book->send(book->ctx, &question))
        return (struct egress_forecast){.word = known};
    struct entry *e = &book->entries[book->next];
    book->next = (book->next + 1) % FORECASTS_MAX;
    free(e->operations);
    *e = (struct entry){.operations = alloc_str(operations), .id = id};
    return (struct egress_forecast){.later = true};
}

/* A word of our own: what comes from the gateway is written into an answer as it is. */
static const char *word_of(const char *outcome)
{
    static const char *const words[] = {"allowed", "denied", "held"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], outcome) == 0)
            return words[i];
    return NULL;
}

const char *sandbox_forecasts_answered(struct forecast_book *book,
                                       const struct sandbox_forecast *answer)
{
    const char *word = word_of(answer->outcome);
    for (size_t i = 0; i < FORECASTS_MAX; i++) {
        struct entry *e = &book->entries[i];
        if (e->operations && e->id == answer->id) {
            e->outcome = word;
            e->answered_ms = uv_now(book->loop);
        }
    }
    return word;
}
