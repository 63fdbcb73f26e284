/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a store: what is made, what is refused and with which words. */
#include "support/sqlite.h"

#include "store/sqlite/pool.h"

static void refuses(struct fixture *f, const char *url, const char *words)
{
    struct error err = {0};
    assert_null(store_open(url, &f->log, &err));
    assert_contains(err.text, words);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static void makes_a_private_file(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    mode_t before = umask(0);
    open_store(f);
    put_sandbox(f, "s1", "demo");
    umask(before);
    const char *suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char *path = alloc_printf("%s%s", f->place.path, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        free(path);
    }
}

static void closes_a_file_that_others_could_read(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char line[512] = "";
    open_store(f);
    store_close(f->store);
    assert_int_equal(chmod(f->place.path, 0644), 0);
    open_store(f);
    assert_int_equal(stat(f->place.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(pread(f->log_file, line, sizeof line - 1, 0) > 0);
    assert_contains(line, "others could read it (mode 0644), now its mode is 0600");
}

static void refuses_what_is_no_url(void **state)
{
    struct fixture *f = *state;
    refuses(f, "postgres://db", "store 'postgres://db': expected sqlite:PATH");
    refuses(f, "sqlite:", "store 'sqlite:': expected sqlite:PATH");
    refuses(f, "/tmp/x.db", "expected sqlite:PATH");
}

static void refuses_a_missing_folder(void **state)
{
    struct fixture *f = *state;
    char *url = alloc_printf("sqlite:%s/none/sluice.db", f->place.folder);
    refuses(f, url, "/none/sluice.db: its folder does not exist: make it first");
    free(url);
}

static void refuses_a_folder(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(f->place.path, 0700), 0);
    refuses(f, f->place.url, "sluice.db: is not a regular file");
}

static void refuses_what_is_no_database(void **state)
{
    struct fixture *f = *state;
    char text[8192];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    write_file(f->place.path, text);
    refuses(f, f->place.url, "sluice.db: file is not a database: restore it from a backup");
}

static void refuses_the_database_of_another_program(void **state)
{
    struct fixture *f = *state;
    tamper(f, "CREATE TABLE theirs (x)");
    refuses(f, f->place.url, "sluice.db: is the database of another program");
    tamper(f, "INSERT INTO theirs VALUES (1)");     /* still theirs, and whole */
}

static void refuses_a_newer_schema(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    store_close(f->store);
    f->store = NULL;
    tamper(f, "PRAGMA user_version=99");
    refuses(f, f->place.url, "has schema 99, this sluice knows schemas up to ");
}

static int sees_read_only(struct fixture *f)
{
    struct error err = {0};
    return store_open(f->place.url, &f->log, &err) == NULL &&
                   strstr(err.text, "is read-only: the file and its folder must be writable")
               ? 0
               : 1;
}

static int sees_no_permission(struct fixture *f)
{
    struct error err = {0};
    return store_open(f->place.url, &f->log, &err) == NULL &&
                   strstr(err.text, "sluice.db: cannot be made: Permission denied") ? 0 : 1;
}

static void refuses_a_read_only_file(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(chmod(f->place.path, 0400), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(f->place.path, 65534, 65534) | chown(f->place.folder, 65534, 65534),
                         0);
    assert_int_equal(as_nobody(f, sees_read_only), 0);
}

static void refuses_a_read_only_folder(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(chmod(f->place.folder, 0555), 0);
    assert_int_equal(as_nobody(f, sees_no_permission), 0);
}

static void names_that_mean_something_to_sqlite_are_just_names(void **state)
{
    struct fixture *f = *state;
    char *before = get_current_dir_name();
    assert_int_equal(chdir(f->place.folder), 0);
    snprintf(f->place.url, sizeof f->place.url, "sqlite::memory:");
    open_store(f);
    put_sandbox(f, "s1", "demo");
    assert_int_equal(access(":memory:", F_OK), 0);
    assert_int_equal(chdir(before), 0);
    free(before);
}

static void two_stores_live_side_by_side(void **state)
{
    struct fixture *f = *state;
    struct store_sandbox *list;
    size_t n;
    open_store(f);
    struct store *other = store_open(f->place.url, &f->log, &f->err);
    assert_non_null(other);
    put_sandbox(f, "s1", "demo");
    assert_int_equal(store_sandbox_list(other, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 1);
    store_close(other);
    put_sandbox(f, "s2", "demo2");
}

/* ---- verifying the audit chain of a file ---- */

static int setup_five(void **state)
{
    setup(state);
    struct fixture *f = *state;
    for (int i = 1; i <= 5; i++)
        assert_int_equal(put_decision(f, arena_printf(f->arena, "d%d", i), "a reason"), 0);
    return 0;
}

static int verifies_five(struct fixture *f)
{
    struct store_audit_report report;
    struct error err;
    return store_audit_verify_at(f->place.path, NULL, &report, &err) == 0 && report.records == 5 &&
                   report.bad_seq == 0 ? 0 : 1;
}

static void a_file_is_verified_where_nothing_may_be_written(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(chmod(f->place.path, 0444) | chmod(f->place.folder, 0555), 0);
    assert_int_equal(as_nobody(f, verifies_five), 0);
    assert_int_equal(chmod(f->place.folder, 0700), 0);
}

static void what_is_no_store_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_audit_report report;
    char *none = alloc_printf("%s/none.db", f->place.folder);
    assert_int_equal(store_audit_verify_at(none, NULL, &report, &f->err), -1);
    assert_contains(f->err.text, "/none.db: cannot be read: No such file or directory");
    FILE *file = fopen(none, "w");
    fclose(file);
    assert_int_equal(store_audit_verify_at(none, NULL, &report, &f->err), -1);
    assert_contains(f->err.text, "/none.db: is empty");
    free(none);
}

/* Every reader is lent: a verification does not need one, so it takes none from an update
 * either. */
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_closed, teardown)
        TEST(makes_a_private_file),
        TEST(closes_a_file_that_others_could_read),
        TEST(refuses_what_is_no_url),
        TEST(refuses_a_missing_folder),
        TEST(refuses_a_folder),
        TEST(refuses_what_is_no_database),
        TEST(refuses_the_database_of_another_program),
        TEST(refuses_a_newer_schema),
        TEST(refuses_a_read_only_file),
        TEST(refuses_a_read_only_folder),
        TEST(names_that_mean_something_to_sqlite_are_just_names),
        TEST(two_stores_live_side_by_side),
        cmocka_unit_test_setup_teardown(a_file_is_verified_where_nothing_may_be_written, setup_five,
                                        teardown),
        TEST(what_is_no_store_is_refused),
        cmocka_unit_test_setup_teardown(a_verification_takes_no_reader, setup_five, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
