/* SPDX-License-Identifier: Apache-2.0 */
/* Cases that are data.  A file is a row of
 *     === name            (or "=e= name": the document has \xNN, \n, \t and \\ in it)
 *     the document
 *     --->
 *     the outcome: its canonical JSON, or one "line:column: path: message" per problem
 * and run_cases compares every outcome, reporting all that differ. */
#ifndef TESTS_SUPPORT_DOC_CASES_H
#define TESTS_SUPPORT_DOC_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* clang-format off: it needs those above */
#include <cmocka.h>
/* clang-format on */

#include "base/buf.h"
#include "base/problems.h"

typedef void case_runner(const char *text, size_t len, struct buf *outcome);

static inline struct buf read_fixture(const char *path)
{
    struct buf text = {0};
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    char block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        buf_add(&text, block, n);
    fclose(file);
    return text;
}

static inline void add_problems(struct buf *out, struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++)
        buf_printf(out, "%u:%u: %s: %s\n", problems->items[i].line, problems->items[i].column,
                   problems->items[i].path, problems->items[i].message);
    problems_free(problems);
}

static inline void unescape(struct buf *text)
{
    size_t to = 0;
    for (size_t i = 0; i < text->len; i++) {
        char c = text->data[i];
        if (c == '\\' && i + 1 < text->len) {
            c = text->data[++i];
            if (c == 'x') {
                char hex[3] = {text->data[i + 1], text->data[i + 2], '\0'};
                c = (char)strtol(hex, NULL, 16);
                i += 2;
            } else {
                c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
            }
        }
        text->data[to++] = c;
    }
    text->len = to;
}

static inline size_t run_case(char *name, char *body, case_runner *run)
{
    bool escaped = name[1] == 'e';
    char *arrow = strstr(body, "--->\n");
    assert_non_null(arrow);
    struct buf text = {0}, outcome = {0};
    size_t len = (size_t)(arrow - body);
    buf_add(&text, body, len && escaped ? len - 1 : len);
    if (escaped && text.len)
        unescape(&text);
    run(buf_str(&text), text.len, &outcome);
    if (outcome.len && outcome.data[outcome.len - 1] != '\n')
        buf_putc(&outcome, '\n');
    bool same = strcmp(buf_str(&outcome), arrow + 5) == 0;
    if (!same)
        fprintf(stderr, "%s\n--- wanted\n%s--- got\n%s\n", name, arrow + 5, buf_str(&outcome));
    buf_free(&text);
    buf_free(&outcome);
    return same ? 0 : 1;
}

static inline char *next_case(char *from)
{
    char *plain = strstr(from, "\n=== "), *escaped = strstr(from, "\n=e= ");
    return !plain || (escaped && escaped < plain) ? escaped : plain;
}

/* Cases are separated by one empty line, which belongs to neither. */
static inline void run_cases(const char *path, case_runner *run)
{
    struct buf file = read_fixture(path);
    size_t n = 0, failed = 0;
    buf_puts(&file, "\n");
    for (char *at = strstr(buf_str(&file), "\n=") ? next_case(file.data) : NULL; at; n++) {
        char *name = at + 1, *body = strchr(name, '\n') + 1, *end = next_case(body);
        body[-1] = '\0';
        char *last = end ? end : file.data + file.len - 1;
        last[0] = '\0';
        failed += run_case(name, body, run);
        at = end;
        if (at)
            *at = '\n';
    }
    buf_free(&file);
    if (!n || failed)
        fail_msg("%s: %zu of %zu cases failed", path, failed, n);
}

#endif
