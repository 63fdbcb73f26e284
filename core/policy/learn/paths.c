/* SPDX-License-Identifier: Apache-2.0 */
/* Fewer paths than were recorded, by patterns that take them all.
 *
 * First a segment with more than so many different values becomes *, and that number is the
 * greatest that leaves few enough paths; a segment with one value stays.  Where that does not do,
 * paths are cut at the greatest depth that leaves few enough, and end with **. */
#include <stdlib.h>
#include <string.h>

#include "policy/learn/learn_parts.h"

struct path {
    const char **segments;
    const char **pattern;
    size_t n, n_pattern;
};

struct shape {
    size_t values;                                  /* of a segment that stays */
    size_t depth;                                   /* segments that stay */
};

static void split(const char *text, struct path *out, struct arena *arena)
{
    size_t n = 0;
    char *copy = arena_str(arena, text + 1);
    for (const char *p = text; *p; p++)
        n += *p == '/';
    out->segments = arena_alloc(arena, n * sizeof *out->segments);
    out->pattern = arena_alloc(arena, (n + 1) * sizeof *out->pattern);
    for (out->n = 0; out->n < n; out->n++) {
        out->segments[out->n] = copy;
        copy += strcspn(copy, "/");
        if (*copy)
            *copy++ = '\0';
    }
}

static int by_column(const void *left, const void *right, void *column)
{
    const struct path *a = *(struct path *const *)left, *b = *(struct path *const *)right;
    return strcmp(a->segments[*(size_t *)column], b->segments[*(size_t *)column]);
}

static int by_segments(const void *left, const void *right)
{
    const struct path *a = *(struct path *const *)left, *b = *(struct path *const *)right;
    int order = 0;
    for (size_t i = 0; i < a->n && i < b->n && order == 0; i++)
        order = strcmp(a->segments[i], b->segments[i]);
    return order ? order : (a->n > b->n) - (a->n < b->n);
}

/* Those that agree so far are sorted, unless what they agree in is a star. */
static void sort(struct path **paths, size_t n, size_t column)
{
    size_t i = 1;
    while (i < n && strcmp(paths[i - 1]->segments[column], paths[i]->segments[column]) <= 0)
        i++;
    if (i < n)
        qsort_r(paths, n, sizeof *paths, by_column, &column);
}

static bool same(const struct path *a, const struct path *b, size_t column)
{
    return strcmp(a->segments[column], b->segments[column]) == 0;
}

static size_t count_values(struct path **paths, size_t n, size_t column)
{
    size_t values = n > 0;
    for (size_t i = 1; i < n; i++)
        values += !same(paths[i - 1], paths[i], column);
    return values;
}

static void set(struct path **paths, size_t n, size_t column, const char *segment)
{
    for (size_t i = 0; i < n; i++) {
        paths[i]->pattern[column] = segment ? segment : paths[i]->segments[column];
        paths[i]->n_pattern = column + 1;
    }
}

/* Those that end here come first, which they do where they are sorted.  How many do. */
static size_t move_ended(struct path **paths, size_t n, size_t column)
{
    size_t ended = 0;
    while (ended < n && paths[ended]->n == column)
        ended++;
    for (size_t i = ended; i < n; i++)
        if (paths[i]->n == column) {
            struct path *path = paths[i];
            paths[i] = paths[ended];
            paths[ended++] = path;
        }
    return ended;
}

/* The paths agree in the pattern of what stands before the column.  How many patterns they have. */
static size_t shape_paths(struct path **paths, size_t n, size_t column, const struct shape *shape)
{
    size_t ended = move_ended(paths, n, column), patterns = ended > 0;
    paths += ended;
    n -= ended;
    if (n == 0)
        return patterns;
    if (column == shape->depth) {
        set(paths, n, column, "**");
        return patterns + 1;
    }
    sort(paths, n, column);
    bool star = count_values(paths, n, column) > shape->values;
    set(paths, n, column, star ? "*" : NULL);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && (star || same(paths[from], paths[to], column));)
            to++;
        patterns += shape_paths(paths + from, to - from, column + 1, shape);
    }
    return patterns;
}

/* The paths in order, and room for another order. */
struct paths {
    struct path **sorted, **work;
    size_t n;
};

static size_t try_shape(const struct paths *paths, const struct shape *shape)
{
    memcpy(paths->work, paths->sorted, paths->n * sizeof *paths->work);
    return shape_paths(paths->work, paths->n, 0, shape);
}

static struct shape by_values(size_t values)
{
    return (struct shape){.values = values, .depth = SIZE_MAX};
}

static struct shape by_depth(size_t depth)
{
    return (struct shape){.values = SIZE_MAX, .depth = depth};
}

/* The greatest number from low to high whose shape has few enough patterns; low is not tried. */
static size_t find_number(const struct paths *paths, size_t max, size_t low, size_t high,
                          struct shape (*make)(size_t number))
{
    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;
        const struct shape shape = make(middle);
        if (try_shape(paths, &shape) <= max)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static size_t longest(const struct paths *paths)
{
    size_t n = 0;
    for (size_t i = 0; i < paths->n; i++)
        n = paths->sorted[i]->n > n ? paths->sorted[i]->n : n;
    return n;
}

/* A segment that stays with more than max values makes too many patterns by itself. */
static void find_shape(const struct paths *paths, size_t max)
{
    struct shape shape = by_values(find_number(paths, max, 0, max, by_values));
    if (!shape.values)
        shape = by_depth(find_number(paths, max, 0, longest(paths), by_depth));
    try_shape(paths, &shape);
}

static const char *join(const struct path *path, struct arena *arena)
{
    struct buf text = {0};
    for (size_t i = 0; i < path->n_pattern; i++) {
        buf_putc(&text, '/');
        buf_puts(&text, path->pattern[i]);
    }
    const char *pattern = arena_str(arena, buf_str(&text));
    buf_free(&text);
    return pattern;
}

static size_t count_different(const char *const *paths, size_t n)
{
    size_t different = n > 0;
    for (size_t i = 1; i < n; i++)
        different += strcmp(paths[i - 1], paths[i]) != 0;
    return different;
}

void learn_generalise(const char *const *paths, size_t n, size_t max, struct arena *arena,
                      const char **patterns)
{
    for (size_t i = 0; i < n; i++)
        patterns[i] = paths[i];
    if (!max || count_different(paths, n) <= max)
        return;
    struct path *split_paths = arena_zalloc(arena, n * sizeof *split_paths);
    struct path **order = arena_alloc(arena, n * sizeof *order);
    for (size_t i = 0; i < n; i++) {
        split(paths[i], &split_paths[i], arena);
        order[i] = &split_paths[i];
    }
    qsort(order, n, sizeof *order, by_segments);
    find_shape(&(struct paths){order, arena_alloc(arena, n * sizeof *order), n}, max);
    for (size_t i = 0; i < n; i++)
        patterns[i] = join(&split_paths[i], arena);
}
