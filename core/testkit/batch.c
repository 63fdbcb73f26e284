/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/batch.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/printable.h"
#include "testkit/worker.h"
#include "update/update.h"

static json_t *code_names(const struct sluice_code *codes)
{
    json_t *list = json_array();
    for (; codes && codes->code; codes++)
        json_array_append_new(list, json_string(codes->code));
    return list;
}

static json_t *option_names(const struct sluice_option *options)
{
    json_t *list = json_array();
    for (; options && options->name; options++)
        json_array_append_new(list, json_string(options->name));
    return list;
}

static json_t *describe(struct chain *chain)
{
    json_t *list = json_array();
    for (size_t i = 0; i < chain_size(chain); i++) {
        struct chain_voter_info v;
        chain_describe(chain, i, &v);
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:s?}", "name", v.name, "path",
                                              v.path, "codes", code_names(v.codes), "options",
                                              option_names(v.options), "configured", v.configured));
    }
    return list;
}

static const char *find_death(const struct chain_votes *votes)
{
    for (size_t i = 0; i < votes->n; i++)
        if (votes->items[i].died)
            return votes->items[i].message;
    return NULL;
}

/* What a ballot changes of a request: headers by name, null where one is removed, and the body. */
static void add_changes(json_t *vote, const struct chain_vote *from)
{
    json_t *headers = json_object();
    for (size_t i = 0; i < from->n_changes; i++) {
        const struct inspect_change *change = &from->changes[i];
        struct buf shown = {0};
        if (change->value)
            printable_escape(&shown, change->value, change->len, "\n\t");
        json_t *value = change->value ? json_string(buf_str(&shown)) : json_null();
        if (change->header)
            json_object_set_new(headers, change->header, value);
        else
            json_object_set_new(vote, "body", value);
        buf_free(&shown);
    }
    json_object_set_new(vote, "headers", headers);
}

static json_t *votes_json(const struct chain_votes *votes)
{
    json_t *list = update_votes_json(votes);
    for (size_t i = 0; i < votes->n; i++)
        if (votes->items[i].n_changes)
            add_changes(json_array_get(list, i), &votes->items[i]);
    return list;
}

static json_t *ask(struct chain *chain, const struct test *test)
{
    struct arena *arena = arena_new();
    struct chain_votes votes;
    struct chain_tally tally = {.outcome = CHAIN_DENIED};
    const struct sluice_transition *transition = stage_transition(test, arena);
    uint64_t start = clock_mono_ns();
    stage_ask(chain, test, transition, arena, &votes);
    if (transition)
        chain_tally(&votes, test->item->override, arena, &tally);
    else
        tally.outcome = chain_tally_request(&votes);
    uint64_t us = (clock_mono_ns() - start) / 1000;
    json_t *answer = json_pack("{s:o, s:s, s:I}", "votes", votes_json(&votes), "outcome",
                               chain_outcome_word(tally.outcome), "us", (json_int_t)us);
    const char *death = find_death(&votes);
    if (death)
        json_object_set_new(answer, "died", json_string(death));
    arena_free(arena);
    return answer;
}

/* A load error is expected of a file that is still to be loaded, and asks nothing.  After a death
 * the chain would wait before it starts the voter again. */
static void run_tests(int to, struct chain *chain, const struct batch *batch)
{
    bool alive = true;
    for (size_t i = 0; i < batch->n && alive; i++) {
        bool asks = !*batch->tests[i].item->expect->load_error;
        json_t *answer = asks ? ask(chain, &batch->tests[i])
                              : json_pack("{s:[], s:s, s:i}", "votes", "outcome", "", "us", 0);
        alive = !json_object_get(answer, "died");
        worker_say(to, answer);
    }
}

static json_t *voter_lines(struct chain *chain, size_t i, struct arena *arena)
{
    struct chain_line *lines;
    size_t n = chain_lines(chain, i, arena, &lines);
    json_t *json = json_object();
    for (size_t k = 0; k < n; k++)
        json_object_set_new(json, arena_printf(arena, "%u", lines[k].number),
                            json_boolean(lines[k].ran));
    return json;
}

static json_t *all_lines(struct chain *chain, struct arena *arena)
{
    json_t *list = json_array();
    for (size_t i = 0; i < chain_size(chain); i++)
        json_array_append_new(list, voter_lines(chain, i, arena));
    return list;
}

static void run_chain(int to, struct chain *chain, const struct batch *batch, struct arena *arena)
{
    if (batch->cover)
        chain_cover(chain);
    worker_say(to, json_pack("{s:o}", "loaded", describe(chain)));
    run_tests(to, chain, batch);
    if (batch->cover)
        worker_say(to, json_pack("{s:o}", "lines", all_lines(chain, arena)));
    chain_unref(chain);
}

void batch_run(int to, void *arg)
{
    const struct batch *batch = arg;
    const struct log log = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = "sluice"};
    struct arena *arena = arena_new();
    const char *why;
    struct chain *chain = stage_load(&batch->tests[0], batch->settings, &log, arena, &why);
    if (chain)
        run_chain(to, chain, batch, arena);
    else
        worker_say(to, json_pack("{s:s}", "refused", why));
    arena_free(arena);
    worker_say(to, json_pack("{s:b}", "closed", 1));
}
