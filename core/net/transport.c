/* SPDX-License-Identifier: Apache-2.0 */
#include "net/transport.h"

void net_set_owner(struct net_stream *stream, const struct net_calls *calls, void *owner)
{
    net_pause(stream);
    stream->calls = calls;
    stream->owner = owner;
}

void net_read(struct net_stream *stream)
{
    if (!stream->closing)
        stream->transport->read(stream);
}

void net_pause(struct net_stream *stream)
{
    if (!stream->closing)
        stream->transport->pause(stream);
}

bool net_write(struct net_stream *stream, const void *bytes, size_t len)
{
    return stream->closing || len == 0 || stream->transport->write(stream, bytes, len);
}

void net_send(struct net_stream *stream, struct buf *bytes)
{
    if (!stream->closing)
        stream->transport->send(stream, bytes);
    buf_free(bytes);
}

size_t net_queued(const struct net_stream *stream)
{
    return stream->closing ? 0 : stream->transport->queued(stream);
}

void net_finish(struct net_stream *stream)
{
    if (!stream->closing)
        stream->transport->finish(stream);
}

void net_close(struct net_stream *stream)
{
    if (stream->closing)
        return;
    stream->closing = true;
    stream->transport->close(stream);
}

static void closed_for_nobody(void *owner)
{
    (void)owner;
}

void net_discard(struct net_stream *stream)
{
    static const struct net_calls nobodys = {.closed = closed_for_nobody};
    net_set_owner(stream, &nobodys, NULL);
    net_close(stream);
}

int net_fileno(const struct net_stream *stream)
{
    return stream->transport->fileno(stream);
}

uv_loop_t *net_loop(const struct net_stream *stream)
{
    return stream->loop;
}

void net_tell_read(struct net_stream *stream, const char *bytes, ssize_t n)
{
    if (!stream->closing)
        stream->calls->read(stream->owner, bytes, n);
}

void net_tell_drained(struct net_stream *stream, int status)
{
    if (!stream->closing && stream->calls->drained)
        stream->calls->drained(stream->owner, status);
}

void net_tell_finished(struct net_stream *stream, int status)
{
    if (!stream->closing && stream->calls->finished)
        stream->calls->finished(stream->owner, status);
}

void net_tell_connected(struct net_stream *stream, int status)
{
    if (!stream->closing && stream->calls->connected)
        stream->calls->connected(stream->owner, status);
}
