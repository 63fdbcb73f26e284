/* SPDX-License-Identifier: Apache-2.0 */
/* Results on stdout, everything else on stderr. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "cli/cli.h"

void say(const struct cli *cli, const char *format, ...)
{
    va_list args;
    if (cli->quiet)
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("sluice: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
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

/* A scalar is written as JSON, which YAML 1.2 reads as the same value. */
static void print_scalar(const json_t *json, struct buf *out)
{
    if (json_is_string(json)) {
        text_json_quote(out, json_string_value(json));
        return;
    }
    char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    buf_puts(out, text);
    free(text);
}

static bool is_leaf(const json_t *json)
{
    return (!json_is_object(json) && !json_is_array(json)) || json_object_size(json) + json_array_size(json) == 0;
}

static void print_value(const json_t *json, int indent, struct buf *out)
{
    if (is_leaf(json)) {
        buf_putc(out, ' ');
        print_scalar(json, out);
        buf_putc(out, '\n');
        return;
    }
    buf_putc(out, '\n');
    print_yaml(json, indent, out);
}

void print_yaml(const json_t *json, int indent, struct buf *out)
{
    const char *key;
    json_t *value;
    size_t i;
    json_object_foreach((json_t *)json, key, value) {
        buf_printf(out, "%*s", indent, "");
        if (key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")])
            text_json_quote(out, key);
        else
            buf_puts(out, key);
        buf_putc(out, ':');
        print_value(value, indent + 2, out);
    }
    json_array_foreach(json, i, value) {
        buf_printf(out, "%*s-", indent, "");
        print_value(value, indent + 2, out);
    }
}

void print_json(const struct cli *cli, const json_t *json)
{
    if (cli->output == OUT_YAML) {
        struct buf out = {0};
        print_yaml(json, 0, &out);
        fputs(buf_str(&out), stdout);
        buf_free(&out);
        return;
    }
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}

void table_row(struct table *t, size_t n, const char *const *cells)
{
    t->n_columns = n;
    t->cells = alloc_resize(t->cells, t->n_cells + n, sizeof *t->cells);
    for (size_t i = 0; i < n; i++)
        t->cells[t->n_cells++] = alloc_str(cells[i] ? cells[i] : "");
}

void table_print(struct table *t)
{
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t width = 0, column = i % t->n_columns;
        for (size_t j = column; j < t->n_cells; j += t->n_columns)
            width = strlen(t->cells[j]) > width ? strlen(t->cells[j]) : width;
        if (column + 1 == t->n_columns)
            printf("%s\n", t->cells[i]);
        else
            printf("%-*s  ", (int)width, t->cells[i]);
    }
    for (size_t i = 0; i < t->n_cells; i++)
        free(t->cells[i]);
    free(t->cells);
    *t = (struct table){0};
}
