/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/lib/pattern.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

#include "chain/lua/budget.h"
#include "chain/lua/lib/item.h"

enum { CAPTURE_OPEN = -1, CAPTURE_POSITION = -2, CHARGE_EVERY = 1024 };

static const char *match(struct pattern *m, const char *s, const char *p);

static void step(struct pattern *m, size_t n)
{
    size_t before = m->steps / CHARGE_EVERY;
    m->steps += n;
    if (m->steps / CHARGE_EVERY != before)
        budget_charge(m->L, (m->steps / CHARGE_EVERY - before) * CHARGE_EVERY);
    if (m->steps > m->steps_max)
        luaL_error(m->L, "pattern is too costly: gave up after %d steps", (int)m->steps_max);
}

static const char *item_end(struct pattern *m, const char *p)
{
    const char *end = item_find_end(p, m->end);
    if (!end)
        luaL_error(m->L, *p == '%' ? "malformed pattern (ends with '%%')"
                                   : "malformed pattern (missing ']')");
    return end;
}

/* Whether the item p..end matches the one character at s. */
static bool single(struct pattern *m, const char *s, const char *p, const char *end)
{
    step(m, (size_t)(end - p));
    if (s >= m->subject_end)
        return false;
    int c = (unsigned char)*s;
    switch (*p) {
    case '.': return true;
    case '%': return item_in_class(c, (unsigned char)p[1]);
    case '[': return item_in_set(c, p, end - 1);
    default:  return (unsigned char)*p == c;
    }
}

static const char *match_balance(struct pattern *m, const char *s, const char *p)
{
    if (p + 1 >= m->end)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->subject_end || *s != *p)
        return NULL;
    int open = 1;
    while (++s < m->subject_end) {
        step(m, 1);
        if (*s == p[1]) {
            if (--open == 0)
                return s + 1;
        } else if (*s == p[0]) {
            open++;
        }
    }
    return NULL;
}

static ptrdiff_t count(struct pattern *m, const char *s, const char *p, const char *end)
{
    ptrdiff_t n = 0;
    if (*p == '.') {
        n = m->subject_end - s;
        step(m, (size_t)n / BUDGET_BYTES_PER_STEP);
        return n;
    }
    while (single(m, s + n, p, end))
        n++;
    return n;
}

/* As many as there are, then fewer and fewer. */
static const char *match_greedy(struct pattern *m, const char *s, const char *p, const char *end)
{
    ptrdiff_t n = count(m, s, p, end);
    for (; n >= 0; n--) {
        const char *result = match(m, s + n, end + 1);
        if (result)
            return result;
    }
    return NULL;
}

static const char *match_lazy(struct pattern *m, const char *s, const char *p, const char *end)
{
    for (;; s++) {
        const char *result = match(m, s, end + 1);
        if (result)
            return result;
        if (!single(m, s, p, end))
            return NULL;
    }
}

static const char *open_capture(struct pattern *m, const char *s, const char *p, ptrdiff_t what)
{
    if (m->level >= PATTERN_CAPTURES)
        luaL_error(m->L, "too many captures");
    m->captures[m->level++] = (struct pattern_capture){s, what};
    const char *result = match(m, s, p);
    if (!result)
        m->level--;
    return result;
}

static const char *close_capture(struct pattern *m, const char *s, const char *p)
{
    int i = m->level - 1;
    while (i >= 0 && m->captures[i].len != CAPTURE_OPEN)
        i--;
    if (i < 0)
        luaL_error(m->L, "invalid pattern capture");
    m->captures[i].len = s - m->captures[i].at;
    const char *result = match(m, s, p);
    if (!result)
        m->captures[i].len = CAPTURE_OPEN;
    return result;
}

/* %1 to %9: the same text as a closed capture.  NULL: not here. */
static const char *match_back(struct pattern *m, const char *s, int digit)
{
    int i = digit - '1';
    if (i < 0 || i >= m->level || m->captures[i].len == CAPTURE_OPEN)
        luaL_error(m->L, "invalid capture index %%%d", i + 1);
    if (m->captures[i].len == CAPTURE_POSITION)
        return NULL;
    size_t len = (size_t)m->captures[i].len;
    step(m, len / BUDGET_BYTES_PER_STEP);
    if ((size_t)(m->subject_end - s) < len || memcmp(m->captures[i].at, s, len) != 0)
        return NULL;
    return s + len;
}

/* %f[set]: between a character outside and one inside the set.  Returns where the set ends. */
static const char *match_frontier(struct pattern *m, const char *s, const char *p)
{
    if (p >= m->end || *p != '[')
        luaL_error(m->L, "missing '[' after '%%f' in pattern");
    const char *end = item_end(m, p);
    step(m, (size_t)(end - p));
    int before = s == m->subject ? '\0' : (unsigned char)s[-1];
    int after = s == m->subject_end ? '\0' : (unsigned char)*s;
    return !item_in_set(before, p, end - 1) && item_in_set(after, p, end - 1) ? end : NULL;
}

/* An item with its suffix.  Sets *again when the match goes on at the returned place and *p. */
static const char *match_item(struct pattern *m, const char *s, const char **p, bool *again)
{
    const char *item = *p, *end = item_end(m, item);
    switch (end < m->end ? *end : '\0') {
    case '*':
        return match_greedy(m, s, item, end);
    case '+':
        return single(m, s, item, end) ? match_greedy(m, s + 1, item, end) : NULL;
    case '-':
        return match_lazy(m, s, item, end);
    case '?':
        if (single(m, s, item, end)) {
            const char *result = match(m, s + 1, end + 1);
            if (result)
                return result;
        }
        *p = end + 1;
        *again = true;
        return s;
    default:
        *p = end;
        *again = single(m, s, item, end);
        return *again ? s + 1 : NULL;
    }
}

/* %b, %f and %1: what begins with % and is no class.  False: it is an item. */
static bool match_special(struct pattern *m, const char **s, const char **p)
{
    char kind = *p + 1 < m->end ? (*p)[1] : '\0';
    if (kind == 'b') {
        *s = match_balance(m, *s, *p + 2);
        *p += 4;
    } else if (kind == 'f') {
        const char *end = match_frontier(m, *s, *p + 2);
        *s = end ? *s : NULL;
        *p = end;
    } else if (isdigit((unsigned char)kind)) {
        *s = match_back(m, *s, kind);
        *p += 2;
    } else {
        return false;
    }
    return true;
}

static const char *match_here(struct pattern *m, const char *s, const char *p)
{
    for (bool again = true; again && s;) {
        step(m, 1);
        if (p == m->end)
            return s;
        if (*p == '(' && p + 1 < m->end && p[1] == ')')
            return open_capture(m, s, p + 2, CAPTURE_POSITION);
        if (*p == '(')
            return open_capture(m, s, p + 1, CAPTURE_OPEN);
        if (*p == ')')
            return close_capture(m, s, p + 1);
        if (*p == '$' && p + 1 == m->end)
            return s == m->subject_end ? s : NULL;
        if (*p == '%' && match_special(m, &s, &p))
            continue;
        again = false;
        s = match_item(m, s, &p, &again);
    }
    return s;
}

static const char *match(struct pattern *m, const char *s, const char *p)
{
    if (m->depth++ >= PATTERN_DEPTH)
        luaL_error(m->L, "pattern too complex");
    const char *result = match_here(m, s, p);
    m->depth--;
    return result;
}

void pattern_begin(struct pattern *m, lua_State *L, const char *subject, size_t subject_len,
                   const char *pattern, size_t pattern_len)
{
    m->L = L;
    m->subject = subject;
    m->subject_end = subject + subject_len;
    m->anchored = pattern_len > 0 && *pattern == '^';
    m->pattern = pattern + m->anchored;
    m->end = pattern + pattern_len;
    m->steps = 0;
    m->steps_max = PATTERN_STEPS + subject_len * PATTERN_STEPS_PER_BYTE;
}

const char *pattern_match(struct pattern *m, const char *at)
{
    m->depth = 0;
    m->level = 0;
    return match(m, at, m->pattern);
}

/* ---- where a match may begin ---- */

/* The first item that takes a character, behind captures and frontiers; NULL: a match may begin
 * with none, or the pattern is malformed up to there, which is for match to say. */
static const char *first_item(const struct pattern *m, const char **end)
{
    const char *p = m->pattern;
    for (int captures = 0; p < m->end;) {
        bool frontier = *p == '%' && p + 2 < m->end && p[1] == 'f' && p[2] == '[';
        if (*p == '(') {
            if (++captures > PATTERN_CAPTURES)
                return NULL;
            p += p + 1 < m->end && p[1] == ')' ? 2 : 1;
            continue;
        }
        *end = item_find_end(frontier ? p + 2 : p, m->end);
        if (!*end)
            return NULL;
        if (!frontier)
            break;
        p = *end;
    }
    bool special = p == m->end || *p == ')' || *p == '$' ||
                   (*p == '%' && (p[1] == 'b' || p[1] == 'f' || isdigit((unsigned char)p[1])));
    return special || (*end < m->end && **end && strchr("*?-", **end)) ? NULL : p;
}

/* How many characters of the pattern from the item on stand for themselves, each once. */
static size_t count_plain(const struct pattern *m, const char *item)
{
    const char *p = item;
    while (p < m->end && !strchr("^$*+?.([%-)", *p))
        p++;
    bool optional = p > item && p < m->end && *p && strchr("*?-", *p);
    return (size_t)(p - item) - optional;
}

/* The library looks at 16 bytes at once, but ends at each NUL. */
static const char *skip_to_digit(const char *at, const char *end)
{
    while ((at += strcspn(at, "0123456789")) < end && !*at)
        at++;
    return at;
}

static const char *skip_class(const char *at, const char *end, int class)
{
    if (class == 'd')
        return skip_to_digit(at, end);
#define SKIP(letter, in)                              \
    case letter:                                      \
        while (at < end && !in((unsigned char)*at))   \
            at++;                                     \
        return at;
    switch (class) {
    SKIP('a', isalpha)
    SKIP('l', islower)
    SKIP('s', isspace)
    SKIP('u', isupper)
    SKIP('w', isalnum)
    SKIP('x', isxdigit)
    }
#undef SKIP
    while (at < end && !item_in_class((unsigned char)*at, class))
        at++;
    return at;
}

static const char *skip_to(struct pattern *m, const char *at, const char *item,
                           const char *end)
{
    const char *stop = m->subject_end;
    size_t plain = count_plain(m, item);
    if (plain)
        at = memmem(at, (size_t)(stop - at), item, plain);
    else if (*item == '%' && ispunct((unsigned char)item[1]))
        at = memchr(at, item[1], (size_t)(stop - at));
    else if (*item == '%')
        at = skip_class(at, stop, (unsigned char)item[1]);
    else if (*item == '[')
        while (at < stop && !single(m, at, item, end))
            at++;
    return at == stop ? NULL : at;
}

const char *pattern_start(struct pattern *m, const char *from)
{
    if (from > m->subject_end)
        return NULL;
    const char *end, *item = first_item(m, &end);
    if (!item)
        return from;
    const char *at = skip_to(m, from, item, end);
    step(m, (size_t)((at ? at : m->subject_end) - from) / BUDGET_BYTES_PER_STEP);
    return at;
}

/* Whether the pattern is one item and the end of the subject, such as "%d$". */
static bool is_last_character(struct pattern *m)
{
    size_t len = (size_t)(m->end - m->pattern);
    return !m->anchored && len >= 2 && m->end[-1] == '$'
           && item_end(m, m->pattern) == m->end - 1;
}

const char *pattern_search(struct pattern *m, const char *from, const char **begin)
{
    if (from < m->subject_end && is_last_character(m))
        from = m->subject_end - 1;
    if (m->anchored) {
        *begin = from;
        return pattern_match(m, from);
    }
    for (const char *at = from; (at = pattern_start(m, at)); at++) {
        const char *end = pattern_match(m, at);
        if (end) {
            *begin = at;
            return end;
        }
    }
    return NULL;
}

void pattern_push_capture(struct pattern *m, int i, const char *begin, const char *end)
{
    if (i >= m->level) {
        if (i != 0)
            luaL_error(m->L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(m->L, begin, (size_t)(end - begin));
        return;
    }
    struct pattern_capture c = m->captures[i];
    if (c.len == CAPTURE_OPEN)
        luaL_error(m->L, "unfinished capture");
    if (c.len == CAPTURE_POSITION)
        lua_pushinteger(m->L, c.at - m->subject + 1);
    else
        lua_pushlstring(m->L, c.at, (size_t)c.len);
}

int pattern_push_captures(struct pattern *m, const char *begin, const char *end)
{
    int n = m->level ? m->level : 1;
    luaL_checkstack(m->L, n, "too many captures");
    for (int i = 0; i < n; i++)
        pattern_push_capture(m, i, begin, end);
    return n;
}
