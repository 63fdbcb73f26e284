/* SPDX-License-Identifier: Apache-2.0 */
/* What other gateways wrote to the store reaches the supervisor, and so does what this one wrote
 * without knowing that it was committed. */
#include "support/runtime.h"

#include "runtime/sandbox.h"

static int commit(struct store_tx *tx, void *arg, struct error *err)
{
    uint64_t number = *(const uint64_t *)arg;
    const struct store_revision revision = {
        .sandbox_id = "s1", .revision = number, .hash = "h", .policy_json = "{\"version\":1}",
        .kind = "replace", .actor = "alice", .identity = "", .origin = "", .reason = "",
        .status = "pending", .error = "", .decision_id = "d", .created_at_ms = 1,
        .grants_json = ""};
    return store_tx_revision_commit(tx, &revision, number - 1, NULL, err);
}

/* As another gateway, or a commit whose answer was lost: nobody pushes. */
static void commit_past_the_runtime(struct house *h, uint64_t number)
{
    if (store_write(h->f->store, commit, &number, &h->f->err) != 0)
        fail_msg("%s", h->f->err.text);
}

static void hear_of(struct house *h, uint64_t number, bool own)
{
    runtime_heard(h->runtime, &(struct store_change){.topic = STORE_TOPIC_POLICY, .own = own,
                                                     .subject = "s1", .part = "",
                                                     .number = number});
}

static void what_another_gateway_committed_is_pushed(void **state)
{
    struct house *h = *state;
    commit_past_the_runtime(h, 2);
    hear_of(h, 2, false);
    assert_int_equal(hear_next(h, MESSAGE_POLICY).revision.revision, 2);
    commit_past_the_runtime(h, 3);
    commit_past_the_runtime(h, 4);
    hear_of(h, 3, false);
    hear_of(h, 4, false);
    assert_int_equal(hear_next(h, MESSAGE_POLICY).revision.revision, 4);
    RUN_UNTIL(h, jobs_idle(h->jobs));
    assert_int_equal(sandbox_find(h->runtime, "s1")->sent_revision, 4);
}

static void what_this_one_committed_unknowingly_is_pushed_a_little_later(void **state)
{
    struct house *h = *state;
    commit_past_the_runtime(h, 2);
    hear_of(h, 2, true);
    assert_true(jobs_idle(h->jobs));                /* a push may be on its way */
    runtime_push_unsent(h->runtime);
    assert_true(jobs_idle(h->jobs));
    runtime_push_unsent(h->runtime);
    assert_int_equal(hear_next(h, MESSAGE_POLICY).revision.revision, 2);
    RUN_UNTIL(h, jobs_idle(h->jobs));
    hear_of(h, 2, true);
    runtime_push_unsent(h->runtime);
    runtime_push_unsent(h->runtime);
    assert_true(jobs_idle(h->jobs));                /* once */
}

static int hold(struct store_tx *tx, void *arg, struct error *err)
{
    struct store_sandbox *box = arg;
    return store_tx_sandbox_settings(tx, box, err);
}

static void settings_that_were_changed_elsewhere_reach_the_supervisor(void **state)
{
    struct house *h = *state;
    struct store_sandbox box;
    assert_int_equal(store_sandbox_get(h->f->store, "demo", h->f->arena, &box, &h->f->err), 0);
    box.hold_ms = 1234;
    assert_int_equal(store_write(h->f->store, hold, &box, &h->f->err), 0);
    runtime_heard(h->runtime, &(struct store_change){.topic = STORE_TOPIC_SANDBOX,
                                                     .subject = "s1", .part = ""});
    while (hear_next(h, MESSAGE_SETTINGS).settings.hold_ms != 1234)
        continue;
}

static int make_third(struct store_tx *tx, void *arg, struct error *err)
{
    struct store_sandbox box = {
        .id = "s3", .name = "third", .network = "proxy", .labels_json = "{}", .env_json = "{}",
        .approval_mode = "manual", .token_hash = "", .main_json = "", .main_error = "",
        .phase = "stopped", .error = "", .created_at_ms = 1};
    (void)arg;
    return store_tx_sandbox_insert(tx, &box, err);
}

static void after_too_long_away_all_is_read_again(void **state)
{
    struct house *h = *state;
    commit_past_the_runtime(h, 2);
    assert_int_equal(store_write(h->f->store, make_third, NULL, &h->f->err), 0);
    runtime_heard(h->runtime, &(struct store_change){.topic = STORE_TOPIC_ALL, .subject = "",
                                                     .part = ""});
    assert_int_equal(hear_next(h, MESSAGE_POLICY).revision.revision, 2);
    RUN_UNTIL(h, jobs_idle(h->jobs));
    assert_non_null(sandbox_find(h->runtime, "s3"));
}

static void refused(void *arg, const struct error *err)
{
    *(struct error *)arg = *err;
}

static void what_needs_another_gateways_supervisor_is_refused_and_names_it(void **state)
{
    struct house *h = *state;
    const struct store_gateway gateways[] = {{.id = "a", .name = "host-a unix:/a", .alive = true},
                                             {.id = "b", .name = "host-b unix:/b", .alive = true}};
    struct sandbox *s = sandbox_find(h->runtime, "s2");
    struct error err = {0};
    h->runtime->setup.gateway_id = "a";
    free(s->home);
    s->home = alloc_str("b");
    runtime_set_gateways(h->runtime, gateways, 2);
    assert_true(runtime_leads(h->runtime));
    assert_int_equal(runtime_exec_check(h->runtime, "s2", &err), -1);
    assert_int_equal(err.kind, ERROR_STATE);
    assert_string_equal(err.text, "sandbox 'other' runs at the gateway host-b unix:/b, which alone "
                                  "can do this: ask that one, with --gateway, or give both of "
                                  "them peers.address");
    runtime_stop(h->runtime, "s2", refused, &err);
    assert_non_null(strstr(err.text, "host-b unix:/b"));
    runtime_delete(h->runtime, "s2", refused, &err);
    assert_non_null(strstr(err.text, "host-b unix:/b"));
    assert_int_equal(runtime_exec_check(h->runtime, "s1", &err), 0);
    runtime_set_gateways(h->runtime, gateways + 1, 1);
    assert_false(runtime_leads(h->runtime));
    h->runtime->setup.gateway_id = "";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup_connected, house_teardown)
        TEST(what_another_gateway_committed_is_pushed),
        TEST(what_this_one_committed_unknowingly_is_pushed_a_little_later),
        TEST(settings_that_were_changed_elsewhere_reach_the_supervisor),
        TEST(after_too_long_away_all_is_read_again),
        TEST(what_needs_another_gateways_supervisor_is_refused_and_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
