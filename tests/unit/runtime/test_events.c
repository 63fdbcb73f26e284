/* SPDX-License-Identifier: Apache-2.0 */
/* Events: every one to every subscriber in order, remembered for those who were away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/events.h"
#include "runtime/jobs.h"
#include "base/alloc.h"
#include "store/store.h"

struct hall {
    uv_loop_t loop;
    uv_async_t awake; /* a loop with nothing to wait for does not turn */
    struct events *events;
};

struct ear {
    struct hall *hall;
    struct events_subscriber *subscriber;
    size_t heard;
    uint64_t last_id, first_id;
    bool disordered;
    char types[256], json[256];
    struct ear *silence; /* unsubscribes this one when it hears something */
    struct ear *bring;                              /* subscribes this one */
};

static int setup(void **state)
{
    struct hall *h = alloc_zero(1, sizeof *h);
    uv_loop_init(&h->loop);
    uv_async_init(&h->loop, &h->awake, NULL);
    h->events = events_new(&h->loop);
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    struct hall *h = *state;
    events_close(h->events);
    uv_close((uv_handle_t *)&h->awake, NULL);
    uv_run(&h->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&h->loop), 0);
    free(h);
    return 0;
}

static void listen_in(void *ctx, const struct event *event);

static struct ear *ear(struct hall *h, const char *sandbox)
{
    struct ear *e = alloc_zero(1, sizeof *e);
    e->hall = h;
    e->subscriber = events_subscribe(h->events, sandbox, listen_in, e);
    return e;
}

static void silence(struct ear *e)
{
    events_unsubscribe(e->hall->events, e->subscriber);
    e->subscriber = NULL;
}

static void listen_in(void *ctx, const struct event *event)
{
    struct ear *e = ctx;
    size_t used = strlen(e->types);
    snprintf(e->types + used, sizeof e->types - used, "%s ", event->type);
    snprintf(e->json, sizeof e->json, "%s", event->json);
    e->disordered |= event->id <= e->last_id;
    e->first_id = e->heard++ ? e->first_id : event->id;
    e->last_id = event->id;
    if (e->silence && e->silence->subscriber)
        silence(e->silence);
    if (e->bring && !e->bring->subscriber)
        e->bring->subscriber = events_subscribe(e->hall->events, NULL, listen_in, e->bring);
}

static void deliver(struct hall *h)
{
    uv_run(&h->loop, UV_RUN_NOWAIT);
    uv_run(&h->loop, UV_RUN_NOWAIT);
}

static void say(struct hall *h, const char *type, const char *sandbox)
{
    events_publish(h->events, type, sandbox, json_pack("{s:s}", "what", type));
}

static void subscribers_hear_what_concerns_them(void **state)
{
    struct hall *h = *state;
    struct ear *all = ear(h, NULL), *demo = ear(h, "demo");
    say(h, "one", "demo");
    say(h, "two", "other");
    say(h, "three", "");
    assert_int_equal(all->heard, 0);                /* nothing is delivered from inside a call */
    deliver(h);
    assert_string_equal(all->types, "one two three ");
    assert_string_equal(demo->types, "one ");
    assert_false(all->disordered);
    assert_non_null(strstr(demo->json, "{\"what\":\"one\",\"sandbox\":\"demo\",\"at\":\"2"));
    silence(all);
    say(h, "four", "demo");
    deliver(h);
    assert_string_equal(all->types, "one two three ");
    assert_string_equal(demo->types, "one four ");
    silence(demo);
    free(all);
    free(demo);
}

static void whoever_was_away_is_told_what_was_missed(void **state)
{
    struct hall *h = *state;
    struct ear *all = ear(h, NULL);
    struct ear late = {.hall = h}, fresh = {.hall = h}, demo = {.hall = h};
    say(h, "one", "demo");
    say(h, "two", "other");
    say(h, "three", "demo");
    deliver(h);
    assert_true(events_replay(h->events, all->first_id, NULL, listen_in, &late));
    assert_string_equal(late.types, "two three ");
    assert_true(events_replay(h->events, all->first_id, "demo", listen_in, &demo));
    assert_string_equal(demo.types, "three ");
    assert_true(events_replay(h->events, all->last_id, NULL, listen_in, &fresh));
    assert_int_equal(fresh.heard, 0);
    silence(all);
    free(all);
}

static void a_gap_is_told(void **state)
{
    struct hall *h = *state;
    struct ear *all = ear(h, NULL);
    struct ear late = {.hall = h}, just = {.hall = h};
    for (int i = 0; i < EVENTS_KEPT + 10; i++)
        say(h, "tick", "demo");
    deliver(h);
    assert_int_equal(all->heard, EVENTS_KEPT + 10);
    assert_false(events_replay(h->events, all->first_id, NULL, listen_in, &late));
    assert_int_equal(late.heard, EVENTS_KEPT);      /* all that is kept, oldest first */
    assert_false(late.disordered);
    assert_int_equal(late.last_id, all->last_id);
    assert_true(events_replay(h->events, all->last_id - EVENTS_KEPT, NULL, listen_in, &just));
    assert_int_equal(just.heard, EVENTS_KEPT);
    silence(all);
    free(all);
}

/* Numbers of another life of the gateway, older or, by a clock that was set back, newer. */
static void a_number_of_another_life_is_a_gap(void **state)
{
    struct hall *h = *state;
    struct ear e = {.hall = h};
    static const uint64_t others[] = {0, 5, UINT64_MAX - 1, UINT64_MAX};
    say(h, "one", "demo");
    deliver(h);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(events_replay(h->events, others[i], NULL, listen_in, &e));
        assert_int_equal(e.heard, i + 1);
    }
}

static void nobody_hears_after_unsubscribing_during_a_delivery(void **state)
{
    struct hall *h = *state;
    struct ear *a = ear(h, NULL), *b = ear(h, NULL), *c = ear(h, NULL);
    b->silence = b;                                 /* itself, in the middle of the list */
    c->silence = a;                                 /* one that is still to hear the same event */
    say(h, "one", "demo");
    say(h, "two", "demo");
    deliver(h);
    assert_int_equal(c->heard, 2);
    assert_int_equal(b->heard, 1);
    assert_int_equal(a->heard, 0);
    silence(c);
    free(a);
    free(b);
    free(c);
}

static void whoever_subscribes_during_a_delivery_hears_from_the_next_on(void **state)
{
    struct hall *h = *state;
    struct ear *a = ear(h, NULL), newcomer = {.hall = h};
    a->bring = &newcomer;
    say(h, "one", "demo");
    say(h, "two", "demo");
    deliver(h);
    assert_string_equal(a->types, "one two ");
    assert_string_equal(newcomer.types, "two ");
    silence(&newcomer);
    silence(a);
    free(a);
}

/* What a workload causes takes no place of what the gateway has to say. */
static void a_flood_of_denials_leaves_the_rest(void **state)
{
    struct hall *h = *state;
    struct ear *all = ear(h, NULL);
    struct ear late = {.hall = h};
    say(h, "decision", "demo");
    for (int i = 0; i < 3 * EVENTS_KEPT; i++)
        say(h, i % 2 ? "denial" : "held", "demo");
    deliver(h);
    assert_false(events_replay(h->events, all->first_id, NULL, listen_in, &late));
    assert_int_equal(late.heard, EVENTS_KEPT + 1);
    assert_memory_equal(late.types, "decision ", 9);
    assert_false(late.disordered);
    silence(all);
    free(all);
}

/* ---- in a store ---- */

struct home {
    char folder[64], url[96];
    struct store *store;
    struct jobs *jobs;
};

static void remove_folder(const char *folder)
{
    static const char *const names[] = {"db", "db-wal", "db-shm"};
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void move_in(struct hall *h, struct home *home)
{
    struct error err;
    home->store = store_open(home->url, NULL, &err);
    home->jobs = jobs_new(&h->loop);
    assert_non_null(home->store);
    assert_int_equal(events_keep(h->events, home->store, home->jobs, NULL, &err), 0);
}

static void move_out(struct hall *h, struct home *home)
{
    events_finish(h->events);
    store_close(home->store);
    jobs_free(home->jobs);
}

/* The same gateway's next life. */
static void begin_anew(struct hall *h, struct home *home)
{
    move_out(h, home);
    events_close(h->events);
    uv_run(&h->loop, UV_RUN_NOWAIT);
    h->events = events_new(&h->loop);
    move_in(h, home);
}

static void say_and_wait(struct hall *h, struct home *home, const char *type)
{
    say(h, type, "demo");
    do
        uv_run(&h->loop, UV_RUN_ONCE);
    while (!jobs_idle(home->jobs));
}

static void events_outlive_the_gateway(void **state)
{
    struct hall *h = *state;
    struct home home = {.folder = "/tmp/sluice-events-XXXXXX"};
    struct ear durable = {.hall = h}, late = {.hall = h};
    assert_non_null(mkdtemp(home.folder));
    snprintf(home.url, sizeof home.url, "sqlite:%s/db", home.folder);
    move_in(h, &home);
    durable.subscriber = events_subscribe_durable(h->events, NULL, listen_in, &durable);
    say_and_wait(h, &home, "one");
    assert_string_equal(durable.types, "one ");
    uint64_t seen = durable.last_id;
    say_and_wait(h, &home, "two");
    say(h, "three", "demo");                        /* on its way when the gateway ends */
    silence(&durable);
    begin_anew(h, &home);
    say_and_wait(h, &home, "four");
    assert_true(events_replay(h->events, seen, NULL, listen_in, &late));
    assert_string_equal(late.types, "two three four ");
    assert_false(late.disordered);
    move_out(h, &home);
    remove_folder(home.folder);
}

enum { PUBLISHERS = 8, EACH = 500 };

static void *publish_many(void *arg)
{
    for (int i = 0; i < EACH; i++)
        say(arg, "tick", "demo");
    return NULL;
}

static void many_threads_may_publish(void **state)
{
    struct hall *h = *state;
    struct ear *all = ear(h, NULL);
    pthread_t threads[PUBLISHERS];
    for (int i = 0; i < PUBLISHERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, publish_many, h), 0);
    for (int i = 0; i < PUBLISHERS; i++)
        pthread_join(threads[i], NULL);
    deliver(h);
    assert_int_equal(all->heard, PUBLISHERS * EACH);
    assert_false(all->disordered);
    assert_int_equal(all->last_id - all->first_id, PUBLISHERS * EACH - 1);
    silence(all);
    free(all);
}

/* What was published and never delivered, and who never unsubscribed, goes with it. */
static void closing_leaves_nothing_behind(void **state)
{
    struct hall *h = *state;
    struct ear *all = ear(h, "demo");
    say(h, "one", "demo");
    free(all);
    events_close(h->events);
    h->events = NULL;                               /* events_close(NULL) is fine */
}

/* Gateway 3 of several hears an event of another one before and after its own. */
static void events_of_several_gateways_stand_in_the_order_of_their_numbers(void **state)
{
    struct hall *h = *state;
    struct ear *all = ear(h, NULL), again = {.hall = h};
    events_share(h->events, 3);
    say(h, "one", "demo");
    deliver(h);
    uint64_t one = all->last_id;
    assert_int_equal(one % 64, 3);
    events_receive(h->events, one + 640001, "ahead", "demo", "{}");
    assert_int_equal(all->last_id, one + 640001);   /* at once */
    say(h, "two", "demo");
    deliver(h);
    assert_true(all->last_id > one + 640001 && all->last_id % 64 == 3);
    events_receive(h->events, one + 1, "late", "demo", "{}");
    assert_string_equal(all->types, "one ahead two late ");
    assert_true(events_replay(h->events, one, NULL, listen_in, &again));
    assert_string_equal(again.types, "late ahead two ");
    assert_false(again.disordered);
    silence(all);
    free(all);
}

#define EVENTS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVENTS_TEST(subscribers_hear_what_concerns_them),
        EVENTS_TEST(whoever_was_away_is_told_what_was_missed),
        EVENTS_TEST(a_gap_is_told),
        EVENTS_TEST(a_number_of_another_life_is_a_gap),
        EVENTS_TEST(nobody_hears_after_unsubscribing_during_a_delivery),
        EVENTS_TEST(whoever_subscribes_during_a_delivery_hears_from_the_next_on),
        EVENTS_TEST(a_flood_of_denials_leaves_the_rest),
        EVENTS_TEST(events_outlive_the_gateway),
        EVENTS_TEST(many_threads_may_publish),
        EVENTS_TEST(events_of_several_gateways_stand_in_the_order_of_their_numbers),
        EVENTS_TEST(closing_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
