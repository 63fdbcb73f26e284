/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/wire/protocol.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "sandbox/wire/json.h"
#include "store/words.h"

#include <stdlib.h>
#include <string.h>

static const char *const words[] = {
#define X(id, word) [MESSAGE_##id] = word,
    SANDBOX_MESSAGES(X)
#undef X
};

const char *sandbox_message_word(enum sandbox_message_type type)
{
    return type < MESSAGE_TYPE_COUNT ? words[type] : "unknown";
}

static void put_text(json_t *root, const char *member, const char *text)
{
    /* What a program printed need not be UTF-8. */
    if (text)
        json_object_set_new(root, member, json_stringn(text, text_utf8_valid(text, strlen(text))));
}

static void put_number(json_t *root, const char *member, uint64_t number)
{
    json_object_set_new(root, member, json_integer((json_int_t)number));
}

static void put_hello(json_t *root, const struct sandbox_hello *hello)
{
    put_number(root, "protocol", hello->protocol);
    put_text(root, "sandbox", hello->sandbox);
    put_number(root, "loaded_revision", hello->loaded_revision);
    json_object_set_new(root, "warnings",
                        sandbox_json_of_texts(hello->warnings, hello->n_warnings));
}

static void put_revision(json_t *root, const struct sandbox_revision *revision)
{
    put_number(root, "revision", revision->revision);
    put_text(root, "hash", revision->hash);
    put_text(root, "policy", revision->policy);
    put_text(root, "error", revision->error);
}

static json_t *denial_to_json(const struct sandbox_denial *d)
{
    json_t *item = json_object();
    put_text(item, "host", d->host);
    put_number(item, "port", d->port);
    put_text(item, "binary", d->binary);
    json_object_set_new(item, "ancestors", sandbox_json_of_texts(d->ancestors, d->n_ancestors));
    if (d->n_addresses)
        json_object_set_new(item, "addresses", sandbox_json_of_texts(d->addresses, d->n_addresses));
    put_text(item, "reason", d->reason);
    put_text(item, "stage", d->stage);
    put_number(item, "count", d->count);
    put_number(item, "first_seen_ms", (uint64_t)d->first_seen_ms);
    put_number(item, "last_seen_ms", (uint64_t)d->last_seen_ms);
    return item;
}

static void put_denials(json_t *root, const struct sandbox_denials *denials)
{
    json_t *items = json_array();
    for (size_t i = 0; i < denials->n; i++)
        json_array_append_new(items, denial_to_json(&denials->items[i]));
    json_object_set_new(root, "items", items);
}

static json_t *traffic_to_json(const struct sandbox_traffic_item *t)
{
    json_t *item = json_object();
    put_text(item, "verdict", t->verdict);
    put_text(item, "host", t->host);
    put_number(item, "port", t->port);
    put_text(item, "binary", t->binary);
    put_text(item, "rule", t->rule);
    put_text(item, "reason", t->reason);
    put_number(item, "count", t->count);
    put_number(item, "first_seen_ms", (uint64_t)t->first_seen_ms);
    put_number(item, "last_seen_ms", (uint64_t)t->last_seen_ms);
    return item;
}

static void put_traffic(json_t *root, const struct sandbox_traffic *traffic)
{
    json_t *items = json_array();
    for (size_t i = 0; i < traffic->n; i++)
        json_array_append_new(items, traffic_to_json(&traffic->items[i]));
    put_text(root, "source", traffic->source);
    put_number(root, "number", traffic->number);
    json_object_set_new(root, "items", items);
}

static void put_log(json_t *root, const struct sandbox_log *log)
{
    put_text(root, "level", log->level);
    put_text(root, "kind", log->kind);
    if (log->at_ms)
        put_number(root, "at_ms", (uint64_t)log->at_ms);
    put_text(root, "message", log->text);
}

static void put_exec(json_t *root, const struct sandbox_exec *exec)
{
    put_text(root, "id", exec->id);
    json_object_set_new(root, "command", sandbox_json_of_texts(exec->command, exec->n_command));
    json_object_set_new(root, "env", sandbox_json_of_pairs(exec->env, exec->n_env));
    put_text(root, "workdir", exec->workdir);
    json_object_set_new(root, "tty", json_boolean(exec->tty));
    put_number(root, "cols", exec->cols);
    put_number(root, "rows", exec->rows);
    put_number(root, "timeout_ms", exec->timeout_ms);
}

static void put_members(json_t *root, const struct sandbox_message *m)
{
    switch (m->type) {
    case MESSAGE_HELLO:
        put_hello(root, &m->hello);
        break;
    case MESSAGE_POLICY:
    case MESSAGE_LOADED:
    case MESSAGE_FAILED:
        put_revision(root, &m->revision);
        break;
    case MESSAGE_DENIALS:
        put_denials(root, &m->denials);
        break;
    case MESSAGE_EXEC:
        put_exec(root, &m->exec);
        break;
    case MESSAGE_TRAFFIC:
    case MESSAGE_TRAFFIC_ACK:
        put_traffic(root, &m->traffic);
        break;
    case MESSAGE_LOG:
        put_log(root, &m->log);
        break;
    case MESSAGE_START_FAILED:
        put_text(root, "error", m->log.text);
        break;
    case MESSAGE_STOP:
        put_number(root, "grace_ms", m->stop.grace_ms);
        break;
    default:
        break;
    }
}

static int append(const char *bytes, size_t len, void *out)
{
    buf_add(out, bytes, len);
    return 0;
}

void sandbox_message_encode(const struct sandbox_message *message, struct buf *out)
{
    json_t *root = json_object();
    put_text(root, "type", sandbox_message_word(message->type));
    put_members(root, message);
    json_dump_callback(root, append, out, JSON_COMPACT);
    buf_putc(out, '\n');
    json_decref(root);
}

static int read_hello(const struct json_reader *r, struct sandbox_hello *out)
{
    uint64_t protocol = 0;
    if (sandbox_json_number(r, "protocol", UINT32_MAX, &protocol) != 0 ||
        sandbox_json_text(r, "sandbox", &out->sandbox) != 0 ||
        sandbox_json_number(r, "loaded_revision", INT64_MAX, &out->loaded_revision) != 0 ||
        sandbox_json_texts(r, "warnings", &out->warnings, &out->n_warnings) != 0)
        return -1;
    out->protocol = (uint32_t)protocol;
    return 0;
}

static int read_revision(const struct json_reader *r, enum sandbox_message_type type,
                         struct sandbox_revision *out)
{
    if (sandbox_json_number(r, "revision", INT64_MAX, &out->revision) != 0)
        return -1;
    if (type == MESSAGE_FAILED)
        return sandbox_json_text(r, "error", &out->error);
    if (sandbox_json_text(r, "hash", &out->hash) != 0)
        return -1;
    return type == MESSAGE_POLICY ? sandbox_json_text(r, "policy", &out->policy) : 0;
}

static int read_denial(const struct json_reader *r, struct sandbox_denial *out)
{
    uint64_t port = 0, first = 0, last = 0;
    if (sandbox_json_text(r, "host", &out->host) != 0 ||
        sandbox_json_number(r, "port", UINT16_MAX, &port) != 0 ||
        sandbox_json_text(r, "binary", &out->binary) != 0 ||
        sandbox_json_texts(r, "ancestors", &out->ancestors, &out->n_ancestors) != 0 ||
        sandbox_json_texts(r, "addresses", &out->addresses, &out->n_addresses) != 0 ||
        sandbox_json_text(r, "reason", &out->reason) != 0 ||
        sandbox_json_text(r, "stage", &out->stage) != 0 ||
        sandbox_json_number(r, "count", INT64_MAX, &out->count) != 0 ||
        sandbox_json_number(r, "first_seen_ms", INT64_MAX, &first) != 0 ||
        sandbox_json_number(r, "last_seen_ms", INT64_MAX, &last) != 0)
        return -1;
    out->port = (uint16_t)port;
    out->first_seen_ms = (int64_t)first;
    out->last_seen_ms = (int64_t)last;
    return 0;
}

/* An array of n zeroed items of size bytes for the list of a message.  NULL: there is none. */
static void *new_items(const struct json_reader *r, size_t size, const json_t **list, size_t *n)
{
    *list = json_object_get(r->object, "items");
    if (!json_is_array(*list)) {
        error_set(r->err, ERROR_MALFORMED, "items must be a list");
        return NULL;
    }
    *n = json_array_size(*list);
    return arena_zalloc(r->arena, (*n + 1) * size);
}

static int read_denials(const struct json_reader *r, struct sandbox_denials *out)
{
    const json_t *items;
    if (!(out->items = new_items(r, sizeof *out->items, &items, &out->n)))
        return -1;
    for (size_t i = 0; i < out->n; i++) {
        struct json_reader item = {json_array_get(items, i), r->arena, r->err};
        if (read_denial(&item, &out->items[i]) != 0)
            return error_prefix(r->err, "items[%zu]", i);
    }
    return 0;
}

static int read_verdict(const struct json_reader *r, const char **out)
{
    static const char *const verdicts[] = {
#define X(id, word, meaning) word,
        STORE_TRAFFIC_VERDICTS(X)
#undef X
    };
    if (sandbox_json_text(r, "verdict", out) != 0)
        return -1;
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (strcmp(*out, verdicts[i]) == 0)
            return 0;
    return error_set(r->err, ERROR_MALFORMED, "unknown verdict %s", *out);
}

static int read_traffic_item(const struct json_reader *r, struct sandbox_traffic_item *out)
{
    uint64_t port = 0, first = 0, last = 0;
    if (read_verdict(r, &out->verdict) != 0 ||
        sandbox_json_text(r, "host", &out->host) != 0 ||
        sandbox_json_number(r, "port", UINT16_MAX, &port) != 0 ||
        sandbox_json_text(r, "binary", &out->binary) != 0 ||
        sandbox_json_text(r, "rule", &out->rule) != 0 ||
        sandbox_json_text(r, "reason", &out->reason) != 0 ||
        sandbox_json_number(r, "count", INT64_MAX, &out->count) != 0 ||
        sandbox_json_number(r, "first_seen_ms", INT64_MAX, &first) != 0 ||
        sandbox_json_number(r, "last_seen_ms", INT64_MAX, &last) != 0)
        return -1;
    out->port = (uint16_t)port;
    out->first_seen_ms = (int64_t)first;
    out->last_seen_ms = (int64_t)last;
    return 0;
}

static int read_traffic(const struct json_reader *r, struct sandbox_traffic *out)
{
    const json_t *items;
    if (sandbox_json_text(r, "source", &out->source) != 0 ||
        sandbox_json_number(r, "number", INT64_MAX, &out->number) != 0 ||
        !(out->items = new_items(r, sizeof *out->items, &items, &out->n)))
        return -1;
    for (size_t i = 0; i < out->n; i++) {
        struct json_reader item = {json_array_get(items, i), r->arena, r->err};
        if (read_traffic_item(&item, &out->items[i]) != 0)
            return error_prefix(r->err, "items[%zu]", i);
    }
    return 0;
}

/* A supervisor of an earlier version says neither kind nor time. */
static int read_log(const struct json_reader *r, struct sandbox_log *out)
{
    uint64_t at = 0;
    if (sandbox_json_text(r, "level", &out->level) != 0 ||
        sandbox_json_optional_text(r, "kind", &out->kind) != 0 ||
        sandbox_json_optional_number(r, "at_ms", INT64_MAX, &at) != 0)
        return -1;
    out->at_ms = (int64_t)at;
    return sandbox_json_text(r, "message", &out->text);
}

static int read_exec(const struct json_reader *r, struct sandbox_exec *out)
{
    uint64_t cols = 0, rows = 0;
    if (sandbox_json_text(r, "id", &out->id) != 0 ||
        sandbox_json_texts(r, "command", &out->command, &out->n_command) != 0 ||
        sandbox_json_pairs(r, "env", &out->env, &out->n_env) != 0 ||
        sandbox_json_optional_text(r, "workdir", &out->workdir) != 0 ||
        sandbox_json_flag(r, "tty", &out->tty) != 0 ||
        sandbox_json_optional_number(r, "cols", UINT16_MAX, &cols) != 0 ||
        sandbox_json_optional_number(r, "rows", UINT16_MAX, &rows) != 0 ||
        sandbox_json_optional_number(r, "timeout_ms", EXEC_TIMEOUT_MAX_MS, &out->timeout_ms) != 0)
        return -1;
    out->cols = (uint16_t)cols;
    out->rows = (uint16_t)rows;
    return 0;
}

static int read_members(const struct json_reader *r, struct sandbox_message *out)
{
    switch (out->type) {
    case MESSAGE_HELLO:
        return read_hello(r, &out->hello);
    case MESSAGE_POLICY:
    case MESSAGE_LOADED:
    case MESSAGE_FAILED:
        return read_revision(r, out->type, &out->revision);
    case MESSAGE_DENIALS:
        return read_denials(r, &out->denials);
    case MESSAGE_EXEC:
        return read_exec(r, &out->exec);
    case MESSAGE_TRAFFIC:
    case MESSAGE_TRAFFIC_ACK:
        return read_traffic(r, &out->traffic);
    case MESSAGE_LOG:
        return read_log(r, &out->log);
    case MESSAGE_START_FAILED:
        return sandbox_json_text(r, "error", &out->log.text);
    case MESSAGE_STOP:
        return sandbox_json_number(r, "grace_ms", INT32_MAX, &out->stop.grace_ms);
    default:
        return 0;
    }
}

static int read_type(const struct json_reader *r, enum sandbox_message_type *out)
{
    const char *word;
    if (sandbox_json_text(r, "type", &word) != 0)
        return -1;
    for (int type = 0; type < MESSAGE_TYPE_COUNT; type++)
        if (strcmp(word, words[type]) == 0) {
            *out = (enum sandbox_message_type)type;
            return 0;
        }
    return error_set(r->err, ERROR_MALFORMED, "unknown message %s", word);
}

int sandbox_message_decode(const char *line, size_t len, struct arena *arena,
                           struct sandbox_message *out, struct error *err)
{
    json_error_t where;
    json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    struct json_reader r = {root, arena, err};
    memset(out, 0, sizeof *out);
    int rc;
    if (!root)
        rc = error_set(err, ERROR_MALFORMED, "not a message: %s", where.text);
    else if (read_type(&r, &out->type) != 0)
        rc = -1;
    else if ((rc = read_members(&r, out)) != 0)
        error_prefix(err, "message %s", sandbox_message_word(out->type));
    json_decref(root);
    return rc;
}
