/* SPDX-License-Identifier: Apache-2.0 */
#include "support/policy_cases.h"

#include "policy/match/target.h"

static const struct {
    const char *path, *canonical;                   /* NULL: rejected */
} paths[] = {
    {"", "/"},
    {"/", "/"},
    {"/a/b", "/a/b"},
    {"/a/b/", "/a/b/"},
    {"//a///b//", "/a/b/"},
    {"/./a/./b/.", "/a/b/"},
    {"/a/b/..", "/a/"},
    {"/a/..", "/"},
    {"/a/../b", "/b"},
    {"/a/b/../../c", "/c"},
    {"/..", NULL},
    {"/a/../..", NULL},
    {"/a//../b", "/b"},
    {"/%61%7e%2D", "/a~-"},
    {"/caf%c3%a9", "/caf%C3%A9"},
    {"/%F0%9F%98%80/%e2%82%AC", "/%F0%9F%98%80/%E2%82%AC"},
    {"/%C0%AE%C0%AE/a", NULL},                      /* '.' in two bytes, three, four */
    {"/%c0%ae", NULL},
    {"/%E0%80%AE", NULL},
    {"/%F0%80%80%AE", NULL},
    {"/a%C0%AFb", NULL},                            /* '/' */
    {"/a%E0%80%AFb", NULL},
    {"/a%C1%9Cb", NULL},                            /* '\\' */
    {"/a%C0%80", NULL},                             /* NUL */
    {"/%ED%A0%80", NULL},                           /* a surrogate */
    {"/%F4%90%80%80", NULL},                        /* beyond Unicode */
    {"/%FF", NULL},
    {"/%80", NULL},
    {"/%E9", NULL},                                 /* Latin-1 */
    {"/caf%C3", NULL},
    {"/caf%C3x%A9", NULL},
    {"/caf%C3/%A9", NULL},
    {"/%25", "/%25"},
    {"/%252f/%25252e/%25C0%25AE", "/%252f/%25252e/%25C0%25AE"},
    {"/%252e%252e/a", "/%252e%252e/a"},
    {"/%2e%2e/a", NULL},
    {"/x/%2e%2e/a", "/a"},
    {"/x/.%2e/a", "/a"},
    {"/a;p=1/b;q", "/a/b"},
    {"/a;/../b", "/b"},
    {"/a/..;x/b", "/b"},
    {"/;x/a", "/a"},
    {"/a/;x", "/a/"},
    {"/a%3Bb", "/a%3Bb"},
    {"/a/..%3B/b", NULL},
    {"/a/.%3B/b", NULL},
    {"/a%3B../b", NULL},
    {"/a\\b", "/a%5Cb"},
    {"/a\\..\\b", NULL},
    {"/a%5C..", NULL},
    {"/\"<>^`{|}", "/%22%3C%3E%5E%60%7B%7C%7D"},
    {"/...", "/..."},
    {"/.a/..b", "/.a/..b"},
    {"/a%2Fb", NULL},
    {"/a%00b", NULL},
    {"/a%1f", NULL},
    {"/a%7F", NULL},
    {"/a%", NULL},
    {"/a%4", NULL},
    {"/a%zz", NULL},
    {"/a b", NULL},
    {"/a\tb", NULL},
    {"/a\x7f", NULL},
    {"/a\xc3\xa9", NULL},
    {"/a#b", NULL},
    {"/a?b", NULL},
    {"a", NULL},
    {"*", NULL},
    {"http://h/a", NULL},
};

static void test_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct buf out = {0};
        const char *why = policy_target_path(paths[i].path, strlen(paths[i].path), false, &out);
        if (!paths[i].canonical != !!why)
            fail_msg("%s: %s", paths[i].path, why ? why : out.data);
        if (!why)
            assert_string_equal(out.data, paths[i].canonical);
        buf_free(&out);
    }
}

static void test_encoded_slash(void **state)
{
    (void)state;
    static const struct {
        const char *path, *canonical;
    } kept[] = {{"/a%2fb", "/a%2Fb"}, {"/a%2F..%2fb", NULL}, {"/..%2Fb", NULL}, {"/a%2F.", NULL},
                {"/%2F", "/%2F"}, {"/a%2Fb/../c", "/c"}};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        struct buf out = {0};
        const char *why = policy_target_path(kept[i].path, strlen(kept[i].path), true, &out);
        assert_int_equal(!kept[i].canonical, !!why);
        if (!why)
            assert_string_equal(out.data, kept[i].canonical);
        buf_free(&out);
    }
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16;
}

/* Pieces that the rules of the canonical form are about, in any order. */
static void random_path(unsigned *seed, struct buf *out)
{
    static const char *const pieces[] = {"/",   "a",   ".",   "..",  ";",   "%2e", "%2F", "%3b",
                                         "%5c", "\\",  "%25", "2e",  "%41", "b",   "//",  "/../",
                                         "/./", "%c3", "=",   "&",   "%",   "x/y", "%20", "'"};
    buf_putc(out, '/');
    for (unsigned n = next_random(seed) % 12; n; n--)
        buf_puts(out, pieces[next_random(seed) % (sizeof pieces / sizeof *pieces)]);
}

/* What is canonical already stays as it is, and has nothing that servers read differently. */
static void test_canonical_once(void **state)
{
    (void)state;
    unsigned seed = 4711, accepted = 0;
    for (int i = 0; i < 200000; i++) {
        bool keep = i & 1;
        struct buf raw = {0}, once = {0}, twice = {0};
        random_path(&seed, &raw);
        if (!policy_target_path(raw.data, raw.len, keep, &once)) {
            accepted++;
            assert_null(policy_target_path(once.data, once.len, keep, &twice));
            assert_string_equal(once.data, twice.data);
            assert_null(strstr(once.data, "//"));
            assert_null(strstr(once.data, "/../"));
            assert_null(strchr(once.data, ';'));
            assert_null(strchr(once.data, '\\'));
            assert_true(keep || !strstr(once.data, "%2F"));
        }
        buf_free(&raw);
        buf_free(&once);
        buf_free(&twice);
    }
    assert_true(accepted > 50000);
}

static void test_length(void **state)
{
    (void)state;
    char path[POLICY_TARGET_PATH_MAX + 2];
    struct buf out = {0};
    memset(path, 'a', sizeof path);
    path[0] = '/';
    assert_null(policy_target_path(path, POLICY_TARGET_PATH_MAX, false, &out));
    assert_non_null(policy_target_path(path, POLICY_TARGET_PATH_MAX + 1, false, &out));
    memset(path + 1, '|', sizeof path - 1);         /* three bytes each, once it is escaped */
    buf_clear(&out);
    assert_null(policy_target_path(path, POLICY_TARGET_PATH_MAX / 3 + 1, false, &out));
    assert_int_equal(out.len, POLICY_TARGET_PATH_MAX);
    buf_clear(&out);
    assert_string_equal(policy_target_path(path, POLICY_TARGET_PATH_MAX / 3 + 2, false, &out),
                        "the path is longer than 4096 bytes once its characters are escaped");
    buf_free(&out);
}

static void test_queries(void **state)
{
    (void)state;
    struct policy_query q = {.rest = "&&a=1&b&=c&d=e=f&%41+=%2B+&&"};
    static const char *const expected[][2] = {
        {"a", "1"}, {"b", ""}, {"", "c"}, {"d", "e=f"}, {"A ", "+ "}};
    bool bad = false;
    for (size_t i = 0; i < 5; i++) {
        assert_true(policy_query_next(&q, &bad));
        assert_string_equal(buf_str(&q.key), expected[i][0]);
        assert_string_equal(buf_str(&q.value), expected[i][1]);
    }
    assert_false(policy_query_next(&q, &bad));
    assert_false(bad);
    policy_query_free(&q);
}

static void test_bad_queries(void **state)
{
    (void)state;
    static const char *const bad_ones[] = {"%", "a=%4", "a=%zz", "%ff=1", "a=%c3%28", "a=%00"};
    for (size_t i = 0; i < sizeof bad_ones / sizeof *bad_ones; i++) {
        struct policy_query q = {.rest = bad_ones[i]};
        bool bad = false;
        assert_false(policy_query_next(&q, &bad));
        assert_true(bad);
        policy_query_free(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),        cmocka_unit_test(test_encoded_slash),
        cmocka_unit_test(test_canonical_once), cmocka_unit_test(test_length),
        cmocka_unit_test(test_queries),      cmocka_unit_test(test_bad_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
