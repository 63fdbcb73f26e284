/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/answer/tools.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "doc/tree.h"

enum mode { JSON, EVENTS, PASS };

struct egress_tools {
    enum mode mode;
    egress_tools_ask *ask;
    void *ctx;
    struct buf held; /* the answer, or the event, as far as it is here */
    struct egress_tools_room *room;
    size_t counted;                                 /* in the room's held */
    size_t scanned;                                 /* of held */
    bool line_begins, after_cr;                     /* at the end of what was scanned */
};

/* ---- a message ---- */

static bool is_left_in(const struct egress_tools *t, const struct doc_node *tool)
{
    const struct doc_node *name = doc_get(tool, "name");
    return !name || name->kind != DOC_SCALAR || name->literal || t->ask(t->ctx, name->text);
}

/* Whether a tool was left out. */
static bool reduce_message(const struct egress_tools *t, const struct doc_node *message)
{
    const struct doc_node *found = doc_get(doc_get(message, "result"), "tools");
    struct doc_node *list = (struct doc_node *)(uintptr_t)found;
    size_t n = 0;
    if (!list || list->kind != DOC_LIST)
        return false;
    for (size_t i = 0; i < list->n; i++)
        if (is_left_in(t, list->items[i]))
            list->items[n++] = list->items[i];
    bool reduced = n < list->n;
    list->n = n;
    return reduced;
}

static bool reduce_document(const struct egress_tools *t, const struct doc_node *root)
{
    bool reduced = false;
    if (root->kind != DOC_LIST)
        return reduce_message(t, root);
    for (size_t i = 0; i < root->n; i++)
        reduced |= reduce_message(t, root->items[i]);
    return reduced;
}

/* Reading takes time, which belongs to others, too. */
static bool may_read(struct egress_tools_room *room, size_t len)
{
    if (room->read_at != room->now)
        room->read = 0;
    room->read_at = room->now;
    if (room->read && room->read + len > EGRESS_TOOLS_READ_MAX)
        return false;
    room->read += len;
    return true;
}

/* False: the text stays as it is. */
static bool reduce_text(const struct egress_tools *t, const char *text, size_t len,
                        struct buf *out)
{
    struct arena *arena;
    struct doc_node *root;
    if (!len || !memmem(text, len, "\"tools\"", 7) || !may_read(t->room, len))
        return false;
    arena = arena_new();
    bool reduced = doc_parse_own(text, len, DOC_NODES_MAX, arena, &root, NULL) == 0 &&
                   reduce_document(t, root);
    if (reduced)
        doc_print(root, DOC_JSON, out);
    arena_free(arena);
    return reduced;
}

/* ---- events (the WHATWG's HTML standard, 9.2.6) ---- */

/* The length of a line without its end, and what it has of data; NULL: no data. */
static const char *data_of(const char *line, size_t *len)
{
    if (*len < 4 || memcmp(line, "data", 4) != 0 || (*len > 4 && line[4] != ':'))
        return NULL;
    size_t skip = *len > 5 && line[5] == ' ' ? 6 : *len > 4 ? 5 : 4;
    *len -= skip;
    return line + skip;
}

/* The next line, without its end; false: there is none. */
static bool next_line(const char **at, const char *end, const char **line, size_t *len)
{
    if (*at == end)
        return false;
    *line = *at;
    while (*at < end && **at != '\r' && **at != '\n')
        ++*at;
    *len = (size_t)(*at - *line);
    if (*at < end && **at == '\r')
        ++*at;
    if (*at < end && **at == '\n' && (*at == *line + *len || (*at)[-1] == '\r'))
        ++*at;
    return true;
}

static void collect_data(const char *event, size_t len, struct buf *out)
{
    const char *at = event, *line, *data;
    size_t n;
    while (next_line(&at, event + len, &line, &n))
        if ((data = data_of(line, &n))) {
            if (out->len)
                buf_putc(out, '\n');
            buf_add(out, data, n);
        }
}

/* The event with other data. */
static void print_event(const char *event, size_t len, const struct buf *data, struct buf *out)
{
    const char *at = event, *line;
    bool told = false;
    size_t n;
    while (next_line(&at, event + len, &line, &n)) {
        size_t rest = n;
        bool is_data = data_of(line, &rest) != NULL;
        if (is_data && !told) {
            buf_puts(out, "data: ");
            buf_add(out, data->data, data->len);
            buf_puts(out, "\n");
        } else if (!is_data) {
            buf_add(out, line, (size_t)(at - line));
        }
        told |= is_data;
    }
}

static void pass_event(const struct egress_tools *t, const char *event, size_t len,
                       struct buf *out)
{
    struct buf data = {0}, reduced = {0};
    collect_data(event, len, &data);
    if (reduce_text(t, buf_str(&data), data.len, &reduced))
        print_event(event, len, &reduced, out);
    else
        buf_add(out, event, len);
    buf_free(&data);
    buf_free(&reduced);
}

/* Where the event in held ends: behind an empty line; 0: not yet. */
static size_t find_end(struct egress_tools *t)
{
    const struct buf *held = &t->held;
    while (t->scanned < held->len) {
        char c = held->data[t->scanned++];
        bool ends_line = c == '\r' || (c == '\n' && !t->after_cr);
        bool empty = ends_line && t->line_begins;
        bool second = c == '\n' && t->after_cr;     /* half of a line's end */
        t->line_begins = second ? t->line_begins : ends_line;
        t->after_cr = c == '\r';
        if (empty && c == '\r' && t->scanned < held->len && held->data[t->scanned] == '\n')
            t->scanned++, t->after_cr = false;
        if (empty)
            return t->scanned;
    }
    return 0;
}

static void pass_events(struct egress_tools *t, struct buf *out)
{
    size_t end;
    if (t->after_cr && t->scanned == 0 && t->held.len && *t->held.data == '\n') {
        buf_putc(out, '\n');                        /* the rest of the last event's end */
        buf_consume(&t->held, 1);
        t->after_cr = false;
    }
    while ((end = find_end(t))) {
        pass_event(t, t->held.data, end, out);
        buf_consume(&t->held, end);
        t->scanned = 0;
    }
}

/* ---- the answer ---- */

static bool is_type(const char *value, const char *type)
{
    size_t len = strlen(type);
    return value && strncasecmp(value, type, len) == 0 &&
           (!value[len] || strchr("; \t", value[len]));
}

struct egress_tools *egress_tools_new(const struct http_head *response, egress_tools_ask *ask,
                                      void *ctx, struct egress_tools_room *room)
{
    const char *type = http_head_get(response, "Content-Type");
    const char *coding = http_head_get(response, "Content-Encoding");
    bool events = is_type(type, "text/event-stream");
    if (response->status != 200 || (!events && !is_type(type, "application/json")) ||
        (coding && strcasecmp(coding, "identity") != 0))
        return NULL;
    struct egress_tools *t = alloc_zero(1, sizeof *t);
    *t = (struct egress_tools){
        .mode = events ? EVENTS : JSON, .ask = ask, .ctx = ctx, .room = room,
        .line_begins = true};
    return t;
}

void egress_tools_free(struct egress_tools *t)
{
    if (!t)
        return;
    buf_free(&t->held);
    t->room->held -= t->counted;
    free(t);
}

/* False: all of them hold too much. */
static bool count_held(struct egress_tools *t)
{
    t->room->held += t->held.cap - t->counted;
    t->counted = t->held.cap;
    return t->room->held <= EGRESS_TOOLS_HELD_MAX;
}

static void pass_held(struct egress_tools *t, struct buf *out)
{
    buf_add(out, buf_str(&t->held), t->held.len);
    buf_free(&t->held);
    t->mode = PASS;
}

void egress_tools_add(struct egress_tools *t, const char *bytes, size_t len, struct buf *out)
{
    if (t->mode == PASS) {
        buf_add(out, bytes, len);
        return;
    }
    buf_add(&t->held, bytes, len);
    if (t->mode == EVENTS)
        pass_events(t, out);
    if (!count_held(t) || t->held.len > EGRESS_TOOLS_MAX)
        pass_held(t, out);
    count_held(t);
}

void egress_tools_end(struct egress_tools *t, struct buf *out)
{
    if (t->mode == JSON && reduce_text(t, buf_str(&t->held), t->held.len, out))
        buf_clear(&t->held);
    pass_held(t, out);
}
