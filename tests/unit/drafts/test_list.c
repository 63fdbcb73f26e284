/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at chunks: which, in what order, and at what cost. */
#include "support/drafts.h"

#include <malloc.h>

#define CURL "/usr/bin/curl"

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);       /* gcc has it, but no header for it */
#endif

static size_t bytes_in_use(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __sanitizer_get_current_allocated_bytes();
#else
    return mallinfo2().uordblks;
#endif
}

struct seen {
    struct fixture *f;
    size_t n, first_bytes, most_bytes;
    char text[512];                                 /* "sandbox host token-length " for each */
    int (*meanwhile)(struct fixture *f, size_t n);
};

static int look(void *ctx, const struct drafts_view *v, struct arena *arena, struct error *err)
{
    struct seen *s = ctx;
    size_t used = strlen(s->text), bytes = bytes_in_use();
    (void)arena;
    (void)err;
    snprintf(s->text + used, sizeof s->text - used, "%s %s %zu ", v->sandbox, v->draft.host,
             strlen(v->review_token));
    if (s->n++ == 0)
        s->first_bytes = bytes;
    if (bytes > s->most_bytes)
        s->most_bytes = bytes;
    return s->meanwhile ? s->meanwhile(s->f, s->n) : 0;
}

static void assert_list(struct fixture *f, const char *sandbox, const char *status,
                        const char *text)
{
    struct seen seen = {.f = f};
    uint64_t after = 0;
    succeed(f, drafts_each(f->drafts, sandbox, status, &after, look, &seen, &f->err));
    assert_string_equal(seen.text, text);
    assert_int_equal(after, 0);
}

static const char *a_chunk(struct fixture *f, const char *host)
{
    denied(f, host, 443, CURL, 1);
    return chunk_of(f, host, CURL);
}

static void the_whole_gateway_has_one_queue(void **state)
{
    struct fixture *f = *state;
    struct drafts_denial denial = a_denial("b.example.com", 443, CURL);
    a_chunk(f, "a.example.com");
    assert_int_equal(drafts_record_denials(f->drafts, "other", "s2", &denial, 1, NULL, &f->err), 0);
    assert_list(f, NULL, "pending", "demo a.example.com 64 other b.example.com 64 ");
    assert_list(f, "other", NULL, "other b.example.com 64 ");
    assert_list(f, NULL, "superseded", "");
}

/* What may still be approved comes with its token. */
static void each_status_has_a_list(void **state)
{
    struct fixture *f = *state;
    succeed(f, approve(f, "bob", a_chunk(f, "a.example.com")));
    succeed(f, reject(f, "bob", a_chunk(f, "b.example.com"), "no"));
    assert_list(f, "demo", "approved", "demo a.example.com 0 ");
    assert_list(f, "demo", "rejected", "demo b.example.com 64 ");
    assert_list(f, "demo", NULL, "demo a.example.com 0 demo b.example.com 64 ");
}

static void a_sandbox_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    uint64_t after = 0;
    struct seen seen = {.f = f};
    assert_refused(f, drafts_each(f->drafts, "gone", NULL, &after, look, &seen, &f->err),
                   ERROR_NOT_FOUND, "gone");
}

static int reject_the_second(struct fixture *f, size_t n)
{
    return n == 1 ? reject(f, "bob", chunk_of(f, "b.example.com", CURL), "no") : 0;
}

static int clear_the_rest(struct fixture *f, size_t n)
{
    uint64_t cleared;
    struct drafts_call call = call_by("bob", NULL);
    return n == 1 ? drafts_clear(f->drafts, &call, &cleared, &f->err) : 0;
}

static void what_was_decided_meanwhile_is_passed_over(void **state)
{
    struct fixture *f = *state;
    uint64_t after = 0;
    struct seen rejecting = {.f = f, .meanwhile = reject_the_second};
    struct seen clearing = {.f = f, .meanwhile = clear_the_rest};
    a_chunk(f, "a.example.com");
    a_chunk(f, "b.example.com");
    a_chunk(f, "c.example.com");
    succeed(f, drafts_each(f->drafts, "demo", "pending", &after, look, &rejecting, &f->err));
    assert_string_equal(rejecting.text, "demo a.example.com 64 demo c.example.com 64 ");
    succeed(f, drafts_each(f->drafts, "demo", "pending", &after, look, &clearing, &f->err));
    assert_string_equal(clearing.text, "demo a.example.com 64 ");
}

static int stop(void *ctx, const struct drafts_view *v, struct arena *arena, struct error *err)
{
    (void)arena;
    ++*(size_t *)ctx;
    return error_set(err, ERROR_INTERNAL, "enough of %s", v->draft.host);
}

static void a_visitor_may_end_it(void **state)
{
    struct fixture *f = *state;
    uint64_t after = 0;
    size_t n = 0;
    a_chunk(f, "a.example.com");
    a_chunk(f, "b.example.com");
    assert_refused(f, drafts_each(f->drafts, "demo", NULL, &after, stop, &n, &f->err),
                   ERROR_INTERNAL, "enough of a.example.com");
    assert_int_equal(n, 1);
}

static int one_at_a_time(void *ctx, const struct drafts_view *v, struct arena *arena,
                         struct error *err)
{
    return look(ctx, v, arena, err) == 0 ? 1 : -1;
}

static void a_list_goes_on_where_it_ended(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {.f = f};
    uint64_t after = 0;
    a_chunk(f, "a.example.com");
    a_chunk(f, "b.example.com");
    succeed(f, drafts_each(f->drafts, "demo", NULL, &after, one_at_a_time, &seen, &f->err));
    assert_true(after > 0);
    succeed(f, drafts_each(f->drafts, "demo", NULL, &after, one_at_a_time, &seen, &f->err));
    assert_int_equal(after, 0);                     /* that was the last */
    assert_string_equal(seen.text, "demo a.example.com 64 demo b.example.com 64 ");
}

/* Each preview needs some 15 KB; a long list needs no more of it than a short one. */
static void a_list_needs_memory_for_one_chunk(void **state)
{
    struct fixture *f = *state;
    uint64_t after = 0;
    struct seen seen = {.f = f};
    for (int i = 0; i < 60; i++)
        a_chunk(f, arena_printf(f->arena, "h%d.example.com", i));
    succeed(f, drafts_each(f->drafts, "demo", NULL, &after, look, &seen, &f->err));
    assert_int_equal(seen.n, 60);
    if (seen.most_bytes > seen.first_bytes + 32 * 1024)
        fail_msg("%zu bytes at the first chunk, %zu later", seen.first_bytes, seen.most_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(the_whole_gateway_has_one_queue),
        TEST(each_status_has_a_list),
        TEST(a_sandbox_that_is_not_there),
        TEST(what_was_decided_meanwhile_is_passed_over),
        TEST(a_visitor_may_end_it),
        TEST(a_list_goes_on_where_it_ended),
        TEST(a_list_needs_memory_for_one_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
