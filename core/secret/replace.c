/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/replace.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/percent.h"
#include "base/text.h"
#include "secret/placeholder.h"
#include "secret/profile.h"

typedef enum secret_result put_value(struct buf *out, const char *value);

/* ---- how a value is written ---- */

static enum secret_result put_raw(struct buf *out, const char *value)
{
    buf_puts(out, value);
    return SECRET_REPLACED;
}

static enum secret_result put_percent(struct buf *out, const char *value)
{
    percent_encode(out, value, strlen(value));
    return SECRET_REPLACED;
}

/* One that a server could take for more than a part of a segment. */
static enum secret_result put_in_path(struct buf *out, const char *value)
{
    if (strpbrk(value, "/\\?#") || !value[strspn(value, ".")])
        return SECRET_UNFIT;
    return put_percent(out, value);
}

static enum secret_result put_json(struct buf *out, const char *value)
{
    for (const char *p = value; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_putc(out, '\\');
        buf_putc(out, *p);
    }
    return SECRET_REPLACED;
}

/* ---- one placeholder, and all of a text ---- */

/* text: decoded, and begins with the marker.  len: of the placeholder. */
static enum secret_result put_one(const struct secret_destination *to, const char *text,
                                  put_value *put, struct buf *out, size_t *len)
{
    const struct secret_credential *c = secret_credentials_find(to->all, text, len);
    if (!c || !*c->value)                           /* "": it cannot be opened */
        return SECRET_UNKNOWN;
    if (!to->bound(to->ctx, c))
        return SECRET_UNBOUND;
    const struct secret_profile *profile = secret_profile_find(c->profile);
    if (profile && secret_profile_signs_with(profile, c->name))
        return SECRET_UNFIT;
    return put(out, c->value);
}

/* A text of len bytes, of which out got all behind before. */
static bool grows_too_much(const struct buf *out, size_t before, size_t len)
{
    return out->len - before > len + SECRET_GROWTH_MAX;
}

static enum secret_result put_all(const struct secret_destination *to, const char *text,
                                  size_t len, put_value *put, struct buf *out)
{
    char decoded[SECRET_PLACEHOLDER_MAX + 1];
    size_t at[SECRET_PLACEHOLDER_MAX + 1], taken, before = out->len;
    for (size_t i = 0; i < len;) {
        if (!secret_decode_from(text + i, len - i, decoded, at)) {
            buf_putc(out, text[i++]);
            continue;
        }
        enum secret_result result = put_one(to, decoded, put, out, &taken);
        if (result != SECRET_REPLACED)
            return result;
        i += at[taken];
        if (grows_too_much(out, before, len))
            return SECRET_LONG;
    }
    return SECRET_REPLACED;
}

/* Forgets what was appended to a buffer, which may hold values. */
static void cut(struct buf *out, size_t len)
{
    if (out->len > len)
        explicit_bzero(out->data + len, out->len - len);
    if (out->data)
        out->data[len] = '\0';
    out->len = len;
}

/* The result of a function that has appended to out, which had len bytes before. */
static enum secret_result finish(enum secret_result result, struct buf *out, size_t len)
{
    if (result == SECRET_REPLACED && secret_has_trace(out->data + len, out->len - len))
        result = SECRET_MISPLACED;
    if (result != SECRET_REPLACED)
        cut(out, len);
    return result;
}

/* ---- places ---- */

/* Then the placeholder before it is the beginning of another one's. */
static bool is_name_to_its_end(const char *text)
{
    while (isalnum((unsigned char)*text) || *text == '_')
        text++;
    return !*text;
}

/* Of what stands alone: a placeholder that takes all of it. */
static enum secret_result put_whole(const struct secret_destination *to, const char *text,
                                    struct buf *out)
{
    size_t len, before = out->len;
    if (strncmp(text, SECRET_MARKER, SECRET_MARKER_LEN) != 0)
        return SECRET_MISPLACED;
    enum secret_result result = put_one(to, text, put_raw, out, &len);
    if (result == SECRET_REPLACED && text[len])
        result = is_name_to_its_end(text + len) ? SECRET_UNKNOWN : SECRET_MISPLACED;
    return finish(result, out, before);
}

static enum secret_result put_basic(const struct secret_destination *to, const char *digits,
                                    struct buf *out)
{
    struct buf plain = {0}, filled = {0};
    enum secret_result result = SECRET_MISPLACED;
    if (base64_decode(digits, strlen(digits), &plain) == 0)
        result = put_all(to, buf_str(&plain), plain.len, put_raw, &filled);
    if (result == SECRET_REPLACED && secret_has_trace(buf_str(&filled), filled.len))
        result = SECRET_MISPLACED;
    if (result == SECRET_REPLACED)
        base64_encode(buf_str(&filled), filled.len, out);
    buf_wipe(&filled);
    buf_free(&plain);
    return result;
}

enum secret_result secret_replace_field(const struct secret_destination *to, const char *value,
                                        struct buf *out)
{
    size_t scheme = strcspn(value, " "), before = out->len;
    const char *rest = value + scheme + strspn(value + scheme, " ");
    if (!secret_has_trace(value, strlen(value)))
        return SECRET_NONE;
    if (!*rest)
        return put_whole(to, value, out);
    buf_add(out, value, (size_t)(rest - value));
    bool basic = scheme == 5 && strncasecmp(value, "Basic", 5) == 0;
    return finish(basic ? put_basic(to, rest, out) : put_whole(to, rest, out), out, before);
}

enum secret_result secret_replace_path(const struct secret_destination *to, const char *path,
                                       size_t len, struct buf *out)
{
    size_t before = out->len;
    if (!secret_has_trace(path, len))
        return SECRET_NONE;
    return finish(put_all(to, path, len, put_in_path, out), out, before);
}

/* A name and its value, or either alone. */
static enum secret_result put_parameter(const struct secret_destination *to, const char *text,
                                        size_t len, struct buf *out)
{
    const char *equals = memchr(text, '=', len);
    size_t name = equals ? (size_t)(equals - text) + 1 : len;
    if (secret_has_trace(text, name))
        return SECRET_MISPLACED;
    buf_add(out, text, name);
    return put_all(to, text + name, len - name, put_percent, out);
}

/* Some servers end a parameter at ";", too. */
enum secret_result secret_replace_query(const struct secret_destination *to, const char *query,
                                        size_t len, struct buf *out)
{
    size_t before = out->len;
    enum secret_result result = SECRET_REPLACED;
    if (!secret_has_trace(query, len))
        return SECRET_NONE;
    for (size_t i = 0, n; i <= len && result == SECRET_REPLACED; i += n + 1) {
        for (n = 0; i + n < len && query[i + n] != '&' && query[i + n] != ';'; n++)
            ;
        result = put_parameter(to, query + i, n, out);
        if (i + n < len)
            buf_putc(out, query[i + n]);
        if (result == SECRET_REPLACED && grows_too_much(out, before, len))
            result = SECRET_LONG;
    }
    return finish(result, out, before);
}

enum secret_result secret_replace_text(const struct secret_destination *to, const char *text,
                                       size_t len, struct buf *out)
{
    size_t before = out->len;
    if (!secret_has_trace(text, len))
        return SECRET_NONE;
    return finish(put_all(to, text, len, put_raw, out), out, before);
}

/* ---- JSON ---- */

/* The length of the text that begins with a quote, with both quotes; 0: it does not end. */
static size_t text_length(const char *text, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if (text[i] == '"')
            return i + 1;
        i += text[i] == '\\';
    }
    return 0;
}

static bool is_name(const char *after, size_t len)
{
    size_t i = 0;
    while (i < len && strchr(" \t\r\n", after[i]) && after[i])
        i++;
    return i < len && after[i] == ':';
}

enum secret_result secret_replace_json(const struct secret_destination *to, const char *text,
                                       size_t len, struct buf *out)
{
    size_t before = out->len, n;
    enum secret_result result = SECRET_REPLACED;
    if (!secret_has_trace(text, len))
        return SECRET_NONE;
    for (size_t i = 0; i < len && result == SECRET_REPLACED; i += n) {
        n = text[i] == '"' ? text_length(text + i, len - i) : 1;
        bool name = n > 1 && is_name(text + i + n, len - i - n);
        if (n == 0 || (name && secret_has_trace(text + i, n)))
            result = SECRET_MISPLACED;
        else if (n > 1)
            result = put_all(to, text + i, n, put_json, out);
        else
            buf_putc(out, text[i]);
        if (result == SECRET_REPLACED && grows_too_much(out, before, len))
            result = SECRET_LONG;
    }
    return finish(result, out, before);
}
