/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/glob.h"

static const struct {
    const char *pattern, *text;
    char separator;
    unsigned flags;
    bool match;
} cases[] = {
    {"example.com", "example.com", '.', 0, true},
    {"example.com", "EXAMPLE.com", '.', 0, false},
    {"Example.com", "eXAMPLE.com", '.', GLOB_FOLD_CASE, true},
    {"*.example.com", "a.example.com", '.', 0, true},
    {"*.example.com", "a.b.example.com", '.', 0, false},
    {"*.example.com", "example.com", '.', 0, false},
    {"**.example.com", "a.b.example.com", '.', 0, true},
    {"**.example.com", "example.com", '.', 0, true},
    {"**.example.com", "example.com", '.', GLOB_RUN_NOT_EMPTY, false},
    {"**.example.com", "a.example.com", '.', GLOB_RUN_NOT_EMPTY, true},
    {"**.example.com", "aexample.com", '.', GLOB_RUN_NOT_EMPTY, false},
    {"a.*.example.com", "a.b.example.com", '.', 0, true},
    {"*-api.example.com", "eu-api.example.com", '.', 0, true},
    {"*-api.example.com", "eu.api.example.com", '.', 0, false},
    {"api-*-*.x", "api-1-2.x", '.', 0, true},
    {"/usr/bin/curl", "/usr/bin/curl", '/', 0, true},
    {"/usr/*/curl", "/usr/bin/curl", '/', 0, true},
    {"/usr/*", "/usr/bin/curl", '/', 0, false},
    {"/usr/**", "/usr/bin/curl", '/', 0, true},
    {"/usr/**", "/usr", '/', 0, false},
    {"/usr/**", "/usr/", '/', 0, true},
    {"/**", "/x", '/', 0, true},
    {"/**", "/x/y/z", '/', 0, true},
    {"**", "", '/', 0, true},
    {"**", "/a/b", '/', 0, true},
    {"/usr/**/python3", "/usr/python3", '/', 0, true},
    {"/usr/**/python3", "/usr/local/lib/python3", '/', 0, true},
    {"/usr/**/python3", "/usr/local/lib/python3x", '/', 0, false},
    {"/**/a/**/b", "/a/x/a/y/b", '/', 0, true},
    {"/lib**", "/lib64", '/', 0, true},
    {"/lib**", "/lib/x", '/', 0, false},
    {"/python3.?", "/python3.9", '/', 0, true},
    {"/python3.?", "/python3.11", '/', 0, false},
    {"/?", "//", '/', 0, false},
    {"/?", "/é", '/', 0, true},
    {"/[a]", "/[a]", '/', 0, true},
    {"/[a]", "/a", '/', 0, false},
    {"/{a,b}", "/a", '/', 0, false},
    {"/\\*", "/*", '/', 0, false},
    {"", "", '/', 0, true},
    {"", "a", '/', 0, false},
    {"a", "", '/', 0, false},
    {"*", "", '/', 0, true},
    {"a/", "a", '/', 0, false},
    {"a", "a/", '/', 0, false},
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (glob_match(cases[i].pattern, cases[i].text, cases[i].separator, cases[i].flags)
            != cases[i].match)
            fail_msg("%s against %s: not %d", cases[i].pattern, cases[i].text, cases[i].match);
}

/* A matcher that follows the definition and nothing else. */
static bool naive_segment(const char *p, size_t np, const char *t, size_t nt)
{
    if (np == 0)
        return nt == 0;
    if (*p == '*')
        return naive_segment(p + 1, np - 1, t, nt) || (nt && naive_segment(p, np, t + 1, nt - 1));
    return nt && (*p == '?' || *p == *t) && naive_segment(p + 1, np - 1, t + 1, nt - 1);
}

static bool naive(const char *p, const char *t, unsigned flags)
{
    if (!p || !t)
        return !p && !t;
    size_t np = strcspn(p, "."), nt = strcspn(t, ".");
    const char *p2 = p[np] ? p + np + 1 : NULL, *t2 = t[nt] ? t + nt + 1 : NULL;
    if (np != 2 || memcmp(p, "**", 2) != 0)
        return naive_segment(p, np, t, nt) && naive(p2, t2, flags);
    bool least_one = !p2 || (flags & GLOB_RUN_NOT_EMPTY);
    if (!least_one && naive(p2, t, flags))
        return true;
    for (const char *rest = t2;; rest = strchr(rest, '.') ? strchr(rest, '.') + 1 : NULL) {
        if (naive(p2, rest, flags))
            return true;
        if (!rest)
            return false;
    }
}

/* Every word of at most max letters of the alphabet, in order. */
struct words {
    char (*at)[8];
    size_t n;
};

static struct words all_words(const char *alphabet, int max)
{
    struct words w = {calloc(40000, sizeof *w.at), 1};
    for (size_t from = 0, len = 0; len < (size_t)max; len++) {
        size_t to = w.n;
        for (; from < to; from++) {
            for (const char *c = alphabet; *c; c++) {
                assert_true(w.n < 40000);
                memcpy(w.at[w.n], w.at[from], len);
                w.at[w.n++][len] = *c;
            }
        }
    }
    return w;
}

static void test_every_small_pattern_matches_by_definition(void **state)
{
    (void)state;
    struct words patterns = all_words("a*?.", 5), texts = all_words("ab.", 5);
    for (size_t i = 0; i < patterns.n; i++)
        for (size_t j = 0; j < texts.n; j++)
            for (unsigned flags = 0; flags <= GLOB_RUN_NOT_EMPTY; flags += GLOB_RUN_NOT_EMPTY)
                if (glob_match(patterns.at[i], texts.at[j], '.', flags)
                    != naive(patterns.at[i], texts.at[j], flags))
                    fail_msg("'%s' against '%s' (%u)", patterns.at[i], texts.at[j], flags);
    free(patterns.at);
    free(texts.at);
}

/* Whether two patterns overlap, found by trying texts.  Long enough ones for patterns this
 * short. */
static void test_overlap_is_what_trying_finds(void **state)
{
    (void)state;
    struct words patterns = all_words("ab*.", 4), texts = all_words("ab.", 6);
    unsigned char *hits = calloc(patterns.n, texts.n);
    for (size_t i = 0; i < patterns.n; i++)
        for (size_t k = 0; k < texts.n; k++)
            hits[i * texts.n + k] = glob_match(patterns.at[i], texts.at[k], '.', 0);
    for (size_t i = 0; i < patterns.n; i++) {
        for (size_t j = i; j < patterns.n; j++) {
            bool found = false;
            for (size_t k = 0; k < texts.n && !found; k++)
                found = hits[i * texts.n + k] && hits[j * texts.n + k];
            if (glob_overlap(patterns.at[i], patterns.at[j], '.', 0, NULL) != found
                || glob_overlap(patterns.at[j], patterns.at[i], '.', 0, NULL) != found)
                fail_msg("'%s' and '%s': not %d", patterns.at[i], patterns.at[j], found);
        }
    }
    free(hits);
    free(patterns.at);
    free(texts.at);
}

static void test_overlap_by_example(void **state)
{
    (void)state;
    unsigned host = GLOB_FOLD_CASE | GLOB_RUN_NOT_EMPTY;
    assert_true(glob_overlap("*.Example.com", "a.example.COM", '.', host, NULL));
    assert_true(glob_overlap("*-eu.x.com", "api-*.x.com", '.', host, NULL));
    assert_false(glob_overlap("*.example.com", "*.*.example.com", '.', host, NULL));
    assert_false(glob_overlap("**.example.com", "example.com", '.', host, NULL));
    assert_true(glob_overlap("**.example.com", "a.*.example.com", '.', host, NULL));
    assert_true(glob_overlap("/é?", "/?a", '/', 0, NULL));
    assert_false(glob_overlap("/é", "/??", '/', 0, NULL));
    assert_true(glob_overlap("/a/**", "/**/b", '/', 0, NULL));
}

/* Backtracking without bounds would take until the end of time. */
static void test_long_patterns_stay_cheap(void **state)
{
    (void)state;
    char pattern[4001], text[4001];
    for (size_t i = 0; i < 4000; i++) {
        pattern[i] = i % 2 ? 'a' : '*';
        text[i] = 'a';
    }
    pattern[4000] = text[4000] = '\0';
    pattern[3999] = 'b';
    assert_false(glob_match(pattern, text, '/', 0));
    assert_false(glob_overlap(pattern, text, '/', 0, NULL));
    for (size_t i = 0; i < 4000; i++)
        pattern[i] = "/**/a"[i % 5];
    assert_false(glob_match(pattern, text, '/', 0));
}

/* Where few places can be reached, few are looked at. */
static void test_overlap_counts_its_steps(void **state)
{
    (void)state;
    size_t literal = 0, all = 0;
    assert_false(
        glob_overlap("*.abcdefghijklmnopqrst.*", "*.abcdefghijklmnopqrsu.*", '.', 0, &literal));
    assert_true(literal < 30);
    assert_true(glob_overlap("*abcdefghijklmnopqrst*", "*uvwxyzabcdefghijklmn*", '.', 0, &all));
    assert_in_range(all, 23 * 22, 24 * 24);
    char *endless = alloc_bytes(300002);
    memset(endless, 'a', 300001);
    endless[0] = '*';
    endless[300001] = '\0';
    all = 0;
    assert_true(glob_overlap(endless, endless, '.', 0, &all));
    assert_int_equal(all, 0);
    free(endless);
}

static void test_wildcards_are_seen(void **state)
{
    (void)state;
    assert_true(glob_has_wildcard("a*"));
    assert_true(glob_has_wildcard("a?b"));
    assert_false(glob_has_wildcard("/usr/bin/["));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_every_small_pattern_matches_by_definition),
        cmocka_unit_test(test_overlap_is_what_trying_finds),
        cmocka_unit_test(test_overlap_by_example),
        cmocka_unit_test(test_long_patterns_stay_cheap),
        cmocka_unit_test(test_overlap_counts_its_steps),
        cmocka_unit_test(test_wildcards_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
