/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that is lost: what was acknowledged is there, what failed is not, and a commit whose
 * answer was lost is looked up. */
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support/store.h"

enum cut {
    CUT_NOTHING,
    CUT_NOW,                                        /* at the next words of either side */
    CUT_COMMITTED,                                  /* instead of the answer to COMMIT */
    CUT_REQUEST,                                    /* instead of the gateway's next words */
};

/* Stands between a store and its server. */
struct relay {
    char folder[64];
    struct sockaddr_un server;
    int listener, stop[2];
    pthread_t thread;
    _Atomic enum cut cut;
    _Atomic bool away;                              /* takes no connection */
    _Atomic int n_connections;
};

struct scene {
    struct fixture f;
    struct relay relay;
};

/* ---- the relay ---- */

static void set_path(struct sockaddr_un *address, const char *folder)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "%s/.s.PGSQL.5432", folder);
}

/* Returns whether the connection goes on. */
static bool pass(struct relay *r, int from, int to, bool to_gateway)
{
    char bytes[65536];
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n <= 0 || r->cut == CUT_NOW || (!to_gateway && r->cut == CUT_REQUEST) ||
        (to_gateway && r->cut == CUT_COMMITTED && memmem(bytes, (size_t)n, "COMMIT", 7))) {
        r->cut = n <= 0 ? r->cut : CUT_NOTHING;
        return false;
    }
    return write(to, bytes, (size_t)n) == n;
}

static int connect_to_server(const struct relay *r)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&r->server, sizeof r->server), 0);
    return fd;
}

struct pair {
    struct relay *relay;
    int gateway, server;
};

static void *carry(void *arg)
{
    struct pair *p = arg;
    bool goes_on = true;
    while (goes_on) {
        struct pollfd fds[] = {{.fd = p->gateway, .events = POLLIN},
                               {.fd = p->server, .events = POLLIN}};
        poll(fds, 2, -1);
        if (fds[0].revents)
            goes_on = pass(p->relay, p->gateway, p->server, false);
        if (goes_on && fds[1].revents)
            goes_on = pass(p->relay, p->server, p->gateway, true);
    }
    close(p->gateway);
    close(p->server);
    free(p);
    return NULL;
}

static void *relay_all(void *arg)
{
    struct relay *r = arg;
    for (;;) {
        struct pollfd fds[] = {{.fd = r->listener, .events = POLLIN},
                               {.fd = r->stop[0], .events = POLLIN}};
        poll(fds, 2, -1);
        if (fds[1].revents)
            return NULL;
        int fd = accept(r->listener, NULL, NULL);
        if (r->away) {
            close(fd);
            continue;
        }
        r->n_connections++;
        struct pair *pair = alloc_zero(1, sizeof *pair);
        pthread_t thread;
        *pair = (struct pair){r, fd, connect_to_server(r)};
        pthread_create(&thread, NULL, carry, pair);
        pthread_detach(thread);
    }
}

static void start_relay(struct relay *r)
{
    struct sockaddr_un own;
    snprintf(r->folder, sizeof r->folder, "/tmp/sluice-relay-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    set_path(&r->server, postgres_folder());
    set_path(&own, r->folder);
    r->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(r->listener, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(listen(r->listener, 16), 0);
    assert_int_equal(pipe(r->stop), 0);
    pthread_create(&r->thread, NULL, relay_all, r);
}

static void stop_relay(struct relay *r)
{
    struct sockaddr_un own;
    set_path(&own, r->folder);
    assert_int_equal(write(r->stop[1], "x", 1), 1);
    pthread_join(r->thread, NULL);
    close(r->listener);
    close(r->stop[0]);
    close(r->stop[1]);
    unlink(own.sun_path);
    rmdir(r->folder);
}

static int setup_scene(void **state)
{
    struct scene *s = alloc_zero(1, sizeof *s);
    void *factory = (void *)&postgres_factory;
    setup_closed(&factory);
    s->f = *(struct fixture *)factory;
    free(factory);
    start_relay(&s->relay);
    snprintf(s->f.place.url, sizeof s->f.place.url,
             "postgresql://sluice@/postgres?host=%s&options=-csearch_path%%3D%.16s",
             s->relay.folder, s->f.place.path);
    open_store(&s->f);
    assert_int_equal(store_claim(s->f.store, &s->f.err), 0);
    put_sandbox(&s->f, "s1", "demo");
    *state = s;
    return 0;
}

static int teardown_scene(void **state)
{
    struct scene *s = *state;
    store_close(s->f.store);
    stop_relay(&s->relay);
    arena_free(s->f.arena);
    close(s->f.log_file);
    s->f.factory->remove(&s->f.place);
    free(s);
    return 0;
}

/* ---- a commit ---- */

struct update {
    struct scene *scene;
    struct store_revision revision;
    enum cut cut;                                   /* once its statements were sent */
    int n_calls;
};

static int update(struct store_tx *tx, void *arg, struct error *err)
{
    struct update *u = arg;
    int rc = store_tx_revision_commit(tx, &u->revision, u->revision.revision - 1, NULL, err);
    if (rc == 0 && u->n_calls++ == 0)
        u->scene->relay.cut = u->cut;
    return rc;
}

static int commit(struct scene *s, uint64_t number, enum cut cut, int *calls)
{
    struct update u = {.scene = s, .revision = a_revision("s1", number), .cut = cut};
    int rc = store_write(s->f.store, update, &u, &s->f.err);
    *calls = u.n_calls;
    return rc;
}

static uint64_t newest(struct scene *s)
{
    struct store_sandbox sandbox;
    if (store_sandbox_get(s->f.store, "demo", s->f.arena, &sandbox, &s->f.err) != 0)
        fail_msg("%s", s->f.err.text);
    return sandbox.revision;
}

static void a_commit_whose_answer_was_lost_is_found_and_not_made_twice(void **state)
{
    struct scene *s = *state;
    int calls;
    assert_int_equal(commit(s, 1, CUT_COMMITTED, &calls), 0);
    assert_int_equal(calls, 1);
    assert_int_equal(s->relay.cut, CUT_NOTHING);    /* it was lost */
    assert_int_equal(newest(s), 1);
    assert_int_equal(commit(s, 2, CUT_NOTHING, &calls), 0);
}

static void a_commit_that_did_not_arrive_is_made_once_more(void **state)
{
    struct scene *s = *state;
    int calls;
    assert_int_equal(commit(s, 1, CUT_REQUEST, &calls), 0);
    assert_int_equal(calls, 2);
    assert_int_equal(newest(s), 1);
}

static void a_connection_lost_while_idle_is_made_again(void **state)
{
    struct scene *s = *state;
    int calls;
    s->relay.cut = CUT_NOW;
    if (commit(s, 1, CUT_NOTHING, &calls) != 0)
        fail_msg("%s", s->f.err.text);
    assert_int_equal(newest(s), 1);
}

static void without_a_server_changes_and_reads_fail_at_once_and_leave_nothing(void **state)
{
    struct scene *s = *state;
    struct store_sandbox sandbox;
    int calls;
    s->relay.away = true;
    s->relay.cut = CUT_NOW;
    assert_int_equal(commit(s, 1, CUT_NOTHING, &calls), -1);
    assert_int_equal(s->f.err.kind, ERROR_UNAVAILABLE);
    assert_int_equal(error_status(s->f.err.kind), 503);
    assert_contains(s->f.err.text, "check that the server runs");
    assert_int_equal(store_sandbox_get(s->f.store, "demo", s->f.arena, &sandbox, &s->f.err), -1);
    assert_int_equal(s->f.err.kind, ERROR_UNAVAILABLE);
    s->relay.away = false;
    while (commit(s, 1, CUT_NOTHING, &calls) != 0)  /* the next attempt is some 100 ms away */
        assert_int_equal(s->f.err.kind, ERROR_UNAVAILABLE);
    assert_int_equal(newest(s), 1);
}

/* ---- writes that nobody waits for ---- */

struct later {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int done, rc;
};

static void was_written(void *arg, int rc, const struct error *err)
{
    struct later *l = arg;
    (void)err;
    pthread_mutex_lock(&l->lock);
    l->done++;
    l->rc = rc;
    pthread_cond_signal(&l->moved);
    pthread_mutex_unlock(&l->lock);
}

static int add_decision(struct store_tx *tx, void *arg, struct error *err)
{
    struct store_decision decision = a_decision("later", "r");
    (void)arg;
    return store_tx_decision_append(tx, &decision, err);
}

static void what_nobody_waits_for_is_kept_while_the_server_is_away(void **state)
{
    struct scene *s = *state;
    struct later later = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    struct store_decision found;
    int calls;
    s->relay.away = true;
    s->relay.cut = CUT_NOW;
    assert_int_equal(commit(s, 1, CUT_NOTHING, &calls), -1);
    store_write_later(s->f.store, add_decision, was_written, &later);
    assert_int_equal(commit(s, 1, CUT_NOTHING, &calls), -1);
    assert_int_equal(later.done, 0);
    s->relay.away = false;
    pthread_mutex_lock(&later.lock);
    while (!later.done)
        pthread_cond_wait(&later.moved, &later.lock);
    pthread_mutex_unlock(&later.lock);
    assert_int_equal(later.rc, 0);
    assert_int_equal(store_decision_get(s->f.store, "later", s->f.arena, &found, &s->f.err), 0);
}

/* ---- the claim ---- */

static void a_claim_is_one_gateways_and_outlives_its_connection(void **state)
{
    struct scene *s = *state;
    int calls;
    struct store *other = store_open(s->f.place.url, &s->f.log, &s->f.err);
    assert_non_null(other);
    assert_int_equal(store_claim(other, &s->f.err), -1);
    assert_int_equal(s->f.err.kind, ERROR_EXISTS);
    assert_contains(s->f.err.text, "another sluiced works in the store postgresql://sluice@/");
    s->relay.cut = CUT_NOW;
    assert_int_equal(commit(s, 1, CUT_NOTHING, &calls), 0);
    assert_int_equal(store_claim(other, &s->f.err), -1);
    store_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_scene, teardown_scene)
        TEST(a_commit_whose_answer_was_lost_is_found_and_not_made_twice),
        TEST(a_commit_that_did_not_arrive_is_made_once_more),
        TEST(a_connection_lost_while_idle_is_made_again),
        TEST(without_a_server_changes_and_reads_fail_at_once_and_leave_nothing),
        TEST(what_nobody_waits_for_is_kept_while_the_server_is_away),
        TEST(a_claim_is_one_gateways_and_outlives_its_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
