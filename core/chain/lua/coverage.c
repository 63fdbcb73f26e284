/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/coverage.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

enum { LINES_MAX = 1 << 20, HEADER_SIZE = 31, ABSOLUTE = -128 };

struct coverage {
    bool *code;
    atomic_bool *ran;
    size_t last;
};

/* A binary chunk of Lua 5.4 (ldump.c), read as far as lines need it.  It comes from lua_dump of
 * this process, so it is well formed. */
struct reader {
    const unsigned char *at, *end;
    struct coverage *coverage;
};

static size_t read_size(struct reader *r)
{
    size_t n = 0;
    unsigned char byte = 0;
    while (r->at < r->end && !(byte & 0x80)) {
        byte = *r->at++;
        n = n << 7 | (byte & 0x7f);
    }
    return n;
}

static void skip(struct reader *r, size_t bytes)
{
    r->at = bytes > (size_t)(r->end - r->at) ? r->end : r->at + bytes;
}

/* Strings are written with their length plus one; 0 is no string. */
static void skip_string(struct reader *r)
{
    size_t size = read_size(r);
    skip(r, size ? size - 1 : 0);
}

static void skip_constants(struct reader *r)
{
    enum { INTEGER = 0x03, FLOAT = 0x13, SHORT = 0x04, LONG = 0x14 };
    for (size_t n = read_size(r); n > 0 && r->at < r->end; n--) {
        int type = *r->at++;
        if (type == INTEGER || type == FLOAT)
            skip(r, 8);
        else if (type == SHORT || type == LONG)
            skip_string(r);
    }
}

static void note_code(struct coverage *c, size_t line)
{
    if (line == 0 || line > LINES_MAX)
        return;
    if (line > c->last) {
        c->code = alloc_resize(c->code, line + 1, sizeof *c->code);
        memset(c->code + c->last + 1, 0, (line - c->last) * sizeof *c->code);
        c->last = line;
    }
    c->code[line] = true;
}

/* The line of every instruction but the last, which is the return that Lua added, and the first of
 * a function with variable arguments, which prepares them. */
static void read_lines(struct reader *r, size_t line, bool variable)
{
    size_t n = read_size(r);
    const signed char *deltas = (const signed char *)r->at;
    skip(r, n);
    size_t absolutes = read_size(r);
    for (size_t pc = 0; pc < n; pc++) {
        if (deltas[pc] == ABSOLUTE && absolutes > 0) {
            read_size(r);                           /* which instruction: this one */
            line = read_size(r);
            absolutes--;
        } else {
            line = (size_t)((ptrdiff_t)line + deltas[pc]);
        }
        if (pc + 1 < n && (pc > 0 || !variable))
            note_code(r->coverage, line);
    }
}

static void read_function(struct reader *r)
{
    skip_string(r);                                 /* source */
    size_t line = read_size(r);
    read_size(r);                                   /* its last line */
    skip(r, 1);                                     /* parameters */
    bool variable = r->at < r->end && *r->at;
    skip(r, 2);                                     /* variable, stack */
    skip(r, read_size(r) * 4);                      /* instructions */
    skip_constants(r);
    skip(r, read_size(r) * 3);                      /* upvalues */
    for (size_t n = read_size(r); n > 0 && r->at < r->end; n--)
        read_function(r);
    read_lines(r, line, variable);
    for (size_t n = read_size(r); n > 0 && r->at < r->end; n--) {
        skip_string(r);                             /* local variables */
        read_size(r);
        read_size(r);
    }
    for (size_t n = read_size(r); n > 0 && r->at < r->end; n--)
        skip_string(r);                             /* names of upvalues */
}

static int append(lua_State *L, const void *bytes, size_t len, void *out)
{
    (void)L;
    buf_add(out, bytes, len);
    return 0;
}

struct coverage *coverage_new(lua_State *L, int index)
{
    struct coverage *c = alloc_zero(1, sizeof *c);
    struct buf dumped = {0};
    c->code = alloc_zero(1, sizeof *c->code);
    lua_pushvalue(L, index);
    lua_dump(L, append, &dumped, 0);
    lua_pop(L, 1);
    if (dumped.len > HEADER_SIZE + 1) {
        const unsigned char *bytes = (const unsigned char *)dumped.data;
        struct reader r = {bytes + HEADER_SIZE + 1, bytes + dumped.len, c};
        read_function(&r);
    }
    c->ran = alloc_zero(c->last + 1, sizeof *c->ran);
    buf_free(&dumped);
    return c;
}

void coverage_free(struct coverage *c)
{
    if (!c)
        return;
    free(c->code);
    free(c->ran);
    free(c);
}

void coverage_mark(struct coverage *c, int line)
{
    if (line > 0 && (size_t)line <= c->last)
        atomic_store_explicit(&c->ran[line], true, memory_order_relaxed);
}

size_t coverage_last(const struct coverage *c)
{
    return c->last;
}

bool coverage_has_code(const struct coverage *c, size_t line)
{
    return line <= c->last && c->code[line];
}

bool coverage_ran(const struct coverage *c, size_t line)
{
    return line <= c->last && atomic_load_explicit(&c->ran[line], memory_order_relaxed);
}
