/* SPDX-License-Identifier: Apache-2.0 */
/* The one way in which text for people is printed: what the format says stands as it is, what its
 * arguments bring is made printable (base/printable.h), line breaks too.  Conversions: those of
 * printf but %n, %p, %a and wide characters; of a %s the width counts characters, the precision
 * bytes. Any thread. */
#ifndef BASE_TERMINAL_H
#define BASE_TERMINAL_H

#include <stdarg.h>
#include <stdio.h>

struct buf;

void terminal_print(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
void terminal_vprint(FILE *to, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void terminal_format(struct buf *out, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
size_t terminal_width(const char *text);            /* characters of a valid UTF-8 text */
/* A text of several lines: its line breaks and tabs stay, each line begins with the indent. */
void terminal_lines(FILE *to, const char *indent, const char *text);
/* A JSON text (valid UTF-8), whose value stays the same. */
void terminal_json(FILE *to, const char *json);

#endif
