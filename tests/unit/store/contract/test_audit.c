/* SPDX-License-Identifier: Apache-2.0 */
/* The audit chain: every way of tampering is found, and the first bad record is named. */
#include "support/store.h"

#include "store/backend.h"

static int setup_five(void **state)
{
    setup(state);
    struct fixture *f = *state;
    for (int i = 1; i <= 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "d%d", i);
        assert_int_equal(put_decision(f, id, "a reason"), 0);
    }
    return 0;
}

static struct store_audit_report verify(struct fixture *f)
{
    struct store_audit_report live, file;
    assert_int_equal(store_audit_verify(f->store, NULL, &live, &f->err), 0);
    if (store_audit_verify_at(f->place.url, NULL, &file, &f->err))
        fail_msg("%s", f->err.text);
    assert_int_equal(live.bad_seq, file.bad_seq);
    assert_string_equal(live.why, file.why);
    assert_string_equal(live.head, file.head);
    return live;
}

static void assert_bad(struct fixture *f, uint64_t seq, const char *words)
{
    struct store_audit_report report = verify(f);
    assert_int_equal(report.bad_seq, seq);
    assert_contains(report.why, words);
}

static void a_whole_chain_verifies(void **state)
{
    struct fixture *f = *state;
    struct store_decision last;
    struct store_audit_report report = verify(f);
    assert_int_equal(report.bad_seq, 0);
    assert_int_equal(report.records, 5);
    assert_int_equal(store_decision_get(f->store, "d5", f->arena, &last, &f->err), 0);
    assert_int_equal(last.seq, 5);
    assert_string_equal(report.head, last.hash);
    assert_string_equal(last.candidate_json, "{\"version\":1}");
}

static void an_empty_chain_verifies(void **state)
{
    struct store_audit_report report = verify(*state);
    assert_int_equal(report.bad_seq, 0);
    assert_int_equal(report.records, 0);
}

static void tamper(struct fixture *f, enum store_tampering how)
{
    f->factory->tamper(&f->place, how);
}

static void slips_are_stopped(void **state)
{
    struct fixture *f = *state;
    assert_true(f->factory->slip(&f->place, TAMPER_ACTOR));
    assert_true(f->factory->slip(&f->place, TAMPER_REMOVE_FIRST));
    assert_true(f->factory->slip(&f->place, TAMPER_REMOVE_HEAD));
    assert_int_equal(verify(f).bad_seq, 0);
}

static void every_altered_field_is_found(void **state)
{
    struct fixture *f = *state;
    const struct store_record *record = &store_decision_record;
    for (size_t i = 0; i < record->n; i++) {
        const struct store_field *field = &record->fields[i];
        if (strcmp(field->name, "seq") == 0) /* the place in the chain: see the other tests */
            continue;
        f->factory->tamper_field(&f->place, 3, field->name, field->kind == STORE_TEXT, false);
        assert_bad(f, 3, "record 3 was altered");
        f->factory->tamper_field(&f->place, 3, field->name, field->kind == STORE_TEXT, true);
        assert_int_equal(verify(f).bad_seq, 0);
    }
    assert_int_equal(record->n, 26);
}

static int append_older(struct store_tx *tx, void *arg, struct error *err)
{
    struct store_decision d = a_decision("old", "a reason");
    (void)arg;
    d.identity = d.origin = "";
    return store_tx_decision_append(tx, &d, err);
}

/* A record of a version that kept no identity has the hash that it had, and takes none later. */
static void a_record_of_an_older_version_verifies(void **state)
{
    struct fixture *f = *state;
    struct store_decision d;
    assert_int_equal(store_write(f->store, append_older, NULL, &f->err), 0);
    assert_int_equal(verify(f).bad_seq, 0);
    assert_int_equal(store_decision_get(f->store, "old", f->arena, &d, &f->err), 0);
    assert_string_equal(d.hash, "0860d5c2c41436d8a96030fc917c2b6aace59b961ed0460b764c5fdaff5bb5d4");
    f->factory->tamper_field(&f->place, 1, "identity", true, false);
    assert_bad(f, 1, "record 1 was altered");
    f->factory->tamper_field(&f->place, 1, "identity", true, true);
    f->factory->tamper_field(&f->place, 1, "origin", true, false);
    assert_bad(f, 1, "record 1 was altered");
}

static void text_cannot_move_between_fields(void **state)
{
    struct fixture *f = *state;
    tamper(f, TAMPER_MOVE_TEXT);
    assert_bad(f, 2, "record 2 was altered");
}

static void a_removed_record_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, TAMPER_REMOVE_SECOND);
    assert_bad(f, 2, "record 2 is missing: 3 comes next");
}

static void a_gap_that_was_closed_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, TAMPER_CLOSE_GAP);
    assert_bad(f, 2, "record 2 was altered");
}

static void reordered_records_are_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, TAMPER_SWAP);
    assert_bad(f, 2, "record 2 was altered");
}

static void a_lost_tail_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, TAMPER_CUT);
    assert_bad(f, 4, "records 4 to 5 are missing at the end");
}

/* Every record of an older copy is good: only who noted a head elsewhere can tell. */
static void a_rollback_of_the_whole_store_is_found(void **state)
{
    struct fixture *f = *state;
    struct store_audit_report before = verify(f), after;
    tamper(f, TAMPER_ROLL_BACK);
    assert_int_equal(verify(f).bad_seq, 0);
    assert_int_equal(store_audit_verify_at(f->place.url, before.head, &after, &f->err), 0);
    assert_int_equal(after.bad_seq, 4);
    assert_contains(after.why, before.head);
    assert_contains(after.why, "the store was rolled back or replaced");
    assert_int_equal(store_audit_verify(f->store, verify(f).head, &after, &f->err), 0);
    assert_int_equal(after.bad_seq, 0);
}

static void a_removed_head_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, TAMPER_REMOVE_HEAD);
    assert_bad(f, 6, "the head of the chain was removed");
    assert_int_equal(put_decision(f, "d6", "r"), -1);
    assert_contains(f->err.text, "the head of the audit chain is gone");
}

static void a_record_behind_the_head_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, TAMPER_MOVE_HEAD);
    assert_bad(f, 5, "record 5 was added behind the head of the chain");
}

static void a_replaced_end_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, TAMPER_REPLACE_HEAD);
    assert_bad(f, 5, "the head of the chain does not name record 5");
}

/* A forger who computes the hash of a record anew still breaks the link to the next one. */
static void a_forged_record_is_found(void **state)
{
    struct fixture *f = *state;
    void *o = (void *)f->factory;
    struct store_decision forged;
    setup(&o);
    struct fixture *twin = o;
    put_decision(twin, "d1", "a reason");
    put_decision(twin, "d2", "another reason");
    assert_int_equal(store_decision_get(twin->store, "d2", f->arena, &forged, &f->err), 0);
    teardown(&o);
    f->factory->forge(&f->place, 2, "another reason", forged.hash);
    assert_bad(f, 3, "record 3 does not follow the one before it");
}

static void decisions_are_listed_newest_first(void **state)
{
    struct fixture *f = *state;
    struct store_decision *list, out;
    size_t n;
    assert_int_equal(store_decision_list(f->store, &(struct store_decision_query){.limit = 2},
                                         f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].id, "d5");
    assert_string_equal(list[0].candidate_json, "");
    /* The next page. */
    const struct store_decision_query next = {.before_seq = list[1].seq, .limit = 2};
    assert_int_equal(store_decision_list(f->store, &next, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].id, "d3");
    const struct store_decision_query rest = {.sandbox_id = "s1", .before_seq = list[1].seq};
    assert_int_equal(store_decision_list(f->store, &rest, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].id, "d1");
    assert_int_equal(
        store_decision_list(f->store,
                            &(struct store_decision_query){.sandbox_id = "s1", .since_ms = 3000},
                            f->arena, &list, &n, &f->err),
        0);
    assert_int_equal(n, 5);
    assert_int_equal(
        store_decision_list(f->store,
                            &(struct store_decision_query){.sandbox_id = "s1", .since_ms = 3001},
                            f->arena, &list, &n, &f->err),
        0);
    assert_int_equal(n, 0);
    assert_int_equal(store_decision_list(f->store,
                                         &(struct store_decision_query){.sandbox_id = "s9"},
                                         f->arena, &list, &n, &f->err),
                     0);
    assert_int_equal(n, 0);
    assert_int_equal(store_decision_get(f->store, "d9", f->arena, &out, &f->err), -1);
    assert_string_equal(f->err.text, "decision 'd9' not found");
}

static void the_first_decision_about_a_chunk_is_found(void **state)
{
    struct fixture *f = *state;
    struct store_decision held = a_decision("d6", "held"), later = a_decision("d7", "later"), out;
    held.draft_id = later.draft_id = "c1";
    assert_int_equal(store_write(f->store, append_decision, &held, &f->err), 0);
    assert_int_equal(store_write(f->store, append_decision, &later, &f->err), 0);
    assert_int_equal(store_decision_of_draft(f->store, "c1", f->arena, &out, &f->err), 0);
    assert_string_equal(out.id, "d6");
    assert_int_equal(store_decision_of_draft(f->store, "", f->arena, &out, &f->err), -1);
    assert_int_equal(store_decision_of_draft(f->store, "c2", f->arena, &out, &f->err), -1);
    assert_string_equal(f->err.text, "no decision about chunk 'c2'");
}

static void only_one_verifies_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct store_audit_report report;
    pthread_mutex_lock(&f->store->verifying);
    assert_int_equal(store_audit_verify(f->store, NULL, &report, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_LIMIT);
    assert_string_equal(f->err.text,
                        "the audit chain is being verified already: wait for that, then try again");
    pthread_mutex_unlock(&f->store->verifying);
    assert_int_equal(store_audit_verify(f->store, NULL, &report, &f->err), 0);
    assert_int_equal(report.records, 5);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_chain_verifies, setup, teardown),
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_five, teardown)
        TEST(a_whole_chain_verifies),
        cmocka_unit_test_setup_teardown(a_record_of_an_older_version_verifies, setup, teardown),
        TEST(slips_are_stopped),
        TEST(every_altered_field_is_found),
        TEST(text_cannot_move_between_fields),
        TEST(a_removed_record_is_found),
        TEST(a_gap_that_was_closed_is_found),
        TEST(reordered_records_are_found),
        TEST(a_lost_tail_is_found),
        TEST(a_rollback_of_the_whole_store_is_found),
        TEST(a_removed_head_is_found),
        TEST(a_record_behind_the_head_is_found),
        TEST(a_replaced_end_is_found),
        TEST(a_forged_record_is_found),
        TEST(only_one_verifies_at_a_time),
        TEST(decisions_are_listed_newest_first),
        TEST(the_first_decision_about_a_chunk_is_found),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
