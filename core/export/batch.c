/* SPDX-License-Identifier: Apache-2.0 */
#include "export/batch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "export/record.h"
#include "export/webhook.h"

/* Read at once: a record of the audit chain may have some megabytes. */
enum { AUDIT_PAGE = 16, TRAFFIC_PAGE = 256 };

struct reading {
    struct store *store;
    const struct export_settings *s;
    enum export_kind kind;
    struct arena *arena;                            /* of one page */
    struct batch *out;
    const char *sandbox_id, *sandbox;               /* whose name was read last */
    bool full;
};

static bool is(const char *word, const char *other)
{
    return strcmp(word, other) == 0;
}

/* Takes record. */
static void add(struct reading *r, json_t *record, const struct export_log *log)
{
    struct batch *out = r->out;
    struct buf item = {0};
    if (is(r->s->type, "otlp")) {
        export_otlp_log(log, record, &item);
    } else {
        char *text = json_dumps(record, JSON_COMPACT);
        buf_puts(&item, text ? text : "null");
        free(text);
    }
    json_decref(record);
    r->full = out->n && out->body.len + item.len > r->s->batch_bytes;
    if (!r->full) {
        buf_add(&out->body, ",", out->n > 0);
        buf_add(&out->body, item.data, item.len);
        out->first = out->n++ ? out->first : log->sequence;
        out->last = log->sequence;
    }
    buf_free(&item);
}

static void add_audit(struct reading *r, const struct store_decision *d)
{
    const struct export_log log = {"audit", d->sandbox, d->seq, d->at_ms,
                                   !is(d->outcome, "allowed")};
    add(r, is(r->s->format, "ocsf") ? export_ocsf_audit(d) : export_native_audit(d), &log);
}

static int read_audit(struct reading *r, uint64_t after, size_t limit, size_t *n,
                      struct error *err)
{
    struct store_decision *list;
    limit = limit < AUDIT_PAGE ? limit : AUDIT_PAGE;
    if (store_decision_after(r->store, after, limit, r->arena, &list, n, err) != 0)
        return -1;
    for (size_t i = 0; i < *n && !r->full; i++)
        add_audit(r, &list[i]);
    return *n < limit;
}

/* The rows of one batch of a supervisor stand together, so the last name does mostly. */
static void find_sandbox(struct reading *r, const char *id)
{
    struct store_sandbox found;
    struct error err;
    if (r->sandbox_id && is(r->sandbox_id, id))
        return;
    r->sandbox_id = id;
    r->sandbox = store_sandbox_by_id(r->store, id, r->arena, &found, &err) == 0 ? found.name : "";
}

static void add_traffic(struct reading *r, const struct store_traffic *t)
{
    find_sandbox(r, t->sandbox_id);
    const struct export_log log = {"traffic", r->sandbox, t->changed, t->last_seen_ms,
                                   is(t->verdict, "refused")};
    add(r, is(r->s->format, "ocsf") ? export_ocsf_traffic(t, r->sandbox)
                                    : export_native_traffic(t, r->sandbox), &log);
}

static int read_traffic(struct reading *r, uint64_t after, size_t limit, size_t *n,
                        struct error *err)
{
    struct store_traffic *list;
    limit = limit < TRAFFIC_PAGE ? limit : TRAFFIC_PAGE;
    if (store_traffic_changed(r->store, after, limit, r->arena, &list, n, err) != 0)
        return -1;
    for (size_t i = 0; i < *n && !r->full; i++)
        add_traffic(r, &list[i]);
    return *n < limit;
}

/* 1: there are no more records, 0: there may be. */
static int read_page(struct reading *r, uint64_t after, size_t limit, struct error *err)
{
    size_t n = 0;
    r->arena = arena_new();
    r->sandbox_id = NULL;
    int rc = r->kind == EXPORT_AUDIT ? read_audit(r, after, limit, &n, err)
                                     : read_traffic(r, after, limit, &n, err);
    arena_free(r->arena);
    return rc;
}

static void begin(const struct export_settings *s, enum export_kind kind, struct buf *out)
{
    if (is(s->type, "otlp"))
        export_otlp_begin(out);
    else
        buf_printf(out, "{\"exporter\":\"%s\",\"records\":\"%s\",\"format\":\"%s\",\"items\":[",
                   s->name, export_kind_word(kind), s->format);
}

static void finish(const struct export_settings *s, const struct batch *batch, struct buf *out)
{
    if (is(s->type, "otlp"))
        export_otlp_end(out);
    else
        buf_printf(out, "],\"first\":%" PRIu64 ",\"last\":%" PRIu64 "}", batch->first, batch->last);
}

int batch_read(struct store *store, const struct export_settings *s, enum export_kind kind,
               uint64_t after, size_t limit, struct batch *out, struct error *err)
{
    struct reading r = {.store = store, .s = s, .kind = kind, .out = out};
    int rc = 0;
    *out = (struct batch){.last = after};
    begin(s, kind, &out->body);
    while (rc == 0 && out->n < limit && !r.full)
        rc = read_page(&r, out->last, limit - out->n, err);
    if (out->n)
        finish(s, out, &out->body);
    else
        buf_clear(&out->body);
    return rc < 0 ? -1 : 0;
}

/* ---- the head of the request ---- */

static int add_token(const char *path, json_t *fields, struct error *err)
{
    struct buf token = {0};
    int rc = export_read_secret(path, &token, err);
    if (rc == 0 && strpbrk(token.data, "\r\n"))
        rc = error_set(err, ERROR_INVALID, "%s has more than one line", path);
    if (rc == 0)
        json_array_append_new(fields, json_sprintf("Authorization: Bearer %s", token.data));
    buf_wipe(&token);
    return rc;
}

static int add_headers(const char *path, json_t *fields, struct error *err)
{
    struct buf text = {0};
    char *rest = NULL;
    int rc = export_read_secret(path, &text, err);
    for (char *line = rc ? NULL : strtok_r(text.data, "\r\n", &rest); line && rc == 0;
         line = strtok_r(NULL, "\r\n", &rest)) {
        const char *colon = strchr(line, ':');
        if (!colon || colon == line || strcspn(line, " \t") < (size_t)(colon - line))
            rc = error_set(err, ERROR_INVALID, "a line of %s is not NAME: VALUE", path);
        else
            json_array_append_new(fields, json_string(line));
    }
    buf_wipe(&text);
    return rc;
}

static int add_signature(const struct export_settings *s, enum export_kind kind,
                         const struct batch *batch, json_t *fields, struct error *err)
{
    struct buf key = {0};
    char id[160];
    snprintf(id, sizeof id, "%s-%s-%" PRIu64 "-%" PRIu64, s->name, export_kind_word(kind),
             batch->first, batch->last);
    int rc = export_read_secret(s->key_file, &key, err);
    if (rc == 0)
        rc = export_webhook_sign(id, clock_now_ms(), &key, &batch->body, fields, err);
    buf_wipe(&key);
    return rc;
}

int batch_fields(const struct export_settings *s, enum export_kind kind, const struct batch *batch,
                 json_t *fields, struct error *err)
{
    json_array_append_new(fields, json_string("Content-Type: application/json"));
    json_array_append_new(fields, json_string("User-Agent: sluice/" SLUICE_VERSION));
    json_array_append_new(fields, json_string("Expect:"));
    if (*s->token_file && add_token(s->token_file, fields, err) != 0)
        return -1;
    if (*s->headers_file && add_headers(s->headers_file, fields, err) != 0)
        return -1;
    return *s->key_file ? add_signature(s, kind, batch, fields, err) : 0;
}
