/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "base/die.h"
#include "base/percent.h"

enum { MAC_SIZE = 32, DATE_LEN = 8 };

/* ---- what is written ---- */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that the text begins with, percent-encoded or not; *at moves behind it. */
static unsigned char take_byte(const struct sigv4_text *text, size_t *at)
{
    const char *p = text->at + *at;
    if (*p == '%' && *at + 2 < text->len && digit_of(p[1]) >= 0 && digit_of(p[2]) >= 0) {
        *at += 3;
        return (unsigned char)(digit_of(p[1]) << 4 | digit_of(p[2]));
    }
    *at += 1;
    return (unsigned char)*p;
}

/* However it is encoded, in one way. */
static void put_normal(struct buf *out, struct sigv4_text text)
{
    for (size_t i = 0; i < text.len;)
        percent_encode(out, (char[]){(char)take_byte(&text, &i)}, 1);
}

static void put_mac(struct buf *out, const unsigned char mac[MAC_SIZE])
{
    for (size_t i = 0; i < MAC_SIZE; i++)
        buf_printf(out, "%02x", mac[i]);
}

static void add(struct buf *out, struct sigv4_text text)
{
    buf_add(out, text.at, text.len);
}

/* ---- the path ---- */

static bool is(struct sigv4_text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

/* The services of S3 take a path as it is; for others it is normalized and encoded once more. */
static bool is_s3(const struct sigv4_claim *claim)
{
    return claim->service.len >= 2 && memcmp(claim->service.at, "s3", 2) == 0;
}

/* Drops the last segment, and the "/" before it. */
static void drop_segment(struct buf *out, size_t from)
{
    while (out->len > from && out->data[--out->len] != '/')
        ;
}

/* Without empty segments, "." and "..". */
static void put_segments(struct buf *out, struct sigv4_text path)
{
    size_t from = out->len, n;
    for (size_t i = 0; i < path.len; i += n + 1) {
        const char *end = memchr(path.at + i, '/', path.len - i);
        n = end ? (size_t)(end - path.at) - i : path.len - i;
        const struct sigv4_text segment = {path.at + i, n};
        if (!n || is(segment, "."))
            continue;
        if (is(segment, "..")) {
            drop_segment(out, from);
            continue;
        }
        buf_putc(out, '/');
        percent_encode(out, segment.at, n);
    }
    if (out->len == from || (path.len && path.at[path.len - 1] == '/'))
        buf_putc(out, '/');
}

static void put_path(struct buf *out, const struct sigv4_request *request,
                     const struct sigv4_claim *claim)
{
    if (is_s3(claim) && request->path.len)
        add(out, request->path);
    else
        put_segments(out, request->path);
}

/* ---- the query ---- */

struct parameter {
    char *name, *value;
};

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->value, y->value);
}

static char *normal(const char *at, size_t len)
{
    struct buf out = {0};
    put_normal(&out, (struct sigv4_text){at, len});
    return out.data ? buf_take(&out) : alloc_str("");
}

static struct parameter read_parameter(const char *at, size_t len)
{
    const char *equals = memchr(at, '=', len);
    size_t name = equals ? (size_t)(equals - at) : len;
    return (struct parameter){normal(at, name),
                              equals ? normal(equals + 1, len - name - 1) : alloc_str("")};
}

static void put_parameters(struct buf *out, struct parameter *list, size_t n)
{
    size_t written = 0;
    qsort(list, n, sizeof *list, compare_parameters);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].name, "X-Amz-Signature") != 0)
            buf_printf(out, "%s%s=%s", written++ ? "&" : "", list[i].name, list[i].value);
        free(list[i].name);
        free(list[i].value);
    }
}

static void put_query(struct buf *out, const char *query)
{
    struct parameter *list = NULL;
    size_t n = 0;
    for (size_t len; *query; query += len + (query[len] == '&')) {
        len = strcspn(query, "&");
        if (!len)
            continue;
        list = alloc_resize(list, n + 1, sizeof *list);
        list[n++] = read_parameter(query, len);
    }
    if (n)
        put_parameters(out, list, n);
    free(list);
}

/* ---- the fields ---- */

/* Of a field that is sent once for each hop, or changed on the way. */
static bool is_left_out(struct sigv4_text name)
{
    static const char *const names[] = {
        "connection", "keep-alive", "te",      "trailer",        "transfer-encoding",
        "upgrade",    "expect",     "via",     "accept-encoding", "user-agent"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is(name, names[i]))
            return true;
    return name.len >= 6 && memcmp(name.at, "proxy-", 6) == 0;
}

static bool has_name(const struct sigv4_field *field, struct sigv4_text name)
{
    return strlen(field->name) == name.len && strncasecmp(field->name, name.at, name.len) == 0;
}

/* Runs of white space are one space. */
static void put_value(struct buf *out, const char *value)
{
    bool first = true;
    for (size_t n; *(value += strspn(value, " \t")); value += n) {
        n = strcspn(value, " \t");
        if (!first)
            buf_putc(out, ' ');
        buf_add(out, value, n);
        first = false;
    }
}

/* False: the request has no such field. */
static bool put_field(struct buf *out, const struct sigv4_request *request, struct sigv4_text name)
{
    size_t found = 0;
    for (size_t i = 0; i < request->n; i++) {
        if (!has_name(&request->fields[i], name))
            continue;
        if (found++)
            buf_putc(out, ',');
        else
            buf_printf(out, "%.*s:", (int)name.len, name.at);
        put_value(out, request->fields[i].value);
    }
    buf_puts(out, found ? "\n" : "");
    return found > 0;
}

static int compare_names(const void *a, const void *b)
{
    const struct sigv4_text *x = a, *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->at, y->at, len);
    return order ? order : (int)x->len - (int)y->len;
}

static size_t split_names(struct sigv4_text names, struct sigv4_text out[SIGV4_NAMES_MAX])
{
    size_t n = 0, len;
    for (size_t i = 0; i < names.len && n < SIGV4_NAMES_MAX; i += len + 1) {
        const char *end = memchr(names.at + i, ';', names.len - i);
        len = end ? (size_t)(end - names.at) - i : names.len - i;
        const struct sigv4_text name = {names.at + i, len};
        if (len && !is_left_out(name))
            out[n++] = name;
    }
    qsort(out, n, sizeof *out, compare_names);
    return n;
}

static void put_fields(struct buf *out, const struct sigv4_request *request,
                       const struct sigv4_claim *claim, struct buf *signed_names)
{
    struct sigv4_text names[SIGV4_NAMES_MAX];
    size_t n = split_names(claim->names, names);
    for (size_t i = 0; i < n; i++) {
        bool twice = i && compare_names(&names[i], &names[i - 1]) == 0;
        if (twice || !put_field(out, request, names[i]))
            continue;
        if (signed_names->len)
            buf_putc(signed_names, ';');
        add(signed_names, names[i]);
    }
}

/* ---- the signature ---- */

void sigv4_canonical(const struct sigv4_request *request, const struct sigv4_claim *claim,
                     struct buf *names, struct buf *out)
{
    buf_printf(out, "%s\n", request->method);
    put_path(out, request, claim);
    buf_putc(out, '\n');
    put_query(out, request->query);
    buf_putc(out, '\n');
    put_fields(out, request, claim, names);
    buf_printf(out, "\n%s\n%s", buf_str(names), request->payload);
}

static void mac(const void *key, size_t len, const void *bytes, size_t n,
                unsigned char out[MAC_SIZE])
{
    unsigned size = MAC_SIZE;
    if (!HMAC(EVP_sha256(), key, (int)len, bytes, n, out, &size))
        die("OpenSSL cannot sign a request: it has no memory, or no HMAC");
}

static void derive_key(const char *secret, const char *time, const struct sigv4_claim *claim,
                       unsigned char key[MAC_SIZE])
{
    struct buf first = {0};
    buf_reserve(&first, strlen(secret) + 5);
    buf_printf(&first, "AWS4%s", secret);
    mac(first.data, first.len, time, DATE_LEN, key);
    mac(key, MAC_SIZE, claim->region.at, claim->region.len, key);
    mac(key, MAC_SIZE, claim->service.at, claim->service.len, key);
    mac(key, MAC_SIZE, "aws4_request", 12, key);
    buf_wipe(&first);
}

static void put_scope(struct buf *out, const char *time, const struct sigv4_claim *claim,
                      const char *slash)
{
    buf_printf(out, "%.*s%s", DATE_LEN, time, slash);
    add(out, claim->region);
    buf_puts(out, slash);
    add(out, claim->service);
    buf_printf(out, "%saws4_request", slash);
}

static void put_signature(struct buf *out, const struct buf *canonical, const char *time,
                          const struct sigv4_claim *claim, const char *secret)
{
    unsigned char key[MAC_SIZE], signature[MAC_SIZE];
    char hash[DIGEST_HEX_SIZE];
    struct buf text = {0};
    buf_printf(&text, SIGV4_ALGORITHM "\n%s\n", time);
    put_scope(&text, time, claim, "/");
    buf_printf(&text, "\n%s", digest_of(canonical->data, canonical->len, hash));
    derive_key(secret, time, claim, key);
    mac(key, MAC_SIZE, text.data, text.len, signature);
    put_mac(out, signature);
    explicit_bzero(key, sizeof key);
    buf_free(&text);
}

void sigv4_sign(const struct sigv4_request *request, const struct sigv4_claim *claim,
                const char *time, const char *id, const char *secret, struct buf *out)
{
    struct buf names = {0}, canonical = {0};
    sigv4_canonical(request, claim, &names, &canonical);
    buf_printf(out, SIGV4_ALGORITHM " Credential=%s/", id);
    put_scope(out, time, claim, "/");
    buf_printf(out, ", SignedHeaders=%s, Signature=", buf_str(&names));
    put_signature(out, &canonical, time, claim, secret);
    buf_wipe(&canonical);                           /* it may cover a session's token */
    buf_free(&names);
}

/* ---- signed queries ---- */

/* The query without the parameters that are written anew. */
static void put_others(struct buf *out, const char *query)
{
    static const char *const own[] = {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date",
                                      "X-Amz-SignedHeaders", "X-Amz-Signature"};
    for (size_t len; *query; query += len + (query[len] == '&')) {
        char *name = normal(query, strcspn(query, "=&"));
        bool is_own = false;
        len = strcspn(query, "&");
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
            is_own |= strcmp(name, own[i]) == 0;
        free(name);
        if (is_own || !len)
            continue;
        buf_add(out, query, len);
        buf_putc(out, '&');
    }
}

static void put_signed_names(struct buf *out, const struct sigv4_request *request,
                             const struct sigv4_claim *claim)
{
    struct buf fields = {0}, names = {0};
    put_fields(&fields, request, claim, &names);
    put_normal(out, (struct sigv4_text){buf_str(&names), names.len});
    buf_wipe(&fields);
    buf_free(&names);
}

void sigv4_sign_query(const struct sigv4_request *request, const struct sigv4_claim *claim,
                      const char *time, const char *id, const char *secret, struct buf *out)
{
    struct buf query = {0}, names = {0}, canonical = {0};
    struct sigv4_request sent = *request;
    put_others(&query, request->query);
    buf_puts(&query, "X-Amz-Algorithm=" SIGV4_ALGORITHM "&X-Amz-Credential=");
    put_normal(&query, (struct sigv4_text){id, strlen(id)});
    buf_puts(&query, "%2F");
    put_scope(&query, time, claim, "%2F");
    buf_printf(&query, "&X-Amz-Date=%s&X-Amz-SignedHeaders=", time);
    put_signed_names(&query, request, claim);
    sent.query = buf_str(&query);
    sigv4_canonical(&sent, claim, &names, &canonical);
    buf_add(out, query.data, query.len);
    buf_puts(out, "&X-Amz-Signature=");
    put_signature(out, &canonical, time, claim, secret);
    buf_wipe(&query);
    buf_wipe(&canonical);
    buf_free(&names);
}

void sigv4_time(int64_t ms, char out[SIGV4_TIME_SIZE])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(out, SIGV4_TIME_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

/* ---- what a client says ---- */

bool sigv4_is(const char *authorization)
{
    return strncasecmp(authorization, "AWS4-", 5) == 0;
}

static bool is_plain(struct sigv4_text text, const char *more)
{
    for (size_t i = 0; i < text.len; i++)
        if (!text.at[i] ||
            (!percent_is_unreserved((unsigned char)text.at[i]) && !strchr(more, text.at[i])))
            return false;
    return text.len > 0;
}

/* From the end, as a key's id may have any character. */
static struct sigv4_text take_last(struct sigv4_text *text)
{
    size_t at = text->len;
    while (at && text->at[at - 1] != '/')
        at--;
    struct sigv4_text last = {text->at + at, text->len - at};
    text->len = at ? at - 1 : 0;
    return last;
}

static const char *read_credential(struct sigv4_text text, struct sigv4_claim *out)
{
    if (!is(take_last(&text), "aws4_request"))
        return "its Credential does not end with /aws4_request";
    out->service = take_last(&text);
    out->region = take_last(&text);
    take_last(&text);                               /* the date is written anew */
    out->key = text;
    return text.len && is_plain(out->region, "") && is_plain(out->service, "")
               ? NULL : "its Credential is not KEY/DATE/REGION/SERVICE/aws4_request";
}

static bool covers_host(struct sigv4_text names)
{
    struct sigv4_text list[SIGV4_NAMES_MAX];
    size_t n = split_names(names, list);
    for (size_t i = 0; i < n; i++)
        if (is(list[i], "host"))
            return true;
    return false;
}

/* Without its host, a signature would be good for requests to every other host. */
static const char *check_names(const struct sigv4_claim *claim)
{
    size_t n = 1;
    for (size_t i = 0; i < claim->names.len; i++)
        n += claim->names.at[i] == ';';
    if (n > SIGV4_NAMES_MAX)
        return "it covers more than 64 fields";
    if (!is_plain(claim->names, ";"))
        return "it does not say which fields it covers";
    return covers_host(claim->names) ? NULL : "it does not cover the field host";
}

static struct sigv4_text part_of(const char *text, const char *name)
{
    const char *at = text;
    size_t len = strlen(name);
    while (at && (at += strspn(at, ", "), strncmp(at, name, len) != 0 || at[len] != '='))
        at = strchr(at, ',');
    return at ? (struct sigv4_text){at + len + 1, strcspn(at + len + 1, ", ")}
              : (struct sigv4_text){"", 0};
}

const char *sigv4_read(const char *authorization, struct sigv4_claim *out)
{
    static const char known[] = SIGV4_ALGORITHM " ";
    if (strncmp(authorization, known, sizeof known - 1) != 0)
        return "signatures other than AWS4-HMAC-SHA256 cannot be made anew";
    const char *rest = authorization + sizeof known - 1;
    const char *problem = read_credential(part_of(rest, "Credential"), out);
    out->names = part_of(rest, "SignedHeaders");
    return problem ? problem : check_names(out);
}

/* The value of a parameter, decoded into room, where it begins at the offset. */
static bool find_parameter(const char *query, const char *name, struct buf *room, size_t *at,
                           size_t *n)
{
    size_t len = strlen(name), i = 0;
    while (strncmp(query, name, len) != 0 || query[len] != '=') {
        query += strcspn(query, "&");
        if (!*query++)
            return false;
    }
    const struct sigv4_text value = {query + len + 1, strcspn(query + len + 1, "&")};
    *at = room->len;
    while (i < value.len)
        buf_putc(room, (char)take_byte(&value, &i));
    *n = room->len - *at;
    return true;
}

const char *sigv4_read_query(const char *query, struct buf *room, bool *found,
                             struct sigv4_claim *out)
{
    size_t algorithm, n_algorithm, key, n_key, names, n_names;
    *found = find_parameter(query, "X-Amz-Algorithm", room, &algorithm, &n_algorithm);
    if (!*found)
        return NULL;
    if (!find_parameter(query, "X-Amz-Credential", room, &key, &n_key))
        return "the query has no X-Amz-Credential";
    if (!find_parameter(query, "X-Amz-SignedHeaders", room, &names, &n_names))
        return "the query has no X-Amz-SignedHeaders";
    if (!is((struct sigv4_text){room->data + algorithm, n_algorithm}, SIGV4_ALGORITHM))
        return "signatures other than AWS4-HMAC-SHA256 cannot be made anew";
    const char *problem = read_credential((struct sigv4_text){room->data + key, n_key}, out);
    out->names = (struct sigv4_text){room->data + names, n_names};
    return problem ? problem : check_names(out);
}
