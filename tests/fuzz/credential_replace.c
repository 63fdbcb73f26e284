/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes in each place where placeholders are replaced: a value goes nowhere that it is not
 * bound to, what is refused leaves nothing behind, and no placeholder is left in what is sent. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "secret/placeholder.h"
#include "secret/replace.h"

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define BEFORE "before"
#define AWAY "elsewhere-7f3a"

static const struct secret_credential items[] = {
    {"p", "generic", "TOKEN", DIGITS, "v/1 \"\\&"},
    {"p", "generic", "TOKEN_2", DIGITS, "two"},
    {"q", "generic", "AWAY", DIGITS, AWAY},
};

static bool bound(void *ctx, const struct secret_credential *c)
{
    (void)ctx;
    return strcmp(c->provider, "p") == 0;
}

typedef enum secret_result replacer(const struct secret_destination *to, const char *text,
                                    size_t len, struct buf *out);

static enum secret_result replace_field(const struct secret_destination *to, const char *text,
                                        size_t len, struct buf *out)
{
    (void)len;
    return secret_replace_field(to, text, out);
}

static void check(const struct secret_destination *to, replacer *replace, const char *text,
                  size_t len)
{
    struct buf out = {0};
    buf_puts(&out, BEFORE);
    size_t before = out.len;
    enum secret_result result = replace(to, text, len, &out);
    if (result != SECRET_REPLACED && out.len != before)
        abort();
    if (result == SECRET_NONE && secret_has_trace(text, len))
        abort();
    if (secret_has_trace(out.data + before, out.len - before))
        abort();
    if (memmem(out.data, out.len, AWAY, sizeof AWAY - 1) &&
        !memmem(text, len, AWAY, sizeof AWAY - 1))
        abort();
    buf_free(&out);
}

/* Long texts are searched in another way than short ones: both must find the same. */
static void check_long(const char *text, size_t len)
{
    enum { LONG = 5000 };
    struct buf padded = {0};
    for (int i = 0; i < LONG; i++)
        buf_putc(&padded, '\n');
    buf_add(&padded, text, len);
    buf_putc(&padded, '\n');
    if (secret_has_trace(text, len) != secret_has_trace(padded.data, padded.len) ||
        secret_has_plain_trace(text, len) != secret_has_plain_trace(padded.data, padded.len))
        abort();
    buf_free(&padded);
}

/* What is written into rules has no handle, and doing so again changes nothing. */
static void check_generalised(const char *text)
{
    struct buf once = {0}, twice = {0}, made = {0};
    secret_generalise(text, &once);
    secret_generalise(buf_str(&once), &twice);
    if (once.len != twice.len || strcmp(buf_str(&once), buf_str(&twice)) != 0 ||
        once.len != strlen(text))
        abort();
    secret_placeholder(DIGITS, "TOKEN", &made);
    if (!secret_has_plain_trace(made.data, made.len))
        abort();
    buf_free(&once);
    buf_free(&twice);
    buf_free(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct secret_credentials *all =
        secret_credentials_new(items, sizeof items / sizeof *items);
    const struct secret_destination to = {all, bound, NULL};
    struct buf shown = {0};
    char *text = alloc_strn((const char *)data, size);
    size_t len = strlen(text);                      /* fields, paths and queries have no NUL */
    check(&to, replace_field, text, len);
    check(&to, secret_replace_path, text, len);
    check(&to, secret_replace_query, text, len);
    check(&to, secret_replace_text, (const char *)data, size);
    check(&to, secret_replace_json, (const char *)data, size);
    check_long(text, len);
    check_generalised(text);
    secret_redact(text, len, &shown);
    if (shown.len && memmem(shown.data, shown.len, SECRET_MARKER, SECRET_MARKER_LEN))
        abort();
    buf_free(&shown);
    free(text);
    secret_credentials_free(all);
    return 0;
}
