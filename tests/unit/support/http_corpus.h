/* SPDX-License-Identifier: Apache-2.0 */
/* Reads tests/fixtures/http/requests.txt; its head explains the format. */
#ifndef TESTS_SUPPORT_HTTP_CORPUS_H
#define TESTS_SUPPORT_HTTP_CORPUS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CORPUS
#define CORPUS "tests/fixtures/http/requests.txt"
#endif

struct corpus_case {
    char name[128], expect[64];
    struct buf bytes;
};

static inline void corpus_unescape(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (*text != '\\') {
            buf_putc(out, *text);
            continue;
        }
        text++;
        if (*text == 'x') {
            char digits[3] = {text[1], text[2], 0};
            buf_putc(out, (char)strtol(digits, NULL, 16));
            text += 2;
        } else {
            buf_putc(out, *text == 'r' ? '\r' : *text == 'n' ? '\n' : *text == 't' ? '\t' : *text);
        }
    }
}

/* Calls fn for each case; returns how many there were. */
static inline unsigned corpus_each(void (*fn)(const struct corpus_case *c, void *ctx), void *ctx)
{
    struct corpus_case c = {0};
    char line[2048];
    unsigned n = 0;
    FILE *file = fopen(CORPUS, "r");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "case: ", 6) == 0)
            snprintf(c.name, sizeof c.name, "%s", line + 6);
        else if (strncmp(line, "expect: ", 8) == 0)
            snprintf(c.expect, sizeof c.expect, "%s", line + 8);
        else if (strncmp(line, "send: ", 6) == 0)
            corpus_unescape(line + 6, &c.bytes);
        else if (!*line && c.bytes.len) {
            fn(&c, ctx);
            buf_clear(&c.bytes);
            n++;
        }
    }
    if (c.bytes.len) {
        fn(&c, ctx);
        n++;
    }
    if (file)
        fclose(file);
    buf_free(&c.bytes);
    return n;
}

#endif
