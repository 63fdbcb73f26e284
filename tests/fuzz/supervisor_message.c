/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the lines between a supervisor or a host and its gateway: a message, or with a first byte
 * '@' the specification of a sandbox, with '!' a command.  Oracles: what is refused has a reason;
 * what is read and written is one line, and reads as the same again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "sandbox/wire/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what, const char *text)
{
    fprintf(stderr, "%s:\n%s\n", what, text);
    abort();
}

/* 0: out is what was written of what the text means. */
typedef int rewriter(const char *text, size_t len, struct arena *arena, struct buf *out,
                     struct error *err);

static int rewrite_message(const char *text, size_t len, struct arena *arena, struct buf *out,
                           struct error *err)
{
    struct sandbox_message message;
    if (sandbox_message_decode(text, len, arena, &message, err) != 0)
        return -1;
    if (message.type >= MESSAGE_TYPE_COUNT)
        wrong("no type", text);
    sandbox_message_encode(&message, out);
    if (memchr(out->data, '\n', out->len) != out->data + out->len - 1)
        wrong("not one line", buf_str(out));
    out->data[--out->len] = '\0';
    return 0;
}

static int rewrite_spec(const char *text, size_t len, struct arena *arena, struct buf *out,
                        struct error *err)
{
    struct sandbox_spec spec;
    if (sandbox_spec_decode(text, len, arena, &spec, err) != 0)
        return -1;
    char *again = sandbox_spec_encode(&spec);
    buf_puts(out, again);
    free(again);
    return 0;
}

static int rewrite_exec(const char *text, size_t len, struct arena *arena, struct buf *out,
                        struct error *err)
{
    struct sandbox_exec exec;
    (void)len;
    if (sandbox_exec_decode(text, arena, &exec, err) != 0)
        return -1;
    struct error why;
    if (sandbox_exec_check(&exec, &why) != 0 && !*why.text)
        wrong("a command is refused without a reason", text);
    char *again = sandbox_exec_encode(&exec);
    buf_puts(out, again);
    free(again);
    return 0;
}

static void check(rewriter *rewrite, const char *text, size_t len)
{
    struct arena *arena = arena_new();
    struct buf once = {0}, twice = {0};
    struct error err = {0};
    if (rewrite(text, len, arena, &once, &err) != 0) {
        if (!*err.text)
            wrong("refused without a reason", text);
    } else if (rewrite(once.data, once.len, arena, &twice, &err) != 0) {
        wrong(err.text, once.data);
    } else if (strcmp(buf_str(&once), buf_str(&twice)) != 0) {
        wrong("reads as something else", once.data);
    }
    buf_free(&once);
    buf_free(&twice);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (*text == '@')
        check(rewrite_spec, text + 1, size - 1);
    else if (*text == '!')
        check(rewrite_exec, text + 1, strlen(text + 1));
    else
        check(rewrite_message, text, size);
    free(text);
    return 0;
}
