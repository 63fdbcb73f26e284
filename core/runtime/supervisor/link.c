/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/supervisor/link.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"

struct link {
    struct net_stream *stream;
    const struct link_calls *calls;                 /* NULL: nobody listens any more */
    void *owner;
    struct buf in;                                  /* bytes that are no whole line yet */
    bool complained;                                /* of a line: once is enough for the log */
    const char *why;                                /* it ends; static text.  NULL: it does not */
};

static void end(struct link *link, const char *why)
{
    if (!link->why)
        link->why = why;
    net_close(link->stream);
}

void link_close(struct link *link)
{
    link->calls = NULL;
    end(link, "");
}

static void on_line(struct link *link, const char *line, size_t len)
{
    struct arena *arena = arena_new();
    struct sandbox_message message;
    struct error err;
    bool taken = false;
    bool good = sandbox_message_decode(line, len, arena, &message, &err) == 0;
    if (!good && !link->complained)
        link->calls->malformed(link->owner, &err);
    link->complained |= !good;
    if (good)
        taken = link->calls->message(link->owner, &message, arena);
    if (!taken)
        arena_free(arena);
}

static void read_lines(struct link *link)
{
    char *line_end;
    while (!link->why && link->in.len && (line_end = memchr(link->in.data, '\n', link->in.len))) {
        size_t len = (size_t)(line_end - link->in.data);
        on_line(link, link->in.data, len);
        buf_consume(&link->in, len + 1);
    }
    if (link->in.len > SANDBOX_LINE_MAX)
        end(link, "a line is too long");
}

static void on_read(void *owner, const char *bytes, ssize_t n)
{
    struct link *link = owner;
    if (n < 0) {
        end(link, n == UV_EOF ? "" : uv_strerror((int)n));
        return;
    }
    buf_add(&link->in, bytes, (size_t)n);
    read_lines(link);
}

static void on_drained(void *owner, int status)
{
    if (status < 0)
        end(owner, uv_strerror(status));
}

static void on_closed(void *owner)
{
    struct link *link = owner;
    if (link->calls)
        link->calls->ended(link->owner, link->why);
    buf_free(&link->in);
    free(link);
}

struct link *link_new(struct net_stream *stream, const struct link_calls *calls, void *owner)
{
    static const struct net_calls stream_calls = {
        .read = on_read, .drained = on_drained, .closed = on_closed};
    struct link *link = alloc_zero(1, sizeof *link);
    *link = (struct link){.stream = stream, .calls = calls, .owner = owner};
    net_set_owner(stream, &stream_calls, link);
    return link;
}

void link_read(struct link *link)
{
    net_read(link->stream);
}

void link_send_line(struct link *link, const struct buf *line)
{
    if (net_queued(link->stream) + line->len > LINK_QUEUE_MAX)
        end(link, "the supervisor reads too slowly");
    else
        net_write(link->stream, line->data, line->len);
}

void link_send(struct link *link, const struct sandbox_message *message)
{
    struct buf out = {0};
    sandbox_message_encode(message, &out);
    link_send_line(link, &out);
    buf_wipe(&out);
}
