/* SPDX-License-Identifier: Apache-2.0 */
/* Voters with the options of a middleware, opened by the first request that needs them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "chain/inspect/set.h"

enum { INSTANCES_MAX = 32 };

struct waiter {
    struct waiter *next;
    inspectors_opened *opened;
    void *arg;
};

struct instance {
    struct instance *next;
    struct inspectors *set;
    const struct voter *of;                         /* the voter of the chain */
    char *options;
    struct lot *lot;                                /* NULL: it is being opened, or has failed */
    char *why;                                      /* "" unless it failed */
    bool opening;
    bool telling;                                   /* its waiters are told: it stays */
    struct waiter *waiters;
    uv_work_t work;
};

static void free_instance(struct instance *instance)
{
    if (instance->lot)
        lot_close(instance->lot);
    free(instance->options);
    free(instance->why);
    free(instance);
}

static struct instance *find(struct inspectors *set, const struct voter *of, const char *options)
{
    struct instance **at = &set->instances, *found;
    while (*at && ((*at)->of != of || strcmp((*at)->options, options) != 0))
        at = &(*at)->next;
    found = *at;
    if (!found)
        return NULL;
    *at = found->next;
    found->next = set->instances;
    set->instances = found;
    return found;
}

/* ---- opening ---- */

static void open_lot(uv_work_t *work)
{
    struct instance *instance = work->data;
    struct inspectors *set = instance->set;
    const struct voter *of = instance->of;
    struct problems problems = {0};
    struct chain_voter_config voter = *set->config.voters[of->place];
    const struct chain_voter_config *const voters[] = {&voter};
    struct chain_config config = set->config;
    voter.options_json = instance->options;
    voter.sha256 = voter.n_command ? voter.sha256 : of->sha256;
    voter.doc_path = "config";
    config.voters = voters;
    config.n_voters = 1;
    instance->lot = lot_open(set, &config, &problems);
    if (problems.n)
        instance->why = alloc_str(problems.items[0].message);
    problems_free(&problems);
}

/* One that is told may open others, and have further waiters forgotten. */
static void tell_waiters(struct instance *instance)
{
    struct inspector *inspector = instance->lot ? &instance->lot->items[0] : NULL;
    instance->telling = true;
    while (instance->waiters) {
        struct waiter *waiter = instance->waiters;
        instance->waiters = waiter->next;
        if (waiter->opened)
            waiter->opened(waiter->arg, inspector, instance->why);
        free(waiter);
    }
    instance->telling = false;
}

static void on_opened(uv_work_t *work, int status)
{
    struct instance *instance = work->data;
    struct inspectors *set = instance->set;
    (void)status;
    instance->opening = false;
    set->lots += instance->lot != NULL;
    tell_waiters(instance);
    inspectors_unref(set);
}

/* The one that was used least recently and is not in use. */
static bool make_room(struct inspectors *set)
{
    struct instance **unused = NULL;
    for (struct instance **at = &set->instances; *at; at = &(*at)->next) {
        const struct questions *questions =
            (*at)->lot ? (*at)->lot->items[0].questions : NULL;
        if (!(*at)->opening && !(*at)->telling && (!questions || questions_idle(questions)))
            unused = at;
    }
    if (!unused)
        return false;
    struct instance *out = *unused;
    *unused = out->next;
    set->n_instances--;
    free_instance(out);
    return true;
}

static struct instance *begin_opening(struct inspectors *set, const struct voter *of,
                                      const char *options)
{
    if (set->n_instances == INSTANCES_MAX && !make_room(set))
        return NULL;
    struct instance *instance = alloc_zero(1, sizeof *instance);
    *instance = (struct instance){.next = set->instances, .set = inspectors_ref(set), .of = of,
                                  .options = alloc_str(options), .opening = true};
    set->instances = instance;
    set->n_instances++;
    instance->work.data = instance;
    uv_queue_work(set->loop, &instance->work, open_lot, on_opened);
    return instance;
}

static void await(struct instance *instance, inspectors_opened *opened, void *arg)
{
    struct waiter **at = &instance->waiters;
    while (*at)
        at = &(*at)->next;
    *at = alloc_zero(1, sizeof **at);
    **at = (struct waiter){.opened = opened, .arg = arg};
}

enum inspectors_found inspectors_find(struct inspectors *set,
                                      const struct inspect_middleware *middleware,
                                      struct arena *arena, inspectors_opened *opened, void *arg,
                                      struct inspector **out, const char **why)
{
    *out = inspectors_named(set, middleware->voter);
    *why = "no voter of the chain has this name and looks at requests: load one";
    if (!*out)
        return INSPECTORS_NONE;
    const char *options = middleware->config_json;
    if (!options || !*options || strcmp(options, "{}") == 0)
        return INSPECTORS_FOUND;
    struct instance *instance = find(set, (*out)->voter, options);
    if (!instance)
        instance = begin_opening(set, (*out)->voter, options);
    *why = "too many middlewares with options of their own are in use";
    if (!instance)
        return INSPECTORS_NONE;
    if (instance->opening) {
        await(instance, opened, arg);
        return INSPECTORS_OPENING;
    }
    *out = instance->lot ? &instance->lot->items[0] : NULL;
    *why = instance->lot ? "" : arena_str(arena, instance->why);
    return *out ? INSPECTORS_FOUND : INSPECTORS_NONE;
}

void inspectors_forget(struct inspectors *set, void *arg)
{
    for (struct instance *at = set->instances; at; at = at->next)
        for (struct waiter *waiter = at->waiters; waiter; waiter = waiter->next)
            if (waiter->arg == arg)
                waiter->opened = NULL;
}

void instances_close(struct inspectors *set)
{
    while (set->instances) {
        struct instance *instance = set->instances;
        set->instances = instance->next;
        free_instance(instance);
    }
}
