/* SPDX-License-Identifier: Apache-2.0 */
#include "base/terminal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/printable.h"

/* One conversion of a format, such as %-*.12s. */
struct conversion {
    char text[32];                                  /* with every * replaced by its number */
    bool is_left;
    int width, precision;                           /* -1: none */
    char kind;
    int longs;                                      /* l: 1, ll and j: 2, z: 3 */
};

/* va_list may be an array, which a function cannot take by address from a parameter. */
struct arguments {
    va_list list;
};

static int read_number(const char **at, struct arguments *args)
{
    if (**at == '*') {
        (*at)++;
        return va_arg(args->list, int);
    }
    return (int)strtol(*at, (char **)(uintptr_t)at, 10);
}

/* Reads what follows a %, up to its letter; returns what stands behind it. */
static const char *read_conversion(const char *at, struct arguments *args, struct conversion *out)
{
    char flags[8] = "", width[12] = "", precision[13] = "";
    size_t n_flags = strspn(at, "-+ #0");
    *out = (struct conversion){.width = -1, .precision = -1};
    snprintf(flags, sizeof flags, "%.*s", (int)n_flags, at);
    at += n_flags;
    if (*at == '*' || (*at >= '1' && *at <= '9'))
        out->width = read_number(&at, args);
    if (*at == '.') {
        at++;
        out->precision = read_number(&at, args);
    }
    out->is_left = strchr(flags, '-') != NULL;
    for (; *at && strchr("hljz", *at); at++)
        out->longs += *at == 'l' ? 1 : *at == 'j' ? 2 : *at == 'z' ? 3 : 0;
    out->kind = *at;
    if (out->width >= 0)
        snprintf(width, sizeof width, "%d", out->width);
    if (out->precision >= 0)
        snprintf(precision, sizeof precision, ".%d", out->precision);
    snprintf(out->text, sizeof out->text, "%%%s%s%s%s%c", flags, width, precision,
             strchr("diuxXo", out->kind) ? "j" : "", out->kind);
    return *at ? at + 1 : at;
}

static void add_spaces(struct buf *out, int n)
{
    for (int i = 0; i < n; i++)
        buf_putc(out, ' ');
}

size_t terminal_width(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

static void add_text(struct buf *out, const struct conversion *c, const char *text)
{
    size_t len = c->precision >= 0 ? strnlen(text, (size_t)c->precision) : strlen(text);
    struct buf shown = {0};
    printable_escape(&shown, text, len, "");
    int missing = c->width - (int)terminal_width(buf_str(&shown));
    add_spaces(out, c->is_left ? 0 : missing);
    buf_add(out, buf_str(&shown), shown.len);
    add_spaces(out, c->is_left ? missing : 0);
    buf_free(&shown);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"    /* it was checked where it was written */

static void add_number(struct buf *out, const struct conversion *c, struct arguments *args)
{
    intmax_t number = c->longs == 0   ? va_arg(args->list, int)
                      : c->longs == 1 ? va_arg(args->list, long)
                      : c->longs == 2 ? va_arg(args->list, long long)
                                      : (intmax_t)va_arg(args->list, size_t);
    if (!strchr("di", c->kind) && c->longs == 0)
        number = (unsigned)number;
    buf_printf(out, c->text, number);
}

static void add_argument(struct buf *out, const struct conversion *c, struct arguments *args)
{
    const char *text;
    char byte;
    switch (c->kind) {
    case '%':
        buf_putc(out, '%');
        return;
    case 's':
        text = va_arg(args->list, const char *);
        add_text(out, c, text ? text : "");
        return;
    case 'c':
        byte = (char)va_arg(args->list, int);
        printable_escape(out, &byte, 1, "");
        return;
    case 'e':
    case 'f':
    case 'g':
        buf_printf(out, c->text, va_arg(args->list, double));
        return;
    default:
        add_number(out, c, args);
    }
}

#pragma GCC diagnostic pop

void terminal_format(struct buf *out, const char *format, va_list list)
{
    struct arguments args;
    va_copy(args.list, list);
    while (*format) {
        size_t n = strcspn(format, "%");
        buf_add(out, format, n);
        format += n;
        if (*format) {
            struct conversion c;
            format = read_conversion(format + 1, &args, &c);
            add_argument(out, &c, &args);
        }
    }
    va_end(args.list);
}

void terminal_vprint(FILE *to, const char *format, va_list args)
{
    struct buf out = {0};
    terminal_format(&out, format, args);
    fwrite(buf_str(&out), 1, out.len, to);
    buf_free(&out);
}

void terminal_print(FILE *to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    terminal_vprint(to, format, args);
    va_end(args);
}

void terminal_lines(FILE *to, const char *indent, const char *text)
{
    struct buf out = {0};
    while (*text) {
        size_t n = strcspn(text, "\n");
        buf_puts(&out, indent);
        printable_escape(&out, text, n, "\t");
        buf_putc(&out, '\n');
        text += n + (text[n] == '\n');
    }
    fwrite(buf_str(&out), 1, out.len, to);
    buf_free(&out);
}

void terminal_json(FILE *to, const char *json)
{
    struct buf out = {0};
    printable_escape_json(&out, json);
    fwrite(buf_str(&out), 1, out.len, to);
    buf_free(&out);
}
