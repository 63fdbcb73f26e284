/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that work off a queue: order, groups, and the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"

enum { ITEMS = 1000, ADDERS = 8 };

struct item {
    struct thread_item item;                        /* first */
    int from, number;
};

struct seen {
    pthread_mutex_t lock;                           /* held: the thread waits in its first call */
    int next[ADDERS];
    size_t n, calls, largest;
    bool disordered, takes_signals;
    char name[16];
};

static void look(void *ctx, struct thread_item *items)
{
    struct seen *s = ctx;
    sigset_t blocked;
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    for (; items; items = items->next, n++) {
        struct item *i = (struct item *)items;
        s->disordered |= i->number != s->next[i->from]++;
    }
    s->n += n;
    s->calls++;
    s->largest = n > s->largest ? n : s->largest;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    s->takes_signals = !sigismember(&blocked, SIGTERM);
    pthread_getname_np(pthread_self(), s->name, sizeof s->name);
    pthread_mutex_unlock(&s->lock);
}

static void add_items(struct thread *thread, struct item *items, size_t n, int from)
{
    for (size_t i = 0; i < n; i++) {
        items[i] = (struct item){{NULL}, from, (int)i};
        thread_add(thread, &items[i].item);
    }
}

/* n items that wait together behind the first one. */
static struct seen run_items(size_t most, size_t n)
{
    struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct item *items = alloc_zero(n, sizeof *items);
    pthread_mutex_lock(&seen.lock);
    struct thread *thread = thread_new("worker", most, look, &seen, NULL);
    assert_non_null(thread);
    add_items(thread, items, n, 0);
    pthread_mutex_unlock(&seen.lock);
    thread_free(thread);
    free(items);
    return seen;
}

static void items_come_in_order_and_in_groups(void **state)
{
    (void)state;
    struct seen seen = run_items(16, ITEMS);
    assert_int_equal(seen.n, ITEMS);
    assert_false(seen.disordered);
    assert_int_equal(seen.largest, 16);
    assert_in_range(seen.calls, ITEMS / 16, ITEMS / 16 + 16);
}

static void without_a_limit_all_that_wait_come_at_once(void **state)
{
    (void)state;
    struct seen seen = run_items(0, ITEMS);
    assert_int_equal(seen.n, ITEMS);
    assert_false(seen.disordered);
    assert_in_range(seen.calls, 1, 2);
}

static void a_thread_without_items_ends(void **state)
{
    (void)state;
    struct seen seen = run_items(1, 0);
    assert_int_equal(seen.calls, 0);
    thread_free(NULL);
}

static void it_has_a_name_and_leaves_signals_to_others(void **state)
{
    (void)state;
    struct seen seen = run_items(1, 1);
    assert_string_equal(seen.name, "worker");
    assert_false(seen.takes_signals);
}

struct adder {
    pthread_t id;
    struct thread *thread;
    struct item items[ITEMS];
    int from;
};

static void *add_many(void *arg)
{
    struct adder *a = arg;
    add_items(a->thread, a->items, ITEMS, a->from);
    return NULL;
}

static void many_threads_add(void **state)
{
    (void)state;
    struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct adder *adders = alloc_zero(ADDERS, sizeof *adders);
    struct thread *thread = thread_new("worker", 7, look, &seen, NULL);
    for (int i = 0; i < ADDERS; i++) {
        adders[i].thread = thread;
        adders[i].from = i;
        assert_int_equal(pthread_create(&adders[i].id, NULL, add_many, &adders[i]), 0);
    }
    for (int i = 0; i < ADDERS; i++)
        pthread_join(adders[i].id, NULL);
    thread_free(thread);
    assert_int_equal(seen.n, ADDERS * ITEMS);
    assert_false(seen.disordered);
    free(adders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_in_order_and_in_groups),
        cmocka_unit_test(without_a_limit_all_that_wait_come_at_once),
        cmocka_unit_test(a_thread_without_items_ends),
        cmocka_unit_test(it_has_a_name_and_leaves_signals_to_others),
        cmocka_unit_test(many_threads_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
