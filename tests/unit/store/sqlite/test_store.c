/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a store: what is made, what is refused and with which words. */
#include "support/sqlite.h"

#include "base/clock.h"
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

/* What undoes the last steps of the schema. */
#define WITHOUT_MAIN                                                                         \
    "ALTER TABLE sandbox DROP COLUMN main_json; ALTER TABLE sandbox DROP COLUMN main_error;" \
    "ALTER TABLE sandbox DROP COLUMN main_started_ms;"                                       \
    "ALTER TABLE sandbox DROP COLUMN main_ended_ms; ALTER TABLE sandbox DROP COLUMN main_code;"
#define WITHOUT_GRANTS                                                                       \
    WITHOUT_MAIN                                                                             \
    "DROP INDEX draft_denied; DROP INDEX draft_granted;"                                     \
    "ALTER TABLE revision DROP COLUMN grants_json;"                                          \
    "ALTER TABLE draft DROP COLUMN grant_json; ALTER TABLE draft DROP COLUMN grant_ended;"   \
    "CREATE UNIQUE INDEX draft_denied ON draft(sandbox_id, host, port, binary, method, path," \
    " operation, field, rpc_method, tool) WHERE source = 'mechanistic';"
#define WITHOUT_PROVIDERS                                                                    \
    WITHOUT_GRANTS                                                                           \
    "DROP TABLE attachment; DROP TABLE credential; DROP TABLE provider;"
#define WITHOUT_OBSERVE                                                                      \
    WITHOUT_PROVIDERS                                                                        \
    "ALTER TABLE sandbox DROP COLUMN observe;"                                               \
    "ALTER TABLE sandbox DROP COLUMN passed_since_ms;"
#define WITHOUT_SETTINGS                                                                     \
    WITHOUT_OBSERVE                                                                          \
    "ALTER TABLE sandbox DROP COLUMN hold_ms;"                                               \
    "ALTER TABLE sandbox DROP COLUMN agent_proposals;"
#define WITHOUT_AUDITED                                                                      \
    WITHOUT_SETTINGS                                                                         \
    "DROP INDEX traffic_key;"                                                                \
    "ALTER TABLE traffic DROP COLUMN method; ALTER TABLE traffic DROP COLUMN path;"          \
    "ALTER TABLE traffic DROP COLUMN operation; ALTER TABLE traffic DROP COLUMN field;"      \
    "ALTER TABLE traffic DROP COLUMN rpc_method; ALTER TABLE traffic DROP COLUMN tool;"      \
    "CREATE UNIQUE INDEX traffic_key ON traffic(sandbox_id, verdict, host, port, binary,"    \
    " rule);"
#define WITHOUT_CALLS                                                                        \
    WITHOUT_AUDITED                                                                          \
    "DROP INDEX draft_denied;"                                                               \
    "ALTER TABLE draft DROP COLUMN operation; ALTER TABLE draft DROP COLUMN field;"          \
    "ALTER TABLE draft DROP COLUMN rpc_method; ALTER TABLE draft DROP COLUMN tool;"
#define WITHOUT_REQUESTS                                                                     \
    WITHOUT_CALLS                                                                            \
    "ALTER TABLE draft DROP COLUMN method; ALTER TABLE draft DROP COLUMN path;"              \
    "CREATE UNIQUE INDEX draft_denied ON draft(sandbox_id, host, port, binary)"              \
    " WHERE source = 'mechanistic';"

static struct store_draft a_chunk(const char *method)
{
    return (struct store_draft){.id = *method ? "new" : "old",
                                .sandbox_id = "s1",
                                .status = "pending",
                                .source = "mechanistic",
                                .rule_name = "r",
                                .rule_json = "{}",
                                .held_kind = "",
                                .held_json = "",
                                .host = "a.example.com",
                                .port = 443,
                                .binary = "/usr/bin/curl",
                                .method = method,
                                .path = *method ? "/a" : "",
                                .rationale = "",
                                .security_notes = "",
                                .author = "",
                                .approvals_json = "[]",
                                .decided_by = "",
                                .reason = "",
                                .undo_json = ""};
}

static int put_chunk(struct store_tx *tx, void *method, struct error *err)
{
    struct store_draft draft = a_chunk(method);
    return store_tx_draft_insert(tx, &draft, err);
}

static int put_call(struct store_tx *tx, void *tool, struct error *err)
{
    struct store_draft draft = a_chunk("POST");
    draft.id = tool;
    draft.rpc_method = "tools/call";
    draft.tool = tool;
    return store_tx_draft_insert(tx, &draft, err);
}

/* Chunks of connections stay what they are, and requests find room beside them. */
static void chunks_of_before_requests_stay(void **state)
{
    struct fixture *f = *state;
    struct store_draft *drafts;
    size_t n;
    open_store(f);
    put_sandbox(f, "s1", "demo");
    assert_int_equal(store_write(f->store, put_chunk, "", &f->err), 0);
    store_close(f->store);
    tamper(f, WITHOUT_REQUESTS "PRAGMA user_version=5");
    open_store(f);
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &drafts, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(drafts[0].method, "");
    assert_string_equal(drafts[0].path, "");
    assert_int_equal(store_write(f->store, put_chunk, "POST", &f->err), 0);
    assert_int_equal(store_write(f->store, put_chunk, "POST", &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_EXISTS);
}

/* Chunks of requests stay what they are, and the calls of one request find room beside them. */
static void chunks_of_before_calls_stay(void **state)
{
    struct fixture *f = *state;
    struct store_draft *drafts;
    size_t n;
    open_store(f);
    put_sandbox(f, "s1", "demo");
    assert_int_equal(store_write(f->store, put_chunk, "POST", &f->err), 0);
    store_close(f->store);
    tamper(f, WITHOUT_CALLS
           "CREATE UNIQUE INDEX draft_denied ON draft(sandbox_id, host, port, binary, method, path)"
           " WHERE source = 'mechanistic'; PRAGMA user_version=6");
    open_store(f);
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &drafts, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(drafts[0].method, "POST");
    assert_string_equal(drafts[0].rpc_method, "");
    assert_string_equal(drafts[0].tool, "");
    assert_int_equal(store_write(f->store, put_call, "a", &f->err), 0);
    assert_int_equal(store_write(f->store, put_call, "b", &f->err), 0);
    assert_int_equal(store_write(f->store, put_call, "b", &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_EXISTS);
}

static int put_traffic(struct store_tx *tx, void *method, struct error *err)
{
    struct store_traffic row = {.verdict = "allowed", .host = "x.test", .port = 443,
                                .binary = "/bin/a", .rule = "r", .reason = "", .count = 1,
                                .method = method};
    struct store_traffic_batch batch = {"s1", method, 1, &row, 1, false};
    return store_tx_traffic_add(tx, &batch, err);
}

/* Rows of before what is audited was counted by request. */
static void traffic_of_before_requests_stays(void **state)
{
    struct fixture *f = *state;
    struct store_traffic *rows;
    size_t n;
    open_store(f);
    put_sandbox(f, "s1", "demo");
    assert_int_equal(store_write(f->store, put_traffic, "", &f->err), 0);
    store_close(f->store);
    tamper(f, WITHOUT_AUDITED "PRAGMA user_version=7");
    open_store(f);
    assert_int_equal(store_write(f->store, put_traffic, "POST", &f->err), 0);
    const struct store_traffic_query all = {.sandbox_id = "s1"};
    assert_int_equal(store_traffic_list(f->store, &all, f->arena, &rows, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(rows[0].method, "");
    assert_string_equal(rows[1].method, "POST");
}

static void sandboxes_of_before_settings_stay(void **state)
{
    struct fixture *f = *state;
    struct store_sandbox box;
    open_store(f);
    put_sandbox(f, "s1", "demo");
    store_close(f->store);
    tamper(f, WITHOUT_SETTINGS "PRAGMA user_version=8");
    open_store(f);
    assert_int_equal(store_sandbox_get(f->store, "demo", f->arena, &box, &f->err), 0);
    assert_int_equal(box.hold_ms, 0);
    assert_false(box.agent_proposals);
    assert_false(box.observe);
    assert_in_range(box.passed_since_ms, clock_now_ms() - 100000, clock_now_ms());
}

static int put_provider(struct store_tx *tx, void *arg, struct error *err)
{
    (void)arg;
    const struct store_provider provider = {.id = "p1", .name = "gh", .profile = "github"};
    return store_tx_provider_insert(tx, &provider, err);
}

static void a_store_of_before_providers_takes_them(void **state)
{
    struct fixture *f = *state;
    struct store_provider provider;
    open_store(f);
    store_close(f->store);
    tamper(f, WITHOUT_PROVIDERS "PRAGMA user_version=10");
    open_store(f);
    assert_int_equal(store_write(f->store, put_provider, NULL, &f->err), 0);
    assert_int_equal(store_provider_get(f->store, "gh", f->arena, &provider, &f->err), 0);
    assert_string_equal(provider.profile, "github");
}

static int put_ended(struct store_tx *tx, void *arg, struct error *err)
{
    struct store_draft chunk = a_chunk("");
    (void)arg;
    chunk.status = "superseded";
    chunk.grant_json = "{}";
    chunk.grant_ended = true;
    if (store_tx_draft_update(tx, &chunk, "pending", err) != 0)
        return -1;
    chunk = a_chunk("");
    chunk.id = "again";
    return store_tx_draft_insert(tx, &chunk, err);
}

/* One whose grant has ended makes room for another of the same refusal. */
static void chunks_of_before_grants_stay(void **state)
{
    struct fixture *f = *state;
    struct store_draft *drafts;
    size_t n;
    open_store(f);
    put_sandbox(f, "s1", "demo");
    assert_int_equal(store_write(f->store, put_chunk, "", &f->err), 0);
    store_close(f->store);
    tamper(f, WITHOUT_GRANTS "PRAGMA user_version=11");
    open_store(f);
    assert_int_equal(store_write(f->store, put_ended, NULL, &f->err), 0);
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &drafts, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_true(drafts[0].grant_ended);
    assert_false(drafts[1].grant_ended);
    assert_string_equal(drafts[1].grant_json, "");
}

/* A store of the first schema, with what it had. */
static void opens_an_older_schema(void **state)
{
    struct fixture *f = *state;
    struct store_sandbox box;
    struct store_draft *drafts;
    size_t n;
    open_store(f);
    put_sandbox(f, "s1", "demo");
    store_close(f->store);
    tamper(
        f, WITHOUT_REQUESTS
        "ALTER TABLE draft DROP COLUMN takes_back; ALTER TABLE draft DROP COLUMN back_to;"
        "ALTER TABLE draft DROP COLUMN addresses_json; ALTER TABLE draft DROP COLUMN asked_by_json;"
        "DROP INDEX draft_event_draft; DROP TABLE sandbox_user;"
        "DROP TABLE traffic; DROP TABLE traffic_source; DROP TABLE event;"
        "ALTER TABLE sandbox DROP COLUMN memory_bytes; ALTER TABLE sandbox DROP COLUMN cpu_millis;"
        "ALTER TABLE sandbox DROP COLUMN pids;"
        "PRAGMA user_version=1");
    open_store(f);
    assert_int_equal(store_sandbox_get(f->store, "demo", f->arena, &box, &f->err), 0);
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &drafts, &n, &f->err), 0);
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
        TEST(opens_an_older_schema),
        TEST(chunks_of_before_requests_stay),
        TEST(chunks_of_before_calls_stay),
        TEST(traffic_of_before_requests_stays),
        TEST(sandboxes_of_before_settings_stay),
        TEST(a_store_of_before_providers_takes_them),
        TEST(chunks_of_before_grants_stay),
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
