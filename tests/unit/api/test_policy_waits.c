/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that wait until a revision is loaded. */
#include "support/api_policy.h"

#define SECOND "/v1/sandboxes/demo/revisions/2"

struct load {
    char id[UUID_SIZE];
    bool failed;
};

static int write_load(struct store_tx *tx, void *arg, struct error *err)
{
    struct load *l = arg;
    return l->failed ? store_tx_revision_failed(tx, l->id, 2, "the proxy cannot", err)
                     : store_tx_revision_loaded(tx, l->id, 2, clock_now_ms(), err);
}

/* The sandbox enforces revision 2, or cannot; told says whether an event follows. */
static void load(struct api_fixture *d, bool failed, bool told)
{
    struct load l = {.failed = failed};
    struct store_sandbox box;
    assert_int_equal(store_sandbox_get(d->api.store, "demo", d->g.arena, &box, &d->err), 0);
    snprintf(l.id, sizeof l.id, "%s", box.id);
    assert_int_equal(store_write(d->api.store, write_load, &l, &d->err), 0);
    if (told)
        events_publish(d->api.events, "revision", "demo", json_object());
}

/* Turns the loop until everything that was sent has come to where it waits. */
static void settle(struct api_fixture *d)
{
    struct answer *other = begin_ask(d, (struct ask){.method = "GET", .path = SECOND});
    RUN_UNTIL(d, other->done);
    RUN_UNTIL(d, jobs_idle(d->api.jobs));
}

static void a_wait_ends_when_the_revision_is_loaded(void **state)
{
    struct api_fixture *d = *state;
    put_first_rule(d);
    struct answer *a = begin_ask(d, (struct ask){.method = "GET", .path = SECOND "?wait_ms=20000"});
    settle(d);
    events_publish(d->api.events, "revision", "other", json_object());
    events_publish(d->api.events, "decision", "demo", json_object());
    settle(d);
    assert_false(a->done);
    load(d, false, true);
    RUN_UNTIL(d, a->done);
    assert_status(a, 200);
    assert_string_equal(text_of(a, "status"), "loaded");
    assert_int_equal(number_of(a, "loaded_revision"), 2);
    assert_false(json_is_null(json_object_get(a->json, "loaded_at")));
}

static void a_wait_ends_when_the_revision_failed(void **state)
{
    struct api_fixture *d = *state;
    put_first_rule(d);
    struct answer *a = begin_ask(d, (struct ask){.method = "GET", .path = SECOND "?wait_ms=20000"});
    settle(d);
    load(d, true, true);
    RUN_UNTIL(d, a->done);
    assert_string_equal(text_of(a, "status"), "failed");
    assert_string_equal(text_of(a, "error"), "the proxy cannot");
}

static void a_wait_that_is_over_tells_what_is(void **state)
{
    struct api_fixture *d = *state;
    put_first_rule(d);
    struct answer a = ASK(d, "GET", SECOND "?wait_ms=1");
    assert_status(&a, 200);
    assert_string_equal(text_of(&a, "status"), "pending");
    load(d, false, false);
    a = ASK(d, "GET", SECOND "?wait_ms=20000");      /* nobody tells, but nobody needs to */
    assert_string_equal(text_of(&a, "status"), "loaded");
}

static void a_gateway_that_stops_ends_every_wait(void **state)
{
    struct api_fixture *d = *state;
    put_first_rule(d);
    struct answer *a =
        begin_ask(d, (struct ask){.method = "GET", .path = SECOND "?wait_ms=3600000"});
    settle(d);
    d->api.draining = true;
    events_publish(d->api.events, "draining", "", json_object());
    RUN_UNTIL(d, a->done);
    assert_string_equal(text_of(a, "status"), "pending");
    struct answer late = ASK(d, "GET", SECOND "?wait_ms=3600000");
    assert_string_equal(text_of(&late, "status"), "pending");
}

static void count_timer(uv_handle_t *handle, void *n)
{
    *(int *)n += handle->type == UV_TIMER && uv_is_active(handle);
}

static int active_timers(struct api_fixture *d)
{
    int n = 0;
    uv_walk(&d->g.loop, count_timer, &n);
    return n;
}

/* Nothing of the wait is left: neither its timer nor, as the sanitizer sees, its memory. */
static void a_client_that_hangs_up_is_forgotten(void **state)
{
    struct api_fixture *d = *state;
    put_first_rule(d);
    settle(d);                                      /* the timers of its connection end */
    int before = active_timers(d);
    struct answer *a = begin_ask(d, (struct ask){.method = "GET", .path = SECOND "?wait_ms=20000"});
    settle(d);
    assert_true(active_timers(d) > before);
    http_client_cancel(a->call);
    RUN_UNTIL(d, http_server_stats(d->api.server).requests_running == 0);
    RUN_UNTIL(d, active_timers(d) <= before);
    assert_false(a->done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEMO_TEST(a_wait_ends_when_the_revision_is_loaded),
        DEMO_TEST(a_wait_ends_when_the_revision_failed),
        DEMO_TEST(a_wait_that_is_over_tells_what_is),
        DEMO_TEST(a_gateway_that_stops_ends_every_wait),
        DEMO_TEST(a_client_that_hangs_up_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
