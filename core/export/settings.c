/* SPDX-License-Identifier: Apache-2.0 */
#include "export/settings.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

const char *export_kind_word(enum export_kind kind)
{
    static const char *const words[] = {
#define X(id, word) [EXPORT_##id] = word,
        EXPORT_KINDS_OF_RECORDS(X)
#undef X
    };
    return words[kind];
}

/* ---- the table ---- */

static const char *const types[] = {"otlp", "webhook", NULL};
static const char *const formats[] = {"native", "ocsf", NULL};
#define AT(field) offsetof(struct export_settings, field)
static const struct schema_field fields[] = {
    {"name", SCHEMA_TEXT, AT(name), .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY, .max = 64,
     .help = "Its name, under which the store keeps what its receiver has taken"},
    {"type", SCHEMA_TEXT, AT(type), .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY, .words = types,
     .help = "OTLP/HTTP logs in JSON, or one signed JSON document for each batch"},
    {"url", SCHEMA_TEXT, AT(url), .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY, .max = 2048,
     .help = "The receiver, https://HOST/..., or http:// on this machine; /v1/logs is appended to "
             "one of type otlp that has no path"},
    {"records", SCHEMA_TEXTS, AT(records), AT(n_records),
     .help = "What is sent: audit, traffic; all where it is left out"},
    {"format", SCHEMA_TEXT, AT(format), .fallback = "native", .words = formats,
     .help = "As sluice names things, or events of the Open Cybersecurity Schema Framework"},
    {"token_file", SCHEMA_TEXT, AT(token_file),
     .help = "File of a bearer token, read for each batch"},
    {"headers_file", SCHEMA_TEXT, AT(headers_file),
     .help = "File of further header fields, NAME: VALUE on each line, read for each batch"},
    {"key_file", SCHEMA_TEXT, AT(key_file),
     .help = "File of the key that signs the documents of a webhook"},
    {"ca", SCHEMA_TEXT, AT(ca),
     .help = "PEM file of the authorities that the receiver's certificate may be of, in place of "
             "the system's"},
    {"insecure", SCHEMA_BOOL, AT(insecure),
     .help = "Lets an http:// URL leave this machine, readable for whoever is on the way"},
    {"batch_records", SCHEMA_U32, AT(batch_records), .min = 1, .max = 4096, .fallback = "256",
     .help = "The most records of a request"},
    {"batch_bytes", SCHEMA_U32, AT(batch_bytes), .min = 16384, .max = 4194304,
     .fallback = "1048576",
     .help = "The most bytes of a request, unless one record alone has more"},
    {"interval_ms", SCHEMA_U32, AT(interval_ms), .min = 50, .max = 3600000, .fallback = "1000",
     .help = "How often it looks for what is new"},
    {"timeout_ms", SCHEMA_U32, AT(timeout_ms), .min = 100, .max = 60000, .fallback = "10000",
     .help = "For a request and its answer"},
    {0},
};
#undef AT

static bool is_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", *c))
            return false;
    return true;
}

static bool is_on_this_machine(const char *url)
{
    static const char *const near[] = {"http://127.0.0.1", "http://[::1]", "http://localhost"};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        size_t len = strlen(near[i]);
        if (strncasecmp(url, near[i], len) == 0 && strchr(":/?", url[len]))
            return true;
    }
    return false;
}

/* NULL: it is good. */
static const char *check_url(const char *url, bool insecure)
{
    const char *host = strstr(url, "://");
    for (const char *c = url; *c; c++)
        if (*c <= ' ' || *c > '~' || strchr("\"<>\\^`{|}#", *c))
            return "it has a character that a URL has not, or a fragment";
    bool plain = strncasecmp(url, "http://", 7) == 0;
    if (!host || (!plain && strncasecmp(url, "https://", 8) != 0) || strchr("/?", host[3]))
        return "it has to be https://HOST/..., or http:// on this machine";
    if (memchr(host + 3, '@', strcspn(host + 3, "/?")))
        return "a name and password do not belong into it: use headers_file or token_file";
    if (plain && !insecure && !is_on_this_machine(url))
        return "everybody on the way could read it: use https, or insecure: true";
    return NULL;
}

static int finish(struct schema_decoder *d, void *record)
{
    const struct export_settings *s = record;
    const char *why = check_url(s->url, s->insecure);
    if (!is_name(s->name))
        return schema_problem(d, NULL, "an exporter's name is made of a-z, 0-9, '-' and '_', not "
                              "'%s'", s->name);
    if (why)
        return schema_problem(d, NULL, "the url of exporter %s is not good: %s", s->name, why);
    for (size_t i = 0; i < s->n_records; i++)
        if (strcmp(s->records[i], "audit") != 0 && strcmp(s->records[i], "traffic") != 0)
            return schema_problem(d, NULL, "records are audit and traffic, not '%s'",
                                  s->records[i]);
    bool signs = strcmp(s->type, "webhook") == 0;
    if (signs && !*s->key_file)
        return schema_problem(d, NULL, "a webhook needs a key_file: its documents are signed");
    if (!signs && *s->key_file)
        return schema_problem(d, NULL, "only documents of a webhook are signed: leave key_file "
                              "out");
    return 0;
}

const struct schema export_settings_schema = {.name = "exporter",
                                              .size = sizeof(struct export_settings),
                                              .fields = fields,
                                              .finish = finish};

/* ---- what they say ---- */

bool export_settings_has(const struct export_settings *s, enum export_kind kind)
{
    bool has = s->n_records == 0;
    for (size_t i = 0; i < s->n_records; i++)
        has |= strcmp(s->records[i], export_kind_word(kind)) == 0;
    return has;
}

bool export_settings_same(const struct export_settings *a, const struct export_settings *b)
{
    struct buf one = {0}, other = {0};
    schema_encode_json(&export_settings_schema, a, &one);
    schema_encode_json(&export_settings_schema, b, &other);
    bool same = strcmp(buf_str(&one), buf_str(&other)) == 0;
    buf_free(&one);
    buf_free(&other);
    return same;
}

static const char *below(struct arena *arena, const char *folder, const char *path)
{
    return !*path || *path == '/' ? path : arena_printf(arena, "%s/%s", folder, path);
}

const struct export_settings *export_settings_below(const struct export_settings *s,
                                                    const char *folder, struct arena *arena)
{
    struct export_settings *out = arena_alloc(arena, sizeof *out);
    *out = *s;
    out->token_file = below(arena, folder, s->token_file);
    out->headers_file = below(arena, folder, s->headers_file);
    out->key_file = below(arena, folder, s->key_file);
    out->ca = below(arena, folder, s->ca);
    return out;
}

const char *export_settings_target(const struct export_settings *s, struct arena *arena)
{
    const char *host = strstr(s->url, "://") + 3;
    size_t len = strcspn(host, "/?");
    if (strcmp(s->type, "otlp") != 0 || (host[len] && strcmp(host + len, "/") != 0))
        return s->url;
    return arena_printf(arena, "%.*s/v1/logs", (int)(host + len - s->url), s->url);
}

const char *export_settings_shown(const struct export_settings *s, struct arena *arena)
{
    const char *target = export_settings_target(s, arena);
    return arena_printf(arena, "%.*s", (int)strcspn(target, "?"), target);
}

/* ---- files of secrets ---- */

static int check_file(int fd, const char *path, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_errno(err, ERROR_INVALID, "cannot read %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_INVALID, "%s is no file", path);
    if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return error_set(err, ERROR_INVALID, "%s belongs to somebody else or may be written by "
                         "others", path);
    return st.st_size <= EXPORT_SECRET_MAX
               ? 0
               : error_set(err, ERROR_INVALID, "%s is longer than %d bytes", path,
                           EXPORT_SECRET_MAX);
}

static int read_all(int fd, const char *path, struct buf *out, struct error *err)
{
    ssize_t n = 1;
    buf_reserve(out, EXPORT_SECRET_MAX + 1);        /* at once, so that no copy is left behind */
    while (n > 0 && out->len <= EXPORT_SECRET_MAX) {
        n = read(fd, out->data + out->len, EXPORT_SECRET_MAX + 1 - out->len);
        out->len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        return error_errno(err, ERROR_INVALID, "cannot read %s", path);
    while (out->len && strchr(" \t\r\n", out->data[out->len - 1]))
        out->len--;
    out->data[out->len] = '\0';
    if (strlen(out->data) != out->len)
        return error_set(err, ERROR_INVALID, "%s has a NUL byte", path);
    return out->len ? 0 : error_set(err, ERROR_INVALID, "%s is empty", path);
}

int export_read_secret(const char *path, struct buf *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_errno(err, ERROR_INVALID, "cannot read %s", path);
    int rc = check_file(fd, path, err) || read_all(fd, path, out, err) ? -1 : 0;
    close(fd);
    return rc;
}

const char *export_settings_files(const struct export_settings *s, struct arena *arena)
{
    const char *const secrets[] = {s->token_file, s->headers_file, s->key_file};
    struct error err;
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        struct buf text = {0};
        int rc = *secrets[i] ? export_read_secret(secrets[i], &text, &err) : 0;
        buf_wipe(&text);
        if (rc != 0)
            return arena_str(arena, err.text);
    }
    return *s->ca && access(s->ca, R_OK) != 0 ? arena_printf(arena, "cannot read %s", s->ca) : NULL;
}
