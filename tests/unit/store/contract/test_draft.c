/* SPDX-License-Identifier: Apache-2.0 */
/* Draft chunks as rows: kept whole, found by what was denied, guarded by their status. */
#include "support/store.h"

static struct store_draft a_draft(const char *id, const char *source, const char *host)
{
    return (struct store_draft){
        .id = id,
        .sandbox_id = "s1",
        .status = "pending",
        .source = source,
        .rule_name = "allow_x_443",
        .rule_json = "{}",
        .held_kind = "",
        .held_json = "",
        .host = host,
        .binary = "/usr/bin/curl",
        .port = 443,
        .hits = 3,
        .first_seen_ms = 1,
        .last_seen_ms = 2,
        .rationale = "r",
        .security_notes = "n",
        .author = "sandbox:demo",
        .confidence = 0.65,
        .approvals_json = "[]",
        .decided_by = "",
        .reason = "",
        .created_at_ms = 1,
        .undo_json = "",
    };
}

static int insert_draft(struct store_tx *tx, void *draft, struct error *err)
{
    return store_tx_draft_insert(tx, draft, err);
}

static int put_draft(struct fixture *f, const char *id, const char *source, const char *host)
{
    struct store_draft draft = a_draft(id, source, host);
    return store_write(f->store, insert_draft, &draft, &f->err);
}

static int setup_sandboxes(void **state)
{
    setup(state);
    put_sandbox(*state, "s1", "demo");
    put_sandbox(*state, "s2", "other");
    return 0;
}

static void a_draft_comes_back_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct store_draft out;
    assert_int_equal(put_draft(f, "c1", "mechanistic", "a.example.com"), 0);
    assert_int_equal(store_draft_get(f->store, "s1", "c1", f->arena, &out, &f->err), 0);
    assert_string_equal(out.host, "a.example.com");
    assert_int_equal(out.port, 443);
    assert_int_equal(out.hits, 3);
    assert_true(out.confidence == 0.65);
    assert_string_equal(out.security_notes, "n");
}

static void a_chunk_of_another_sandbox_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct store_draft out;
    put_draft(f, "c1", "mechanistic", "a.example.com");
    assert_int_equal(store_draft_get(f->store, "s2", "c1", f->arena, &out, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
    assert_string_equal(f->err.text, "chunk 'c1' not found");
}

static void what_was_denied_has_one_chunk(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put_draft(f, "c1", "mechanistic", "a.example.com"), 0);
    assert_int_equal(put_draft(f, "c2", "mechanistic", "a.example.com"), -1);
    assert_int_equal(f->err.kind, ERROR_EXISTS);
    assert_int_equal(put_draft(f, "c3", "agent", "a.example.com"), 0);
    assert_int_equal(put_draft(f, "c4", "agent", "a.example.com"), 0);
}

struct finding {
    struct store_denied denied;
    const char *id;                                 /* of the chunk that is to be found */
};

static int find_draft(struct store_tx *tx, void *arg, struct error *err)
{
    const struct finding *f = arg;
    struct arena *arena = arena_new();
    struct store_draft out;
    int rc = store_tx_draft_find(tx, &f->denied, arena, &out, err);
    if (rc == 0)
        rc = strcmp(out.id, f->id) == 0 ? 0 : error_set(err, ERROR_INTERNAL, "found %s", out.id);
    arena_free(arena);
    return rc;
}

static int find_request(struct fixture *f, const char *host, const char *method, const char *path,
                        const char *id)
{
    struct finding finding = {{"s1", host, 443, "/usr/bin/curl", method, path, "", "", "", ""}, id};
    return store_write(f->store, find_draft, &finding, &f->err);
}

static int find_call(struct fixture *f, const char *rpc_method, const char *tool, const char *id)
{
    struct finding finding = {{"s1", "a.example.com", 443, "/usr/bin/curl", "POST", "/a", "", "",
                               rpc_method, tool}, id};
    return store_write(f->store, find_draft, &finding, &f->err);
}

static void a_chunk_is_found_by_what_was_denied(void **state)
{
    struct fixture *f = *state;
    put_draft(f, "c0", "agent", "a.example.com");
    put_draft(f, "c1", "mechanistic", "a.example.com");
    assert_int_equal(find_request(f, "a.example.com", "", "", "c1"), 0);
    assert_int_equal(find_request(f, "b.example.com", "", "", "c1"), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
}

static int put_request(struct fixture *f, const char *id, const char *method, const char *path)
{
    struct store_draft draft = a_draft(id, "mechanistic", "a.example.com");
    draft.method = method;
    draft.path = path;
    return store_write(f->store, insert_draft, &draft, &f->err);
}

static int put_call(struct fixture *f, const char *id, const char *rpc_method, const char *tool)
{
    struct store_draft draft = a_draft(id, "mechanistic", "a.example.com");
    draft.method = "POST";
    draft.path = "/a";
    draft.rpc_method = rpc_method;
    draft.tool = tool;
    return store_write(f->store, insert_draft, &draft, &f->err);
}

static void each_call_that_was_denied_has_one_chunk(void **state)
{
    struct fixture *f = *state;
    struct store_draft out;
    assert_int_equal(put_request(f, "c1", "POST", "/a"), 0);
    assert_int_equal(put_call(f, "c2", "tools/list", ""), 0);
    assert_int_equal(put_call(f, "c3", "tools/call", "a"), 0);
    assert_int_equal(put_call(f, "c4", "tools/call", "b"), 0);
    assert_int_equal(put_call(f, "c5", "tools/call", "b"), -1);
    assert_int_equal(f->err.kind, ERROR_EXISTS);
    assert_int_equal(find_request(f, "a.example.com", "POST", "/a", "c1"), 0);
    assert_int_equal(find_call(f, "tools/list", "", "c2"), 0);
    assert_int_equal(find_call(f, "tools/call", "a", "c3"), 0);
    assert_int_equal(find_call(f, "tools/call", "c", ""), -1);
    assert_int_equal(store_draft_get(f->store, "s1", "c4", f->arena, &out, &f->err), 0);
    assert_string_equal(out.rpc_method, "tools/call");
    assert_string_equal(out.tool, "b");
}

static void each_request_that_was_denied_has_one_chunk(void **state)
{
    struct fixture *f = *state;
    struct store_draft out;
    assert_int_equal(put_draft(f, "c0", "mechanistic", "a.example.com"), 0);
    assert_int_equal(put_request(f, "c1", "POST", "/a"), 0);
    assert_int_equal(put_request(f, "c2", "POST", "/b"), 0);
    assert_int_equal(put_request(f, "c3", "PUT", "/a"), 0);
    assert_int_equal(put_request(f, "c4", "PUT", "/a"), -1);
    assert_int_equal(f->err.kind, ERROR_EXISTS);
    assert_string_equal(f->err.text,
                        "chunk 'c4', or one for the same host, port, binary and request, "
                        "exists already");
    assert_int_equal(find_request(f, "a.example.com", "", "", "c0"), 0);
    assert_int_equal(find_request(f, "a.example.com", "POST", "/b", "c2"), 0);
    assert_int_equal(find_request(f, "a.example.com", "PUT", "/a", "c3"), 0);
    assert_int_equal(find_request(f, "a.example.com", "PUT", "/b", ""), -1);
    assert_string_equal(f->err.text,
                        "no chunk for a.example.com:443, '/usr/bin/curl' and request 'PUT /b'");
    assert_int_equal(store_draft_get(f->store, "s1", "c3", f->arena, &out, &f->err), 0);
    assert_string_equal(out.method, "PUT");
    assert_string_equal(out.path, "/a");
}

static int approve_pending(struct store_tx *tx, void *draft, struct error *err)
{
    return store_tx_draft_update(tx, draft, "pending", err);
}

static void an_update_needs_the_expected_status(void **state)
{
    struct fixture *f = *state;
    struct store_draft draft = a_draft("c1", "mechanistic", "a.example.com"), out;
    put_draft(f, "c1", "mechanistic", "a.example.com");
    draft.status = "approved";
    draft.decided_by = "alice";
    draft.revision = 4;
    assert_int_equal(store_write(f->store, approve_pending, &draft, &f->err), 0);
    store_draft_get(f->store, "s1", "c1", f->arena, &out, &f->err);
    assert_string_equal(out.status, "approved");
    assert_string_equal(out.decided_by, "alice");
    assert_int_equal(out.revision, 4);
    assert_int_equal(store_write(f->store, approve_pending, &draft, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_STATE);
    assert_string_equal(f->err.text, "chunk status is 'approved', expected 'pending'");
    draft.sandbox_id = "s2";
    assert_int_equal(store_write(f->store, approve_pending, &draft, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
}

static int delete_other(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_sandbox_delete(tx, arg, 9, err);
}

static void lists_go_by_sandbox_and_status(void **state)
{
    struct fixture *f = *state;
    struct store_draft *list, draft = a_draft("c9", "agent", "b");
    uint64_t count;
    size_t n;
    put_draft(f, "c2", "agent", "a");
    put_draft(f, "c1", "agent", "a");
    draft.sandbox_id = "s2";
    draft.status = "rejected";
    store_write(f->store, insert_draft, &draft, &f->err);
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].id, "c2");          /* oldest first */
    store_draft_list(f->store, "s1", "rejected", f->arena, &list, &n, &f->err);
    assert_int_equal(n, 0);
    store_draft_list(f->store, NULL, NULL, f->arena, &list, &n, &f->err);
    assert_int_equal(n, 3);
    store_draft_list(f->store, NULL, "rejected", f->arena, &list, &n, &f->err);
    assert_int_equal(n, 1);
    assert_int_equal(store_draft_count(f->store, "pending", &count, &f->err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(store_draft_count(f->store, "rejected", &count, &f->err), 0);
    assert_int_equal(count, 1);
    store_write(f->store, delete_other, "s2", &f->err);
    store_draft_list(f->store, NULL, "rejected", f->arena, &list, &n, &f->err);
    assert_int_equal(n, 0);
    assert_int_equal(store_draft_count(f->store, "rejected", &count, &f->err), 0);
    assert_int_equal(count, 0); /* those of a sandbox that is gone wait no more */
}

static int clear(struct store_tx *tx, void *cleared, struct error *err)
{
    return store_tx_draft_trim(tx, "s1", "pending", 0, cleared, err);
}

static void clearing_takes_the_pending_ones(void **state)
{
    struct fixture *f = *state;
    struct store_draft *list, draft = a_draft("c9", "agent", "b");
    uint64_t cleared;
    size_t n;
    put_draft(f, "c1", "agent", "a");
    put_draft(f, "c2", "mechanistic", "a");
    draft.status = "rejected";
    store_write(f->store, insert_draft, &draft, &f->err);
    assert_int_equal(store_write(f->store, clear, &cleared, &f->err), 0);
    assert_int_equal(cleared, 2);
    store_draft_list(f->store, "s1", NULL, f->arena, &list, &n, &f->err);
    assert_int_equal(n, 1);
    assert_int_equal(put_draft(f, "c3", "mechanistic", "a"), 0);
}

static int write_events(struct store_tx *tx, void *arg, struct error *err)
{
    (void)arg;
    struct store_draft_event first = {"c1", "proposed", "sandbox:demo", "Rule 'x' proposed",
                                      5,    "agent",    "sandbox:demo"};
    struct store_draft_event second = {"c1", "approved", "alice", "Rule 'x' approved", 6, "uid",
                                       "unix"};
    return store_tx_draft_event(tx, "s1", &first, err) ||
           store_tx_draft_event(tx, "s1", &second, err);
}

static void history_names_actors_in_order(void **state)
{
    struct fixture *f = *state;
    struct store_draft_event *events;
    size_t n;
    assert_int_equal(store_write(f->store, write_events, NULL, &f->err), 0);
    assert_int_equal(store_draft_history(f->store, "s1", 1, f->arena, &events, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(events[0].event, "approved");       /* the newest */
    assert_int_equal(store_draft_history(f->store, "s1", 3, f->arena, &events, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(events[0].event, "proposed");
    assert_string_equal(events[1].actor, "alice");
    assert_string_equal(events[1].text, "Rule 'x' approved");
    assert_int_equal(events[1].at_ms, 6);
}

int main(void)
{
    struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_sandboxes, teardown)
        TEST(a_draft_comes_back_as_it_was),
        TEST(a_chunk_of_another_sandbox_is_not_found),
        TEST(what_was_denied_has_one_chunk),
        TEST(a_chunk_is_found_by_what_was_denied),
        TEST(each_request_that_was_denied_has_one_chunk),
        TEST(each_call_that_was_denied_has_one_chunk),
        TEST(an_update_needs_the_expected_status),
        TEST(lists_go_by_sandbox_and_status),
        TEST(clearing_takes_the_pending_ones),
        TEST(history_names_actors_in_order),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
