/* SPDX-License-Identifier: Apache-2.0 */
/* Every field of every record comes back as it was written; lists in pages and in order; values
 * that are refused. */
#include <math.h>

#include "store/backend.h"
#include "support/store.h"

/* Texts that a backend could take for something else, or change. */
static const char *const texts[] = {
    "", "'", "\"; DROP TABLE sandbox; --", "%s ? $1 :a @b \\ \\0", "NULL", "0", " two  blanks ",
    "line\nfeed\ttab\r", "\x01\x7f", "{\"a\":[1,2.5,null]}", "Grüße, 世界 \xf0\x9f\x8c\x8d",
    "e\xcc\x81", "\xef\xbb\xbf" "bom",
};

enum { N_TEXTS = sizeof texts / sizeof *texts, ROUNDS = N_TEXTS };

/* Fills the fields with texts and numbers that differ from field to field and round to round. */
static void fill(const struct store_record *record, void *out, int round)
{
    static const int64_t numbers[] = {0, 1, 1234567890123, INT64_MAX - 100};
    for (size_t i = 0; i < record->n; i++) {
        void *field = (char *)out + record->fields[i].offset;
        size_t pick = i + (size_t)round;
        switch (record->fields[i].kind) {
        case STORE_TEXT:    *(const char **)field = texts[pick % N_TEXTS]; break;
        case STORE_INTEGER: *(int64_t *)field = numbers[pick % 4] * (pick % 3 ? 1 : -1); break;
        case STORE_COUNT:   *(uint64_t *)field = (uint64_t)numbers[pick % 4]; break;
        case STORE_PORT:    *(uint16_t *)field = (uint16_t)(65535 - pick % 2 * 65535); break;
        case STORE_FLAG:    *(bool *)field = pick % 2; break;
        case STORE_REAL:    *(double *)field = pick % 2 ? 0.1 : nextafter(1, 2); break;
        }
    }
}

/* but: fields that need not be the same, between blanks. */
static void assert_same(const struct store_record *record, const void *a, const void *b,
                        const char *but)
{
    for (size_t i = 0; i < record->n; i++) {
        const struct store_field *field = &record->fields[i];
        const char *x = (const char *)a + field->offset, *y = (const char *)b + field->offset;
        char *name = alloc_printf(" %s ", field->name);
        bool skip_it = strstr(but, name), same = true;
        free(name);
        switch (field->kind) {
        case STORE_TEXT:    same = skip_it || !strcmp(*(char *const *)x, *(char *const *)y); break;
        case STORE_INTEGER:
        case STORE_COUNT:   same = *(const uint64_t *)x == *(const uint64_t *)y; break;
        case STORE_PORT:    same = *(const uint16_t *)x == *(const uint16_t *)y; break;
        case STORE_FLAG:    same = *(const bool *)x == *(const bool *)y; break;
        case STORE_REAL:    same = !memcmp(x, y, sizeof(double)); break;
        }
        if (!same && !skip_it)
            fail_msg("field %s is not what was written", field->name);
    }
}

static const char *an_id(struct fixture *f, int round)
{
    return arena_printf(f->arena, "id-%d", round);
}

static void write_all_of(struct fixture *f, store_write_fn fn, void *record)
{
    if (store_write(f->store, fn, record, &f->err) != 0)
        fail_msg("%s", f->err.text);
}

static int insert_user(struct store_tx *tx, void *user, struct error *err)
{
    return store_tx_user_add(tx, "id-0", user, 1, err);
}

static int insert_workspace(struct store_tx *tx, void *workspace, struct error *err)
{
    return store_tx_workspace_insert(tx, workspace, err);
}

static void workspaces_come_back(void **state)
{
    struct fixture *f = *state;
    struct store_workspace in, *list;
    size_t n;
    for (int round = 0; round < ROUNDS; round++) {
        struct store_workspace out;
        fill(&store_workspace_record, &in, round);
        in.id = an_id(f, round);
        in.name = arena_printf(f->arena, "%d%s", round, in.name);
        write_all_of(f, insert_workspace, &in);
        reopen_store(f);
        assert_int_equal(store_workspace_get(f->store, in.name, f->arena, &out, &f->err), 0);
        assert_same(&store_workspace_record, &in, &out, "");
    }
    assert_int_equal(store_workspace_list(f->store, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, ROUNDS + 1);
    assert_string_equal(list[0].name, STORE_WORKSPACE);
    assert_same(&store_workspace_record, &in, &list[ROUNDS], "");
}

static void sandboxes_and_users_come_back(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct store_sandbox in = {0}, out;
        struct store_user user;
        fill(&store_sandbox_record, &in, round);
        in.id = an_id(f, round);
        in.name = arena_printf(f->arena, "%d%s", round, in.name);
        in.workspace = in.name;
        in.deleted_at_ms = 0;
        write_all_of(f, insert_workspace, &(struct store_workspace){in.id, in.name, "{}", 1});
        write_all_of(f, insert_sandbox, &in);
        fill(&store_user_record, &user, round);
        write_all_of(f, insert_user, &user);
        write_all_of(f, insert_user, &user);        /* once more changes nothing */
        reopen_store(f);
        assert_int_equal(store_sandbox_by_id(f->store, in.id, f->arena, &out, &f->err), 0);
        assert_same(&store_sandbox_record, &in, &out, "");
        assert_int_equal(out.number, round + 1);
        assert_int_equal(store_sandbox_get(f->store, in.name, f->arena, &out, &f->err), 0);
        assert_string_equal(out.id, in.id);
    }
    struct store_user *users;
    size_t n;
    assert_int_equal(store_user_list(f->store, "id-0", f->arena, &users, &n, &f->err), 0);
    assert_int_equal(n, ROUNDS);
    for (int round = 0; round < ROUNDS; round++)
        assert_string_equal(users[round].name, texts[round % N_TEXTS]);
}

static void revisions_come_back(void **state)
{
    struct fixture *f = *state;
    put_sandbox(f, "s1", "demo");
    for (int round = 0; round < ROUNDS; round++) {
        struct store_revision in, out;
        fill(&store_revision_record, &in, round);
        in.sandbox_id = "s1";
        in.revision = (uint64_t)round + 1;
        in.status = store_revision_status_word(
            (enum store_revision_status)(round % STORE_REVISION_STATUS_COUNT));
        write_all_of(f, commit_revision, &in);
        assert_int_equal(store_revision_get(f->store, "s1", in.revision, f->arena, &out, &f->err),
                         0);
        assert_same(&store_revision_record, &in, &out, "");
    }
}

static void decisions_come_back(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct store_decision in, out;
        fill(&store_decision_record, &in, round);
        in.id = an_id(f, round);
        write_all_of(f, append_decision, &in);
        assert_int_equal(in.seq, round + 1);
        assert_int_equal(store_decision_get(f->store, in.id, f->arena, &out, &f->err), 0);
        /* Their texts were the transaction's. */
        assert_same(&store_decision_record, &in, &out, " previous hash ");
    }
}

static int insert_draft(struct store_tx *tx, void *draft, struct error *err)
{
    return store_tx_draft_insert(tx, draft, err);
}

static int insert_history(struct store_tx *tx, void *event, struct error *err)
{
    return store_tx_draft_event(tx, "s1", event, err);
}

static void drafts_and_their_history_come_back(void **state)
{
    struct fixture *f = *state;
    struct store_draft_event in_event, *events;
    size_t n;
    put_sandbox(f, "s1", "demo");
    for (int round = 0; round < ROUNDS; round++) {
        struct store_draft in, out;
        fill(&store_draft_record, &in, round);
        in.id = an_id(f, round);
        in.sandbox_id = "s1";
        in.status =
            store_draft_status_word((enum store_draft_status)(round % STORE_DRAFT_STATUS_COUNT));
        write_all_of(f, insert_draft, &in);
        assert_int_equal(store_draft_get(f->store, "s1", in.id, f->arena, &out, &f->err), 0);
        assert_same(&store_draft_record, &in, &out, "");
        fill(&store_draft_event_record, &in_event, round);
        write_all_of(f, insert_history, &in_event);
        assert_int_equal(store_draft_history(f->store, "s1", 1, f->arena, &events, &n, &f->err), 0);
        assert_same(&store_draft_event_record, &in_event, events, "");
    }
}

static int insert_event(struct store_tx *tx, void *event, struct error *err)
{
    return store_tx_event_insert(tx, event, err);
}

static int add_batch(struct store_tx *tx, void *batch, struct error *err)
{
    return store_tx_traffic_add(tx, batch, err);
}

static void events_and_traffic_come_back_in_order(void **state)
{
    struct fixture *f = *state;
    struct store_event *events;
    struct store_traffic *page;
    uint64_t last, after = 0;
    size_t n, seen = 0;
    put_sandbox(f, "s1", "demo");
    for (int round = 0; round < ROUNDS; round++) {
        struct store_event event;
        struct store_traffic item;
        fill(&store_event_record, &event, round);
        event.id = (uint64_t)round * 1000 + 1;
        write_all_of(f, insert_event, &event);
        assert_int_equal(store_event_list(f->store, f->arena, &events, &n, &last, &f->err), 0);
        assert_int_equal(n, round + 1);
        assert_same(&store_event_record, &event, &events[round], "");
        assert_int_equal(last, event.id);
        fill(&store_traffic_record, &item, round);
        item.host = arena_printf(f->arena, "h%s", item.host);
        item.count = (uint64_t)round + 1;
        struct store_traffic_batch batch = {"s1", "source", (uint64_t)round + 1, &item, 1, false};
        write_all_of(f, add_batch, &batch);
        item.sandbox_id = "s1";
        const struct store_traffic_query query = {.sandbox_id = "s1", .after = after};
        assert_int_equal(store_traffic_list(f->store, &query, f->arena, &page, &n, &f->err), 0);
        assert_int_equal(n, 1);
        assert_same(&store_traffic_record, &item, page, " number changed ");
        after = page->number;
    }
    const size_t size = 5;
    after = 0;
    do {
        const struct store_traffic_query query = {
            .sandbox_id = "s1", .after = after, .limit = size};
        assert_int_equal(store_traffic_list(f->store, &query, f->arena, &page, &n, &f->err), 0);
        for (size_t i = 0; i < n; i++, seen++) {
            assert_int_equal(page[i].count, seen + 1);
            after = page[i].number;
        }
    } while (n == size);
    assert_int_equal(seen, ROUNDS);
}

static void long_texts_come_back(void **state)
{
    struct fixture *f = *state;
    struct store_decision in = a_decision("d1", "r"), out;
    size_t len = 8 << 20;
    char *text = alloc_bytes(len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + i % 26);
    text[len] = '\0';
    in.candidate_json = text;
    write_all_of(f, append_decision, &in);
    assert_int_equal(store_decision_get(f->store, "d1", f->arena, &out, &f->err), 0);
    assert_string_equal(out.candidate_json, text);
    free(text);
}

/* ---- pages ---- */

static void decisions_are_read_in_pages(void **state)
{
    enum { N = 23, PAGE = 5 };
    struct fixture *f = *state;
    struct store_decision *page;
    uint64_t before = 0, expected = N;
    size_t n;
    for (int i = 0; i < N; i++)
        assert_int_equal(put_decision(f, an_id(f, i), "r"), 0);
    do {
        const struct store_decision_query query = {
            .sandbox = "demo", .before_seq = before, .limit = PAGE};
        assert_int_equal(store_decision_list(f->store, &query, f->arena, &page, &n, &f->err), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(page[i].seq, expected--);
        before = expected + 1;
    } while (n == PAGE);
    assert_int_equal(expected, 0);
}

/* ---- what is refused ---- */

static int insert_two(struct store_tx *tx, void *revision, struct error *err)
{
    struct store_sandbox sandbox = a_sandbox("s2", "other");
    return store_tx_sandbox_insert(tx, &sandbox, err) || commit_revision(tx, revision, err) ? -1
                                                                                            : 0;
}

static void wrong_values_are_refused_and_undo_their_write(void **state)
{
    struct fixture *f = *state;
    struct store_sandbox out;
    put_sandbox(f, "s1", "demo");
    struct store_revision unknown = a_revision("s1", 1), first = a_revision("s1", 1),
                          orphan = a_revision("nobody", 1);
    unknown.status = "sideways";
    assert_int_equal(store_write(f->store, insert_two, &unknown, &f->err), -1);
    assert_int_equal(store_write(f->store, insert_two, &orphan, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
    assert_int_equal(store_sandbox_get(f->store, "other", f->arena, &out, &f->err), -1);
    struct store_draft draft;
    fill(&store_draft_record, &draft, 0);
    draft.id = "c1";
    draft.sandbox_id = "s1";
    draft.status = "sideways";
    assert_int_equal(store_write(f->store, insert_draft, &draft, &f->err), -1);
    draft.status = "pending";
    draft.sandbox_id = "nobody";
    assert_int_equal(store_write(f->store, insert_draft, &draft, &f->err), -1);
    assert_int_equal(store_write(f->store, commit_revision, &first, &f->err), 0);
}

static int skip_revision(struct store_tx *tx, void *revision, struct error *err)
{
    return store_tx_revision_commit(tx, revision, 0, NULL, err);
}

static void a_revision_that_skips_one_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_revision second = a_revision("s1", 2);
    put_sandbox(f, "s1", "demo");
    assert_int_equal(store_write(f->store, skip_revision, &second, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_INTERNAL);
    assert_string_equal(f->err.text, "revision 2 cannot follow 0");
}

int main(void)
{
    struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(workspaces_come_back),
        TEST(sandboxes_and_users_come_back),
        TEST(revisions_come_back),
        TEST(decisions_come_back),
        TEST(drafts_and_their_history_come_back),
        TEST(events_and_traffic_come_back_in_order),
        TEST(long_texts_come_back),
        TEST(decisions_are_read_in_pages),
        TEST(wrong_values_are_refused_and_undo_their_write),
        TEST(a_revision_that_skips_one_is_refused),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
