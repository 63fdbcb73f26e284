/* SPDX-License-Identifier: Apache-2.0 */
/* A store of an older schema is migrated, and keeps what it has. */
#include "support/sqlite.h"

#include "base/clock.h"

/* What undoes the last steps of the schema. */
#define WITHOUT_SERVICES                                                                   \
    "ALTER TABLE sandbox DROP COLUMN image; ALTER TABLE sandbox DROP COLUMN services_json;"
#define WITHOUT_HOSTS WITHOUT_SERVICES "ALTER TABLE sandbox DROP COLUMN host;"
#define WITHOUT_EXPORTS                                                                    \
    WITHOUT_HOSTS                                                                          \
    "DROP TABLE exporter; DROP TABLE traffic_head; DROP INDEX traffic_changed;"            \
    "ALTER TABLE traffic DROP COLUMN changed;"
#define WITHOUT_HOMES WITHOUT_EXPORTS "ALTER TABLE sandbox DROP COLUMN home;"
#define WITHOUT_IDENTITIES                                                                 \
    WITHOUT_HOMES                                                                          \
    "DROP TABLE ceiling; ALTER TABLE revision DROP COLUMN signed_at_ms;"                   \
    "ALTER TABLE decision DROP COLUMN identity; ALTER TABLE decision DROP COLUMN origin;"  \
    "ALTER TABLE revision DROP COLUMN identity; ALTER TABLE revision DROP COLUMN origin;"  \
    "ALTER TABLE draft_event DROP COLUMN identity;"                                        \
    "ALTER TABLE draft_event DROP COLUMN origin;"
#define WITHOUT_HOLDERS WITHOUT_IDENTITIES "ALTER TABLE sandbox DROP COLUMN holders_json;"
#define WITHOUT_WORKSPACES                                                                   \
    WITHOUT_HOLDERS "DROP TABLE token;"                                                      \
    "DROP TABLE workspace; ALTER TABLE sandbox DROP COLUMN workspace;"                       \
    "ALTER TABLE provider DROP COLUMN labels_json; ALTER TABLE provider DROP COLUMN config_json;"
#define WITHOUT_MAIN                                                                         \
    WITHOUT_WORKSPACES                                                                       \
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

static void sandboxes_of_before_owners_have_none(void **state)
{
    struct fixture *f = *state;
    struct store_sandbox box;
    open_store(f);
    put_sandbox(f, "s1", "demo");
    store_close(f->store);
    tamper(f, WITHOUT_HOLDERS "PRAGMA user_version=16");
    open_store(f);
    assert_int_equal(store_sandbox_get(f->store, "demo", f->arena, &box, &f->err), 0);
    assert_string_equal(box.holders_json, "{}");
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

static int put_event(struct store_tx *tx, void *event, struct error *err)
{
    return store_tx_event_insert(tx, event, err);
}

/* Events of both classes stay, and their numbers go on. */
static void events_of_before_their_new_table_stay(void **state)
{
    struct fixture *f = *state;
    struct store_event *events, next = {43, false, "decision", "demo", "{}"};
    size_t n;
    uint64_t last;
    open_store(f);
    store_close(f->store);
    tamper(f, WITHOUT_WORKSPACES "DROP TABLE event;"
           "CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, of_workload INTEGER NOT NULL,"
           " type TEXT NOT NULL, sandbox TEXT NOT NULL, json TEXT NOT NULL) STRICT;"
           "CREATE INDEX event_class ON event(of_workload, id);"
           "INSERT INTO event VALUES (41, 1, 'denial', 'demo', '{\"host\":\"a\"}'),"
           " (42, 0, 'revision', 'demo', '{\"revision\":2}');"
           "PRAGMA user_version=13");
    open_store(f);
    assert_int_equal(store_event_list(f->store, f->arena, &events, &n, &last, &f->err), 0);
    assert_int_equal(n, 2);
    assert_int_equal(last, 42);
    assert_int_equal(events[0].id, 41);
    assert_true(events[0].of_workload);
    assert_string_equal(events[0].json, "{\"host\":\"a\"}");
    assert_string_equal(events[1].type, "revision");
    assert_int_equal(store_write(f->store, put_event, &next, &f->err), 0);
    assert_int_equal(store_event_list(f->store, f->arena, &events, &n, &last, &f->err), 0);
    assert_int_equal(last, 43);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_closed, teardown)
        TEST(opens_an_older_schema),
        TEST(chunks_of_before_requests_stay),
        TEST(chunks_of_before_calls_stay),
        TEST(traffic_of_before_requests_stays),
        TEST(sandboxes_of_before_settings_stay),
        TEST(sandboxes_of_before_owners_have_none),
        TEST(a_store_of_before_providers_takes_them),
        TEST(chunks_of_before_grants_stay),
        TEST(events_of_before_their_new_table_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
