/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"

static const struct report_ops *const formats[] = {&report_pretty, &report_tap, &report_junit,
                                                   &report_json, &report_html};
enum { FORMATS = sizeof formats / sizeof formats[0], REPORTS_MAX = 16 };

struct reports {
    struct report items[REPORTS_MAX];
    char *paths[REPORTS_MAX];                       /* NULL: stdout */
    size_t n;
};

const char *result_word(enum result result)
{
    static const char *const words[] = {
#define X(id, word) [RESULT_##id] = word,
        RESULTS(X)
#undef X
    };
    return words[result];
}

static const struct report_ops *find_format(const char *name, size_t len)
{
    for (int i = 0; i < FORMATS; i++)
        if (strlen(formats[i]->name) == len && strncmp(formats[i]->name, name, len) == 0)
            return formats[i];
    return NULL;
}

static int unknown_format(const char *spec, struct error *err)
{
    const char *names[FORMATS + 1] = {NULL};
    for (int i = 0; i < FORMATS; i++)
        names[i] = formats[i]->name;
    const char *near = text_nearest(spec, names);
    return error_set(err, ERROR_INVALID,
                     "--format is pretty, tap, junit, json or html, not '%s'%s%s%s", spec,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool colourful(FILE *to)
{
    const char *term = getenv("TERM");
    return isatty(fileno(to)) && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0;
}

static bool on_stdout(const struct reports *reports)
{
    for (size_t i = 0; i < reports->n; i++)
        if (!reports->paths[i])
            return true;
    return false;
}

static int add(struct reports *reports, const char *spec, bool quiet, struct error *err)
{
    const char *equals = strchr(spec, '='), *path = equals ? equals + 1 : NULL;
    const struct report_ops *ops =
        find_format(spec, equals ? (size_t)(equals - spec) : strlen(spec));
    if (!ops)
        return unknown_format(spec, err);
    if (reports->n == REPORTS_MAX)
        return error_set(err, ERROR_INVALID, "more than %d reports are too many", REPORTS_MAX);
    if (!path && on_stdout(reports))
        return error_set(err, ERROR_INVALID,
                         "two reports cannot share stdout: give one of them a file, "
                         "--format %s=FILE",
                         ops->name);
    FILE *to = path ? fopen(path, "we") : stdout;
    if (!to)
        return error_errno(err, ERROR_INVALID, "cannot write the report %s", path);
    reports->items[reports->n] = (struct report){ops, to, quiet, colourful(to), NULL};
    reports->paths[reports->n++] = alloc_str(path);
    return 0;
}

struct reports *reports_open(const char *const *specs, size_t n, bool quiet, struct error *err)
{
    struct reports *reports = alloc_zero(1, sizeof *reports);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add(reports, specs[i], quiet, err);
    if (rc == 0 && !on_stdout(reports))
        rc = add(reports, "pretty", quiet, err);
    if (rc == 0)
        return reports;
    reports_close(reports, NULL);
    return NULL;
}

void reports_begin(struct reports *reports, const struct report_sum *sum)
{
    for (size_t i = 0; i < reports->n; i++)
        reports->items[i].ops->begin(&reports->items[i], sum);
}

void reports_test(struct reports *reports, const struct report_test *t)
{
    for (size_t i = 0; i < reports->n; i++)
        reports->items[i].ops->test(&reports->items[i], t);
}

void reports_end(struct reports *reports, const struct report_sum *sum)
{
    for (size_t i = 0; i < reports->n; i++) {
        reports->items[i].ops->end(&reports->items[i], sum);
        fflush(reports->items[i].to);
    }
}

int reports_close(struct reports *reports, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < reports->n; i++) {
        FILE *to = reports->items[i].to;
        bool bad = ferror(to) || (reports->paths[i] ? fclose(to) : fflush(to)) != 0;
        if (bad && rc == 0)
            rc = error_set(err, ERROR_IO, "cannot write the report %s",
                           reports->paths[i] ? reports->paths[i] : "to stdout");
        free(reports->paths[i]);
    }
    free(reports);
    return rc;
}
