/* SPDX-License-Identifier: Apache-2.0 */
/* Several gateways on one store: each hears what the others write, once and in one order. */
#include <pthread.h>

#include "support/store.h"

#include "base/digest.h"
#include "store/gateways.h"
#include "store/postgres/outbox.h"

enum { HEARD_MAX = 512, RACE = 40 };

struct heard {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct store_change changes[HEARD_MAX];         /* their texts live in the arena */
    size_t n;
    struct arena *arena;
};

/* Gateway "a" has the fixture's store, "b" another one in the same place. */
struct scene {
    struct fixture f;
    struct store *b;
    struct heard heard_a, heard_b;
};

static void hear(void *ctx, const struct store_change *changes, size_t n)
{
    struct heard *h = ctx;
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < n && h->n < HEARD_MAX; i++) {
        struct store_change *copy = &h->changes[h->n++];
        *copy = changes[i];
        copy->subject = arena_str(h->arena, copy->subject);
        copy->part = arena_str(h->arena, copy->part);
        copy->event_type = arena_str(h->arena, copy->event_type);
        copy->event_json = arena_str(h->arena, copy->event_json);
    }
    pthread_cond_broadcast(&h->moved);
    pthread_mutex_unlock(&h->lock);
}

/* The nth change of a topic, from 1; waits for it. */
static struct store_change wait_for(struct heard *h, enum store_topic topic, size_t nth)
{
    struct store_change found = {.topic = STORE_TOPIC_COUNT};
    pthread_mutex_lock(&h->lock);
    while (found.topic == STORE_TOPIC_COUNT) {
        size_t left = nth;
        for (size_t i = 0; i < h->n; i++)
            if (h->changes[i].topic == topic && --left == 0)
                found = h->changes[i];
        if (found.topic == STORE_TOPIC_COUNT)
            pthread_cond_wait(&h->moved, &h->lock);
    }
    pthread_mutex_unlock(&h->lock);
    return found;
}

static void join_as(struct scene *s, struct store *store, const char *id, struct heard *h)
{
    struct store_gateway me = {.id = id, .name = id};
    if (store_join(store, &me, &s->f.err) != 0)
        fail_msg("%s", s->f.err.text);
    *h = (struct heard){.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER,
                        .arena = arena_new()};
    assert_int_equal(store_follow(store, hear, h, &s->f.err), 0);
}

/* The stores connect as a role of their own, which has the schema's name. */
static void execute_as_owner(struct scene *s, const char *sql)
{
    const char *gap = strstr(sql, "%s");
    char *text = alloc_printf("%.*s%s%s", (int)(gap - sql), sql, s->f.place.path, gap + 2);
    postgres_execute("public", text, NULL);
    free(text);
}

static int setup_scene(void **state)
{
    struct scene *s = alloc_zero(1, sizeof *s);
    void *factory = (void *)&postgres_factory;
    setup_closed(&factory);
    s->f = *(struct fixture *)factory;
    free(factory);
    execute_as_owner(s, "CREATE ROLE %s SUPERUSER LOGIN");
    snprintf(s->f.place.url, sizeof s->f.place.url,
             "postgresql://%.16s@/postgres?host=%s&options=-csearch_path%%3D%.16s",
             s->f.place.path, postgres_folder(), s->f.place.path);
    open_store(&s->f);
    s->b = store_open(s->f.place.url, &s->f.log, &s->f.err);
    assert_non_null(s->b);
    join_as(s, s->f.store, "a", &s->heard_a);
    join_as(s, s->b, "b", &s->heard_b);
    put_sandbox(&s->f, "s1", "demo");
    *state = s;
    return 0;
}

static int teardown_scene(void **state)
{
    struct scene *s = *state;
    store_close(s->b);
    store_close(s->f.store);
    arena_free(s->heard_a.arena);
    arena_free(s->heard_b.arena);
    arena_free(s->f.arena);
    close(s->f.log_file);
    s->f.factory->remove(&s->f.place);
    execute_as_owner(s, "DROP ROLE %s");
    free(s);
    return 0;
}

static int put_revision_at(struct store *store, uint64_t number, struct error *err)
{
    struct store_revision revision = a_revision("s1", number);
    return store_write(store, commit_revision, &revision, err);
}

static int insert_event(struct store_tx *tx, void *event, struct error *err)
{
    return store_tx_event_insert(tx, event, err);
}

static void what_one_writes_is_heard_by_all(void **state)
{
    struct scene *s = *state;
    struct store_event event = {.id = 7, .of_workload = true, .type = "denial",
                                .sandbox = "demo", .json = "{\"n\":1}"};
    struct store_change c = wait_for(&s->heard_b, STORE_TOPIC_SANDBOX, 1);
    assert_string_equal(c.subject, "s1");
    assert_false(c.own);
    assert_true(wait_for(&s->heard_a, STORE_TOPIC_SANDBOX, 1).own);
    assert_int_equal(put_revision_at(s->b, 1, &s->f.err), 0);
    c = wait_for(&s->heard_a, STORE_TOPIC_POLICY, 1);
    assert_string_equal(c.subject, "s1");
    assert_int_equal(c.number, 1);
    assert_false(c.own);
    assert_int_equal(store_write(s->b, insert_event, &event, &s->f.err), 0);
    c = wait_for(&s->heard_a, STORE_TOPIC_EVENT, 1);
    assert_int_equal(c.number, 7);
    assert_string_equal(c.event_type, "denial");
    assert_string_equal(c.event_json, "{\"n\":1}");
    assert_null(wait_for(&s->heard_b, STORE_TOPIC_EVENT, 1).event_type);
}

static int commit_then_fail(struct store_tx *tx, void *arg, struct error *err)
{
    return commit_revision(tx, arg, err) == 0 ? error_set(err, ERROR_INVALID, "no") : -1;
}

static void what_was_not_committed_is_not_heard(void **state)
{
    struct scene *s = *state;
    struct store_revision revision = a_revision("s1", 1);
    assert_int_equal(store_write(s->b, commit_then_fail, &revision, &s->f.err), -1);
    revision.kind = "create";
    assert_int_equal(put_revision_at(s->b, 1, &s->f.err), 0);
    assert_int_equal(put_revision_at(s->b, 2, &s->f.err), 0);
    assert_int_equal(wait_for(&s->heard_a, STORE_TOPIC_POLICY, 1).number, 1);
    assert_int_equal(wait_for(&s->heard_a, STORE_TOPIC_POLICY, 2).number, 2);
}

/* ---- a race ---- */

struct racer {
    struct scene *scene;
    struct store *store;
    unsigned made;
};

struct attempt {
    struct store_revision revision;
    struct store_decision decision;
};

static int write_attempt(struct store_tx *tx, void *arg, struct error *err)
{
    struct attempt *a = arg;
    return commit_revision(tx, &a->revision, err) || append_decision(tx, &a->decision, err) ? -1
                                                                                            : 0;
}

static void *race(void *arg)
{
    struct racer *r = arg;
    while (r->made < RACE) {
        struct arena *arena = arena_new();
        struct store_sandbox now;
        struct error err;
        char id[UUID_SIZE];
        struct attempt a = {.decision = a_decision(digest_uuid(id), "race")};
        if (store_sandbox_get(r->store, "demo", arena, &now, &err) != 0)
            fail_msg("%s", err.text);
        a.revision = a_revision("s1", now.revision + 1);
        if (store_write(r->store, write_attempt, &a, &err) == 0)
            r->made++;
        else if (err.kind != ERROR_MOVED)
            fail_msg("%s", err.text);
        arena_free(arena);
    }
    return NULL;
}

static void a_race_of_two_gateways_leaves_no_gap(void **state)
{
    struct scene *s = *state;
    struct racer racers[] = {{s, s->f.store, 0}, {s, s->b, 0}};
    struct store_audit_report report;
    struct store_revision *revisions;
    pthread_t threads[2];
    size_t n;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(store_revision_list(s->b, "s1", 0, 0, s->f.arena, &revisions, &n, &s->f.err),
                     0);
    assert_int_equal(n, 2 * RACE);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(revisions[i].revision, n - i);
    assert_int_equal(store_audit_verify(s->b, NULL, &report, &s->f.err), 0);
    assert_int_equal(report.bad_seq, 0);
    assert_int_equal(report.records, 2 * RACE);
    for (size_t i = 1; i <= n; i++) {
        assert_int_equal(wait_for(&s->heard_a, STORE_TOPIC_POLICY, i).number, i);
        assert_int_equal(wait_for(&s->heard_b, STORE_TOPIC_POLICY, i).number, i);
    }
}

/* ---- connections and rows ---- */

static void a_lost_connection_loses_no_change(void **state)
{
    struct scene *s = *state;
    for (uint64_t n = 1; n <= 3; n++) {
        execute_as_owner(s, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                            "WHERE usename='%s'");
        assert_int_equal(put_revision_at(s->b, n, &s->f.err), 0);
        assert_int_equal(wait_for(&s->heard_a, STORE_TOPIC_POLICY, n).number, n);
    }
    pthread_mutex_lock(&s->heard_a.lock);
    size_t policies = 0;
    for (size_t i = 0; i < s->heard_a.n; i++)
        policies += s->heard_a.changes[i].topic == STORE_TOPIC_POLICY;
    pthread_mutex_unlock(&s->heard_a.lock);
    assert_int_equal(policies, 3);
}

static void old_rows_are_removed_and_a_dead_gateway_is_told_apart(void **state)
{
    struct scene *s = *state;
    struct store_gateway *list;
    uint64_t rows = 1, seq = 0;
    size_t n;
    postgres_execute(s->f.place.path,
                     "INSERT INTO gateway(id, name, started_at_ms, seen_at_ms) VALUES('c', 'c', "
                     "1, 1)", NULL);
    struct pg_place *place = pg_place_new(s->f.place.url, &s->f.err);
    struct pg *pg = pg_open(place, PG_WRITE, &s->f.err);
    assert_int_equal(sql_count(&pg->sql, &s->f.err, &seq, "SELECT max(seq) FROM outbox", ""), 0);
    assert_int_equal(outbox_beat(pg, (int64_t)seq, &s->f.err), 0);
    assert_int_equal(sql_count(&pg->sql, &s->f.err, &rows, "SELECT count(*) FROM outbox", ""), 0);
    assert_int_equal(rows, 0);
    pg_close(pg);
    pg_place_free(place);
    assert_int_equal(store_gateway_list(s->f.store, s->f.arena, &list, &n, &s->f.err), 0);
    assert_int_equal(n, 3);
    assert_true(list[0].alive && list[1].alive && !list[2].alive);
    assert_int_equal(put_revision_at(s->b, 1, &s->f.err), 0);
    assert_int_equal(wait_for(&s->heard_a, STORE_TOPIC_POLICY, 1).number, 1);
}

/* ---- who may work in it ---- */

static void an_id_is_one_gateways_and_nobody_works_alone_beside_others(void **state)
{
    struct scene *s = *state;
    struct store *other = store_open(s->f.place.url, &s->f.log, &s->f.err);
    struct store_gateway me = {.id = "a", .name = "a"};
    assert_int_equal(store_join(other, &me, &s->f.err), -1);
    assert_int_equal(s->f.err.kind, ERROR_EXISTS);
    assert_contains(s->f.err.text, "with a copy of its state folder");
    assert_int_equal(store_claim(other, &s->f.err), -1);
    assert_contains(s->f.err.text, "another sluiced works in the store");
    store_close(other);
}

static int start_at(struct store_tx *tx, void *arg, struct error *err)
{
    (void)arg;
    return store_tx_sandbox_token(tx, "s1", "t", err);
}

static void a_sandbox_has_the_home_where_it_was_made(void **state)
{
    struct scene *s = *state;
    struct store_sandbox box;
    assert_int_equal(store_sandbox_get(s->b, "demo", s->f.arena, &box, &s->f.err), 0);
    assert_string_equal(box.home, "a");
    assert_int_equal(store_write(s->b, start_at, NULL, &s->f.err), -1);
    assert_int_equal(s->f.err.kind, ERROR_STATE);
    assert_contains(s->f.err.text, "at home with another gateway");
    assert_int_equal(store_write(s->f.store, start_at, NULL, &s->f.err), 0);
}

struct holding {
    int64_t now_ms, until_ms;
    int held;
};

static int hold(struct store_tx *tx, void *arg, struct error *err)
{
    struct holding *h = arg;
    h->held = store_tx_export_hold(tx, "siem", h->now_ms, h->until_ms, err);
    return h->held < 0 ? -1 : 0;
}

static int take(struct store_tx *tx, void *arg, struct error *err)
{
    const struct store_export taken = {.name = "siem", .audit = *(uint64_t *)arg};
    return store_tx_export_put(tx, &taken, 200, err);
}

static int held_by(struct store *store, int64_t now_ms, int64_t until_ms)
{
    struct holding h = {now_ms, until_ms, -1};
    assert_int_equal(store_write(store, hold, &h, NULL), 0);
    return h.held;
}

static void one_gateway_exports_until_it_is_silent_or_lets_go(void **state)
{
    struct scene *s = *state;
    struct store *a = s->f.store, *b = s->b;
    struct store_export taken;
    uint64_t audit = 7, less = 3;
    assert_int_equal(held_by(a, 0, 100), 1);
    assert_int_equal(held_by(b, 50, 150), 0);
    assert_int_equal(store_write(b, take, &less, &s->f.err), -1);
    assert_int_equal(s->f.err.kind, ERROR_MOVED);
    assert_int_equal(store_write(a, take, &audit, &s->f.err), 0);       /* until 200 */
    assert_int_equal(held_by(b, 150, 250), 0);
    assert_int_equal(held_by(b, 201, 300), 1);
    assert_int_equal(store_write(a, take, &less, &s->f.err), -1);
    assert_int_equal(store_export_get(b, "siem", s->f.arena, &taken, &s->f.err), 0);
    assert_int_equal(taken.audit, 7);
    assert_int_equal(held_by(b, 250, 0), 1);        /* lets go */
    assert_int_equal(held_by(a, 250, 350), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_scene, teardown_scene)
        TEST(what_one_writes_is_heard_by_all),
        TEST(what_was_not_committed_is_not_heard),
        TEST(a_race_of_two_gateways_leaves_no_gap),
        TEST(a_lost_connection_loses_no_change),
        TEST(old_rows_are_removed_and_a_dead_gateway_is_told_apart),
        TEST(an_id_is_one_gateways_and_nobody_works_alone_beside_others),
        TEST(a_sandbox_has_the_home_where_it_was_made),
        TEST(one_gateway_exports_until_it_is_silent_or_lets_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
