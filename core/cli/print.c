/* SPDX-License-Identifier: Apache-2.0 */
/* Results on stdout, everything else on stderr. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/printable.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/output/jsonpath.h"
#include "cli/output/shape.h"
#include "doc/jansson.h"

/* 0.65 stays 0.65. */
#define PRINT_REALS JSON_REAL_PRECISION(15)

void say(const struct cli *cli, const char *format, ...)
{
    va_list args;
    if (cli->quiet)
        return;
    va_start(args, format);
    terminal_vprint(stderr, format, args);
    va_end(args);
    terminal_print(stderr, "\n");
}

void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    terminal_print(stderr, "sluice: ");
    terminal_vprint(stderr, format, args);
    va_end(args);
    terminal_print(stderr, "\n");
}

const char *json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

long long json_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

void print_yaml(const json_t *json, struct buf *out)
{
    struct doc_yaml_writer yaml;
    doc_write_jansson(doc_yaml_writer(&yaml, out), json);
    doc_yaml_writer_end(&yaml);
}

static void print_dump(const json_t *json, size_t flags)
{
    char *text = json_dumps(json, PRINT_REALS | JSON_ENCODE_ANY | flags);
    terminal_json(stdout, text ? text : "null");
    terminal_print(stdout, "\n");
    free(text);
}

void print_compact(const json_t *json)
{
    print_dump(json, JSON_COMPACT);
}

static void print_name(const json_t *thing)
{
    struct buf name = {0};
    if (shape_name(thing, &name))
        terminal_print(stdout, "%s\n", buf_str(&name));
    buf_free(&name);
}

static void print_names(const json_t *json)
{
    size_t i;
    json_t *thing;
    const json_t *list = shape_list(json);
    if (!list)
        print_name(json);
    json_array_foreach(list, i, thing)
        print_name(thing);
}

/* Ends a line that the template leaves open. */
static void print_template(const struct jsonpath *path, const json_t *json)
{
    struct buf out = {0};
    jsonpath_print(path, json, &out);
    if (out.len)
        terminal_lines(stdout, "", buf_str(&out));
    buf_free(&out);
}

void print_json(const struct cli *cli, const json_t *json)
{
    if (cli->output == OUT_NAME || cli->output == OUT_JSONPATH) {
        cli->output == OUT_NAME ? print_names(json) : print_template(cli->jsonpath, json);
        return;
    }
    if (cli->output == OUT_YAML) {
        struct buf out = {0};
        print_yaml(json, &out);
        terminal_lines(stdout, "", buf_str(&out));
        buf_free(&out);
        return;
    }
    print_dump(json, JSON_INDENT(2));
}

void print_item(const struct cli *cli, const json_t *json)
{
    if (cli->output == OUT_YAML)
        terminal_print(stdout, "---\n");
    if (cli->output == OUT_TABLE || cli->output == OUT_JSON)
        print_compact(json);
    else
        print_json(cli, json);
    fflush(stdout);
}

bool print_unread(void)
{
    struct pollfd p = {STDOUT_FILENO, 0, 0};
    return poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
}

/* If the reader of a pipe closed it, that is no error. */
int print_finish(int code)
{
    bool failed = fflush(stdout) != 0;
    if (!failed && !ferror(stdout))
        return code;
    if (print_unread())
        return 128 + SIGPIPE;
    complain("cannot write the result: %s", failed ? strerror(errno) : "output error");
    return code ? code : EXIT_REFUSED;
}

static char *printable(const char *text)
{
    struct buf out = {0};
    buf_puts(&out, "");
    printable_escape(&out, text, strlen(text), "");
    return buf_take(&out);
}

void table_row(struct table *t, size_t n, const char *const *cells)
{
    t->n_columns = n;
    t->cells = alloc_resize(t->cells, t->n_cells + n, sizeof *t->cells);
    for (size_t i = 0; i < n; i++)
        t->cells[t->n_cells++] = printable(cells[i] ? cells[i] : "");
}

static void print_cells(const struct table *t, const size_t *widths, size_t first)
{
    for (size_t i = first; i < t->n_cells; i++) {
        size_t column = i % t->n_columns;
        if (column + 1 == t->n_columns)
            terminal_print(stdout, "%s\n", t->cells[i]);
        else
            terminal_print(stdout, "%-*s  ", (int)widths[column], t->cells[i]);
    }
}

void table_print(const struct cli *cli, struct table *t)
{
    size_t *own = alloc_zero(TABLE_COLUMNS_MAX, sizeof *own),
           *widths = cli->widths ? cli->widths : own;
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t width = terminal_width(t->cells[i]), *widest = &widths[i % t->n_columns];
        *widest = width > *widest ? width : *widest;
    }
    print_cells(t, widths, cli->no_headers ? t->n_columns : 0);
    free(own);
    for (size_t i = 0; i < t->n_cells; i++)
        free(t->cells[i]);
    free(t->cells);
    *t = (struct table){0};
}
