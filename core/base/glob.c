/* SPDX-License-Identifier: Apache-2.0 */
#include "base/glob.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* A piece of a pattern or a text between two separators. */
struct segment {
    const char *text;
    size_t len;
};

/* A pattern as a list of segments.  A run is a ** that stands for no segment or more; one that
 * needs a segment is written as the segment * and a run. */
struct token {
    struct segment segment;
    bool run;
};

static const struct segment any_segment = {"*", 1};

static struct segment segment_at(const char *text, char separator)
{
    const char *end = strchr(text, separator);
    return (struct segment){text, end ? (size_t)(end - text) : strlen(text)};
}

/* The text after the segment, or NULL when it was the last one. */
static const char *after(struct segment s)
{
    return s.text[s.len] ? s.text + s.len + 1 : NULL;
}

static bool is_run(struct segment s)
{
    return s.len == 2 && s.text[0] == '*' && s.text[1] == '*';
}

/* A trailing ** matches what is below, so at least one segment. */
static bool needs_segment(struct segment run, unsigned flags)
{
    return !after(run) || (flags & GLOB_RUN_NOT_EMPTY);
}

static bool is_wildcard(char c)
{
    return c == '*' || c == '?';
}

/* Length of the UTF-8 character at the front of s, which is not empty. */
static size_t char_len(const char *s, size_t left)
{
    unsigned char lead = (unsigned char)*s;
    size_t len = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return len < left ? len : left;
}

static char fold(char c, unsigned flags)
{
    return (flags & GLOB_FOLD_CASE) && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Only the last * is retried: retrying an earlier one cannot help. */
static bool match_segment(struct segment p, struct segment t, unsigned flags)
{
    size_t i = 0, j = 0, star = SIZE_MAX, retry = 0;
    while (j < t.len) {
        if (i < p.len && p.text[i] == '*') {
            star = i++;
            retry = j;
        } else if (i < p.len && p.text[i] == '?') {
            i++;
            j += char_len(t.text + j, t.len - j);
        } else if (i < p.len && fold(p.text[i], flags) == fold(t.text[j], flags)) {
            i++;
            j++;
        } else if (star != SIZE_MAX) {
            i = star + 1;
            j = retry += char_len(t.text + retry, t.len - retry);
        } else {
            return false;
        }
    }
    while (i < p.len && p.text[i] == '*')
        i++;
    return i == p.len;
}

/* How much of the pattern stands before its first wildcard; more than its length: the text begins
 * otherwise. */
static size_t match_literal(const char *pattern, const char *text, unsigned flags)
{
    size_t n = 0;
    for (; pattern[n] && !is_wildcard(pattern[n]); n++)
        if (pattern[n] != text[n] && fold(pattern[n], flags) != fold(text[n], flags))
            return SIZE_MAX;
    return n;
}

/* The same walk as match_segment, a segment at a time, with ** in the place of *.  NULL: the end.
 */
bool glob_match(const char *pattern, const char *text, char separator, unsigned flags)
{
    size_t literal = match_literal(pattern, text, flags);
    if (literal == SIZE_MAX || !pattern[literal])
        return literal != SIZE_MAX && !text[literal];
    if (pattern[literal] == '*' && !pattern[literal + 1])
        return !strchr(text + literal, separator);
    const char *p = pattern, *t = text, *after_run = NULL, *retry = NULL;
    while (t) {
        struct segment q = segment_at(p ? p : "", separator), s = segment_at(t, separator);
        if (p && is_run(q)) {
            if (!after(q))
                return true;
            after_run = p = after(q);
            retry = t = needs_segment(q, flags) ? after(s) : t;
        } else if (p && match_segment(q, s, flags)) {
            p = after(q);
            t = after(s);
        } else if (retry) {
            p = after_run;
            retry = t = after(segment_at(retry, separator));
        } else {
            return false;
        }
    }
    return !p;
}

static struct token *tokens_of(const char *pattern, char separator, unsigned flags, size_t *n)
{
    struct token *tokens = NULL;
    *n = 0;
    for (const char *p = pattern; p;) {
        struct segment s = segment_at(p, separator);
        tokens = alloc_resize(tokens, *n + 2, sizeof *tokens);
        if (!is_run(s) || needs_segment(s, flags))
            tokens[(*n)++] = (struct token){is_run(s) ? any_segment : s, false};
        if (is_run(s))
            tokens[(*n)++] = (struct token){s, true};
        p = after(s);
    }
    return tokens;
}

/* How far both patterns advance when each is at a single character. */
static bool step_both(struct segment a, size_t i, struct segment b, size_t j, unsigned flags,
                      size_t *di, size_t *dj)
{
    *di = char_len(a.text + i, a.len - i);
    *dj = char_len(b.text + j, b.len - j);
    if (a.text[i] == '?' || b.text[j] == '?')
        return true;
    return *di == *dj && fold(a.text[i], flags) == fold(b.text[j], flags)
        && memcmp(a.text + i + 1, b.text + j + 1, *di - 1) == 0;
}

/* Pairs of positions that two segments reach with the same text. */
struct reached {
    bool *seen;                                     /* by place in a, then place in b */
    size_t width, left;                             /* left: seen, and not looked at yet */
};

static void reach(struct reached *r, size_t i, size_t j)
{
    bool *cell = &r->seen[i * r->width + j];
    r->left += !*cell;
    *cell = true;
}

static void reach_next(struct reached *r, struct segment a, size_t i, struct segment b, size_t j,
                       unsigned flags)
{
    size_t di, dj;
    bool star_a = i < a.len && a.text[i] == '*', star_b = j < b.len && b.text[j] == '*';
    if (star_a)
        reach(r, i + 1, j);
    if (star_b)
        reach(r, i, j + 1);
    if (star_a && j < b.len && !star_b)
        reach(r, i, j + char_len(b.text + j, b.len - j));
    if (star_b && i < a.len && !star_a)
        reach(r, i + char_len(a.text + i, a.len - i), j);
    if (i < a.len && j < b.len && !star_a && !star_b && step_both(a, i, b, j, flags, &di, &dj))
        reach(r, i + di, j + dj);
}

static bool same_text(const char *a, const char *b, size_t len, unsigned flags)
{
    for (size_t i = 0; i < len; i++)
        if (fold(a[i], flags) != fold(b[i], flags))
            return false;
    return true;
}

static bool is_literal(struct segment s)
{
    return !memchr(s.text, '*', s.len) && !memchr(s.text, '?', s.len);
}

static bool overlap_segments(struct segment a, struct segment b, unsigned flags, size_t *effort)
{
    bool few[1024];
    struct reached r = {few, b.len + 1, 0};
    size_t cells = (a.len + 1) * r.width, at = 0;
    if (is_literal(a) && is_literal(b))
        return a.len == b.len && same_text(a.text, b.text, a.len, flags);
    if (cells > sizeof few)
        r.seen = alloc_bytes(cells);
    memset(r.seen, 0, cells);
    reach(&r, 0, 0);
    for (; r.left; at++) {
        if (!r.seen[at])
            continue;
        r.left--;
        reach_next(&r, a, at / r.width, b, at % r.width, flags);
    }
    *effort += at;
    bool overlap = r.seen[cells - 1];
    if (r.seen != few)
        free(r.seen);
    return overlap;
}

static bool overlap_tokens(const struct token *a, size_t na, const struct token *b, size_t nb,
                           unsigned flags, size_t *effort)
{
    size_t width = nb + 1;
    bool *seen = alloc_zero((na + 1) * width, sizeof *seen);
    seen[0] = true;
    for (size_t i = 0; i <= na; i++) {
        for (size_t j = 0; j <= nb; j++) {
            if (!seen[i * width + j])
                continue;
            ++*effort;
            bool run_a = i < na && a[i].run, run_b = j < nb && b[j].run;
            /* A run is left, or takes what the other pattern has next. */
            if (run_a || (run_b && i < na))
                seen[(i + 1) * width + j] = true;
            if (run_b || (run_a && j < nb))
                seen[i * width + j + 1] = true;
            if (i < na && j < nb && !run_a && !run_b
                && overlap_segments(a[i].segment, b[j].segment, flags, effort))
                seen[(i + 1) * width + j + 1] = true;
        }
    }
    bool overlap = seen[na * width + nb];
    free(seen);
    return overlap;
}

/* Length of what follows the last wildcard. */
static size_t tail_len(const char *pattern)
{
    size_t len = strlen(pattern), n = 0;
    while (n < len && !is_wildcard(pattern[len - n - 1]))
        n++;
    return n;
}

/* The text before the first wildcard and after the last one must agree with the other pattern's.
 * This quick test avoids the full comparison for most pairs. */
static bool ends_agree(const char *a, const char *b, unsigned flags)
{
    size_t head_a = strcspn(a, "*?"), head_b = strcspn(b, "*?");
    size_t tail_a = tail_len(a), tail_b = tail_len(b);
    size_t tail = tail_a < tail_b ? tail_a : tail_b;
    return same_text(a, b, head_a < head_b ? head_a : head_b, flags)
        && same_text(a + strlen(a) - tail, b + strlen(b) - tail, tail, flags);
}

bool glob_overlap(const char *a, const char *b, char separator, unsigned flags, size_t *effort)
{
    enum { STEPS_MAX = 4097 * 4097 };
    size_t na, nb, uncounted = 0;
    if (!ends_agree(a, b, flags))
        return false;
    if ((strlen(a) + 1) * (strlen(b) + 1) > STEPS_MAX)
        return true;
    struct token *ta = tokens_of(a, separator, flags, &na);
    struct token *tb = tokens_of(b, separator, flags, &nb);
    bool overlap = overlap_tokens(ta, na, tb, nb, flags, effort ? effort : &uncounted);
    free(ta);
    free(tb);
    return overlap;
}

bool glob_has_wildcard(const char *pattern)
{
    return strpbrk(pattern, "*?") != NULL;
}
