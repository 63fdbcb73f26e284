/* SPDX-License-Identifier: Apache-2.0 */
/* What follows an update follows it whoever asked: here a caller that the runtime knows nothing
 * of. */
#include "support/runtime.h"

#define RULE "{endpoints: [{host: a.example.com, port: 443}], binaries: [{path: /usr/bin/git}]}"

/* A new door: it runs an update and does nothing after it. */
static void open_door(struct house *h, const char *operations)
{
    succeed(h->f, merge(h->f, "a stranger", operations));
}

static void a_new_door_forgets_no_observer(void **state)
{
    struct house *h = *state;
    denied(h->f, "a.example.com", 443, "/usr/bin/git", 1);
    const char *id = chunk_of(h->f, "a.example.com", "/usr/bin/git");
    assert_string_equal(status_of(h->f, id), "pending");
    open_door(h, "{operations: [{add_rule: {rule_name: r, rule: " RULE "}}]}");
    assert_string_equal(status_of(h->f, id), "superseded");            /* drafts */
    struct sandbox_message pushed = hear_next(h, MESSAGE_POLICY);       /* push */
    assert_int_equal(pushed.revision.revision, 2);
    assert_contains(pushed.revision.policy, "a.example.com");
    RUN_UNTIL(h, has_heard(h, "decision"));                             /* events */
    assert_int_equal(h->counts.decided[CHAIN_ALLOWED], 1);              /* metrics */
}

static void what_is_denied_is_counted_and_told_but_not_pushed(void **state)
{
    struct house *h = *state;
    merge(h->f, "a stranger",
          "{operations: [{add_rule: {rule_name: r, rule: {endpoints: [{host: bad.example.com, "
          "port: 443}], "
          "binaries: [{path: /usr/bin/git}]}}}]}");
    assert_int_equal(h->f->result.outcome, CHAIN_DENIED);
    RUN_UNTIL(h, has_heard(h, "decision"));
    assert_int_equal(h->counts.decided[CHAIN_DENIED], 1);
    assert_int_equal(h->supervisor.got.len, 0);
}

static void what_changes_nothing_is_not_told(void **state)
{
    struct house *h = *state;
    open_door(h, "{operations: [{add_rule: {rule_name: r, rule: " RULE "}}]}");
    open_door(h, "{operations: [{add_rule: {rule_name: r, rule: " RULE "}}]}");
    assert_int_equal(hear_next(h, MESSAGE_POLICY).revision.revision, 2);
    assert_int_equal(h->counts.decided[CHAIN_ALLOWED], 1);
    assert_int_equal(h->supervisor.got.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(a_new_door_forgets_no_observer),
        HOUSE_TEST(what_is_denied_is_counted_and_told_but_not_pushed),
        HOUSE_TEST(what_changes_nothing_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
