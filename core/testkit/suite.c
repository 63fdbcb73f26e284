/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/suite.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "chain/chain.h"
#include "testkit/file.h"
#include "testkit/pattern.h"

enum { FOLDER_DEPTH_MAX = 16 };

struct finder {
    struct suite *suite;
    struct buf errors;
    const char **paths;
    size_t n_paths;
};

/* ---- files ---- */

static void add_path(struct finder *f, const char *path)
{
    for (size_t i = 0; i < f->n_paths; i++)
        if (strcmp(f->paths[i], path) == 0)
            return;
    f->paths = alloc_resize(f->paths, f->n_paths + 1, sizeof *f->paths);
    f->paths[f->n_paths++] = arena_str(f->suite->arena, path);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A name of a file may have line breaks, an error is one line. */
__attribute__((format(printf, 2, 3)))
static void complain(struct buf *errors, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    terminal_format(errors, format, args);
    va_end(args);
}

/* top: the folder that was named; a link that leads out of it is not followed. */
static void search(struct finder *f, const char *top, const char *folder, int depth)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, visible, alphasort);
    if (n < 0)
        complain(&f->errors, "%s: cannot be searched: %s\n", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        struct stat st;
        bool here = strcmp(folder, ".") == 0;
        const char *slash =
            here || file_ends_with(folder, "/") || strcmp(folder, "/") == 0 ? "" : "/";
        char *path = alloc_printf("%s%s%s", here ? "" : folder, slash, entries[i]->d_name);
        bool there = lstat(path, &st) == 0;
        if (there && S_ISLNK(st.st_mode))           /* to a folder it could lead round in circles */
            there = file_is_below(top, path) && stat(path, &st) == 0;
        if (there && S_ISDIR(st.st_mode) && depth < FOLDER_DEPTH_MAX)
            search(f, top, path, depth + 1);
        else if (there && S_ISREG(st.st_mode) && file_ends_with(path, ".test.yaml"))
            add_path(f, path);
        free(path);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

static void find(struct finder *f, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        complain(&f->errors, "%s: cannot be read: %s\n", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        search(f, path, path, 0);
    else if (!file_ends_with(path, ".test.yaml"))
        complain(&f->errors, "%s: is no case file: their names end in .test.yaml\n", path);
    else
        add_path(f, path);
}

static void tell(struct buf *errors, const char *path, const struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *p = &problems->items[i];
        complain(errors, "%s", path);
        if (p->line)
            complain(errors, ":%u:%u", p->line, p->column);
        complain(errors, ": %s%s%s\n", p->path, *p->path ? ": " : "", p->message);
    }
}

static void read_files(struct finder *f)
{
    struct suite *suite = f->suite;
    suite->files = arena_alloc(suite->arena, (f->n_paths + 1) * sizeof *suite->files);
    for (size_t i = 0; i < f->n_paths; i++) {
        struct problems problems = {0};
        if (case_read(f->paths[i], suite->arena, &suite->files[suite->n_files], &problems) == 0)
            suite->n_files++;
        tell(&f->errors, f->paths[i], &problems);
        problems_free(&problems);
    }
}

/* ---- tests ---- */

static unsigned count_kinds(const struct case_item *item)
{
    unsigned n = 0;
    for (int k = 0; k < SLUICE_KIND_COUNT; k++)
        n += item->kinds[k];
    return n;
}

static const char *test_name(struct arena *arena, const struct case_item *item,
                             enum sluice_kind kind)
{
    const char *name =
        *item->row ? arena_printf(arena, "%s: %s", item->name, item->row) : item->name;
    return count_kinds(item) > 1 ? arena_printf(arena, "%s (%s)", name, chain_kind_word(kind))
                                 : name;
}

static void add_test(struct suite *suite, const struct test *test, const regex_t *only)
{
    if (only && !pattern_matches(only, test->name))
        return;
    if (!(suite->n_tests & (suite->n_tests + 1)))
        suite->tests = alloc_resize(suite->tests, 2 * (suite->n_tests + 1), sizeof *suite->tests);
    suite->tests[suite->n_tests++] = *test;
}

static void plan_file(struct suite *suite, const struct case_file *file, unsigned run,
                      const regex_t *only)
{
    for (size_t i = 0; i < file->n_cases; i++) {
        const struct case_item *item = file->cases[i];
        for (int k = 0; k < SLUICE_KIND_COUNT; k++)
            if (item->kinds[k])
                add_test(suite,
                         &(struct test){file, item, (enum sluice_kind)k,
                                        test_name(suite->arena, item, (enum sluice_kind)k), run},
                         only);
    }
}

bool suite_same_subject(const struct test *a, const struct test *b)
{
    bool load_a = *a->item->expect->load_error, load_b = *b->item->expect->load_error;
    return a->file == b->file && a->run == b->run && load_a == load_b &&
           strcmp(a->item->options, b->item->options) == 0;
}

/* ---- order ---- */

/* splitmix64: the same seed gives the same order everywhere. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void shuffle_tests(struct test *tests, size_t n, uint64_t *state)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = next(state) % i;
        struct test swap = tests[i - 1];
        tests[i - 1] = tests[j];
        tests[j] = swap;
    }
}

/* Files in a new order, and the tests of each in a new order; a file is not torn apart, for then
 * every test would load its voter anew. */
static void shuffle(struct suite *suite, uint64_t seed)
{
    struct group {
        size_t first, n;
    } *groups = alloc_zero(suite->n_tests, sizeof *groups);
    struct test *old = suite->tests;
    size_t n = 0, at = 0;
    for (size_t i = 0; i < suite->n_tests; i++) {
        if (i == 0 || old[i].file != old[i - 1].file || old[i].run != old[i - 1].run)
            groups[n++].first = i;
        groups[n - 1].n++;
    }
    suite->tests = alloc_zero(suite->n_tests, sizeof *suite->tests);
    for (; n; n--) {
        size_t pick = next(&seed) % n;
        shuffle_tests(old + groups[pick].first, groups[pick].n, &seed);
        memcpy(suite->tests + at, old + groups[pick].first, groups[pick].n * sizeof *old);
        at += groups[pick].n;
        groups[pick] = groups[n - 1];
    }
    free(old);
    free(groups);
}

static int plan(struct finder *f, const struct suite_filter *filter)
{
    struct suite *suite = f->suite;
    regex_t regex;
    char why[PATTERN_WHY];
    if (filter->run && pattern_compile(&regex, filter->run, why) != 0) {
        complain(&f->errors, "--run %s: %s\n", filter->run, why);
        return -1;
    }
    for (unsigned run = 1; run <= (filter->repeat ? filter->repeat : 1); run++)
        for (size_t i = 0; i < suite->n_files; i++)
            plan_file(suite, suite->files[i], run, filter->run ? &regex : NULL);
    if (filter->run)
        regfree(&regex);
    if (filter->shuffle && suite->n_tests)
        shuffle(suite, filter->seed);
    return 0;
}

int suite_read(struct suite *suite, const char *const *paths, size_t n,
               const struct suite_filter *filter)
{
    struct finder f = {.suite = suite};
    *suite = (struct suite){.arena = arena_new()};
    for (size_t i = 0; i < n; i++)
        find(&f, paths[i]);
    read_files(&f);
    plan(&f, filter);
    free(f.paths);
    bool ok = !f.errors.len;
    suite->errors = ok ? alloc_str("") : buf_take(&f.errors);
    return ok ? 0 : -1;
}

void suite_free(struct suite *suite)
{
    free(suite->tests);
    free(suite->errors);
    arena_free(suite->arena);
    *suite = (struct suite){0};
}
