/* SPDX-License-Identifier: Apache-2.0 */
/* The audit chain: every way of tampering is found, and the first bad record is named. */
#include "support/store.h"

#include "store/sqlite/pool.h"

#define UNLOCK \
    "DROP TRIGGER decision_update; DROP TRIGGER decision_delete; DROP TRIGGER audit_head_delete;"

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
    if (store_audit_verify_at(f->path, NULL, &file, &f->err))
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

static void slips_are_stopped(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db;
    const char *slips[] = {"UPDATE decision SET actor='x' WHERE seq=1",
                           "DELETE FROM decision WHERE seq=1", "DELETE FROM audit_head"};
    sqlite3_open(f->path, &db);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sqlite3_exec(db, slips[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
        assert_contains(sqlite3_errmsg(db), "never");
    }
    sqlite3_close(db);
}

/* No column may be changed unseen: the list is read from the database itself. */
static void every_altered_column_is_found(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db;
    sqlite3_stmt *columns;
    int n = 0;
    tamper(f, UNLOCK);
    sqlite3_open(f->path, &db);
    sqlite3_prepare_v2(db, "SELECT name, type FROM pragma_table_info('decision') WHERE name<>'seq'",
                       -1, &columns, NULL);
    while (sqlite3_step(columns) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(columns, 0);
        bool text = strcmp((const char *)sqlite3_column_text(columns, 1), "TEXT") == 0;
        char *change = alloc_printf(
            text ? "UPDATE decision SET %s = %s || 'x' WHERE seq=3"
                 : "UPDATE decision SET %s = %s + 1 WHERE seq=3", name, name);
        char *back = alloc_printf(
            text ? "UPDATE decision SET %s = substr(%s, 1, length(%s) - 1) WHERE seq=3"
                 : "UPDATE decision SET %s = %s - 1 WHERE seq=3", name, name, name);
        tamper(f, change);
        assert_bad(f, 3, "record 3 was altered");
        tamper(f, back);
        assert_int_equal(verify(f).bad_seq, 0);
        free(change);
        free(back);
        n++;
    }
    sqlite3_finalize(columns);
    sqlite3_close(db);
    assert_int_equal(n, 23);
}

static void text_cannot_move_between_columns(void **state)
{
    struct fixture *f = *state;
    tamper(f, UNLOCK "UPDATE decision SET actor='alic', role='eadmin' WHERE seq=2");
    assert_bad(f, 2, "record 2 was altered");
}

static void a_removed_record_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, UNLOCK "DELETE FROM decision WHERE seq=2");
    assert_bad(f, 2, "record 2 is missing: 3 comes next");
}

static void a_gap_that_was_closed_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, UNLOCK "DELETE FROM decision WHERE seq=2; UPDATE decision SET seq=seq-1 WHERE seq>2");
    assert_bad(f, 2, "record 2 was altered");
}

static void reordered_records_are_found(void **state)
{
    struct fixture *f = *state;
    tamper(f,
           UNLOCK "UPDATE decision SET seq=99 WHERE seq=2; UPDATE decision SET seq=2 WHERE seq=3;"
                  "UPDATE decision SET seq=3 WHERE seq=99");
    assert_bad(f, 2, "record 2 was altered");
}

static void a_lost_tail_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, UNLOCK "DELETE FROM decision WHERE seq>3");
    assert_bad(f, 4, "records 4 to 5 are missing at the end");
}

/* Every record of an older copy is good: only who noted a head elsewhere can tell. */
static void a_rollback_of_the_whole_store_is_found(void **state)
{
    struct fixture *f = *state;
    struct store_audit_report before = verify(f), after;
    tamper(f, UNLOCK "DELETE FROM decision WHERE seq>3;"
                     "UPDATE audit_head SET count=3, hash=(SELECT hash FROM decision WHERE seq=3)");
    assert_int_equal(verify(f).bad_seq, 0);
    assert_int_equal(store_audit_verify_at(f->path, before.head, &after, &f->err), 0);
    assert_int_equal(after.bad_seq, 4);
    assert_contains(after.why, before.head);
    assert_contains(after.why, "the store was rolled back or replaced");
    assert_int_equal(store_audit_verify(f->store, verify(f).head, &after, &f->err), 0);
    assert_int_equal(after.bad_seq, 0);
}

static void a_removed_head_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, UNLOCK "DELETE FROM audit_head");
    assert_bad(f, 6, "the head of the chain was removed");
    assert_int_equal(put_decision(f, "d6", "r"), -1);
    assert_contains(f->err.text, "the head of the audit chain is gone");
}

static void a_record_behind_the_head_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, "UPDATE audit_head SET count=4, hash=(SELECT hash FROM decision WHERE seq=4)");
    assert_bad(f, 5, "record 5 was added behind the head of the chain");
}

static void a_replaced_end_is_found(void **state)
{
    struct fixture *f = *state;
    tamper(f, "UPDATE audit_head SET hash='0'");
    assert_bad(f, 5, "the head of the chain does not name record 5");
}

/* A forger who computes the hash of a record anew still breaks the link to the next one. */
static void a_forged_record_is_found(void **state)
{
    struct fixture *f = *state;
    struct fixture other;
    void *o = &other;
    struct store_decision forged;
    setup((void **)&o);
    struct fixture *twin = o;
    put_decision(twin, "d1", "a reason");
    put_decision(twin, "d2", "another reason");
    assert_int_equal(store_decision_get(twin->store, "d2", f->arena, &forged, &f->err), 0);
    teardown(&o);
    char *sql = alloc_printf(
        UNLOCK "UPDATE decision SET reason='another reason', hash='%s' WHERE seq=2", forged.hash);
    tamper(f, sql);
    free(sql);
    assert_bad(f, 3, "record 3 does not follow the one before it");
}

static int verifies_five(struct fixture *f)
{
    struct store_audit_report report;
    struct error err;
    return store_audit_verify_at(f->path, NULL, &report, &err) == 0 && report.records == 5 &&
                   report.bad_seq == 0 ? 0 : 1;
}

static void a_file_is_verified_where_nothing_may_be_written(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(chmod(f->path, 0444) | chmod(f->folder, 0555), 0);
    assert_int_equal(as_nobody(f, verifies_five), 0);
    assert_int_equal(chmod(f->folder, 0700), 0);
}

static void what_is_no_store_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_audit_report report;
    char *none = alloc_printf("%s/none.db", f->folder);
    assert_int_equal(store_audit_verify_at(none, NULL, &report, &f->err), -1);
    assert_contains(f->err.text, "/none.db: cannot be read: No such file or directory");
    FILE *file = fopen(none, "w");
    fclose(file);
    assert_int_equal(store_audit_verify_at(none, NULL, &report, &f->err), -1);
    assert_contains(f->err.text, "/none.db: is empty");
    free(none);
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
    assert_int_equal(store_decision_list(f->store, &(struct store_decision_query){.sandbox_id = "s1", .since_ms = 3000},
                                         f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 5);
    assert_int_equal(store_decision_list(f->store, &(struct store_decision_query){.sandbox_id = "s1", .since_ms = 3001},
                                         f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(store_decision_list(f->store, &(struct store_decision_query){.sandbox_id = "s9"},
                                         f->arena, &list, &n, &f->err), 0);
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
    assert_string_equal(f->err.text, "the audit chain is being verified already: wait for that, then try again");
    pthread_mutex_unlock(&f->store->verifying);
    assert_int_equal(store_audit_verify(f->store, NULL, &report, &f->err), 0);
    assert_int_equal(report.records, 5);
}

/* Every reader is lent: a verification does not need one, so it takes none from an update either. */
static void a_verification_takes_no_reader(void **state)
{
    struct fixture *f = *state;
    struct store_audit_report report;
    struct store_tx *lent[DB_READERS];
    for (size_t i = 0; i < DB_READERS; i++)
        lent[i] = store_read(f->store);
    assert_int_equal(store_audit_verify(f->store, NULL, &report, &f->err), 0);
    for (size_t i = 0; i < DB_READERS; i++)
        store_done(f->store, lent[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_chain_verifies, setup, teardown),
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_five, teardown)
        TEST(a_whole_chain_verifies),
        TEST(slips_are_stopped),
        TEST(every_altered_column_is_found),
        TEST(text_cannot_move_between_columns),
        TEST(a_removed_record_is_found),
        TEST(a_gap_that_was_closed_is_found),
        TEST(reordered_records_are_found),
        TEST(a_lost_tail_is_found),
        TEST(a_rollback_of_the_whole_store_is_found),
        TEST(a_removed_head_is_found),
        TEST(a_record_behind_the_head_is_found),
        TEST(a_replaced_end_is_found),
        TEST(a_forged_record_is_found),
        TEST(a_file_is_verified_where_nothing_may_be_written),
        TEST(what_is_no_store_is_refused),
        TEST(only_one_verifies_at_a_time),
        TEST(a_verification_takes_no_reader),
        TEST(decisions_are_listed_newest_first),
        TEST(the_first_decision_about_a_chunk_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
