/* SPDX-License-Identifier: Apache-2.0 */
/* A server of HTTP/2 on one end of a memory pair; on the other one a client of ours, or a test that
 * sends frames.  What each stream says is collected. */
#ifndef TESTS_SUPPORT_HTTP2_PAIR_H
#define TESTS_SUPPORT_HTTP2_PAIR_H

#include "base/alloc.h"
#include "http2/http2.h"

#include <stdlib.h>
#include <string.h>

enum { PAIR_STREAMS = 512 };

struct pair;

struct pair_end {
    struct pair *pair;
    struct net_stream *stream;
    struct buf in;
    int status;                                     /* the last error, UV_EOF too */
    unsigned drained, finished, closed;
};

struct pair {
    uv_loop_t own_loop, *loop;
    struct http2 *server, *client;
    struct net_stream *raw;                         /* of a test that sends frames */
    struct buf raw_in;
    bool raw_ended;
    struct pair_end requests[PAIR_STREAMS];         /* of the server, in the order they came */
    unsigned n_requests;
    bool (*serve)(struct pair_end *end);            /* called as requests are read; may be NULL */
    bool paused;                                    /* requests are not read */
    char ended[200];                                /* why the server's connection ended */
    bool server_ended, client_ended;
    unsigned open;                                  /* connections and the raw stream */
};

static inline void end_read(void *owner, const char *bytes, ssize_t n)
{
    struct pair_end *end = owner;
    if (n < 0)
        end->status = (int)n;
    else
        buf_add(&end->in, bytes, (size_t)n);
    if (end->pair->serve && end >= end->pair->requests &&
        end < end->pair->requests + PAIR_STREAMS)
        end->pair->serve(end);
}

static inline void end_drained(void *owner, int status)
{
    struct pair_end *end = owner;
    end->drained++;
    end->status = status ? status : end->status;
}

static inline void end_finished(void *owner, int status)
{
    (void)status;
    ((struct pair_end *)owner)->finished++;
}

static inline void end_closed(void *owner)
{
    struct pair_end *end = owner;
    end->closed++;
    end->stream = NULL;
}

static const struct net_calls end_calls = {
    .read = end_read, .drained = end_drained, .finished = end_finished, .closed = end_closed};

static inline void pair_request(void *owner, struct net_stream *stream)
{
    struct pair *pair = owner;
    struct pair_end *end = &pair->requests[pair->n_requests++ % PAIR_STREAMS];
    if (end->stream)
        abort();
    buf_free(&end->in);
    *end = (struct pair_end){.pair = pair, .stream = stream};
    net_set_owner(stream, &end_calls, end);
    if (!pair->paused)
        net_read(stream);
}

static inline void pair_server_ended(void *owner, const char *why)
{
    struct pair *pair = owner;
    pair->server_ended = true;
    snprintf(pair->ended, sizeof pair->ended, "%s", why);
}

static inline void pair_client_ended(void *owner, const char *why)
{
    (void)why;
    ((struct pair *)owner)->client_ended = true;
}

static inline void pair_closed(void *owner)
{
    ((struct pair *)owner)->open--;
}

static const struct http2_calls server_calls = {
    .request = pair_request, .ended = pair_server_ended, .closed = pair_closed};
static const struct http2_calls client_calls = {.ended = pair_client_ended, .closed = pair_closed};

static inline void raw_read(void *owner, const char *bytes, ssize_t n)
{
    struct pair *pair = owner;
    if (n > 0)
        buf_add(&pair->raw_in, bytes, (size_t)n);
    pair->raw_ended |= n < 0;
}

static const struct net_calls raw_calls = {.read = raw_read, .closed = pair_closed};

/* raw: the test is the client itself. */
static inline struct pair *pair_new(bool raw, const struct http2_limits *limits)
{
    struct net_stream *ends[2];
    struct pair *pair = alloc_zero(1, sizeof *pair);
    pair->loop = &pair->own_loop;
    uv_loop_init(pair->loop);
    net_memory_pair(pair->loop, ends, &raw_calls, pair, pair);
    pair->server = http2_server_new(ends[0], "", 0, false, limits, &server_calls, pair);
    pair->open = 2;
    if (!raw) {
        pair->client = http2_client_new(ends[1], false, limits, &client_calls, pair);
        return pair;
    }
    pair->raw = ends[1];
    net_read(pair->raw);
    return pair;
}

/* The test is the server itself. */
static inline struct pair *pair_of_client(const struct http2_limits *limits)
{
    struct net_stream *ends[2];
    struct pair *pair = alloc_zero(1, sizeof *pair);
    pair->loop = &pair->own_loop;
    uv_loop_init(pair->loop);
    net_memory_pair(pair->loop, ends, &raw_calls, pair, pair);
    pair->open = 2;
    pair->client = http2_client_new(ends[1], false, limits, &client_calls, pair);
    pair->raw = ends[0];
    net_read(pair->raw);
    return pair;
}

static inline void pair_run(struct pair *pair)
{
    for (int i = 0; i < 40; i++)
        uv_run(pair->loop, UV_RUN_NOWAIT);
}

static inline struct pair_end *pair_open(struct pair *pair)
{
    struct pair_end *end = alloc_zero(1, sizeof *end);
    end->pair = pair;
    end->stream = http2_open(pair->client, &end_calls, end);
    net_read(end->stream);
    return end;
}

static inline void end_write(struct pair_end *end, const char *text)
{
    net_write(end->stream, text, strlen(text));
}

static inline void end_free(struct pair_end *end)
{
    if (end->stream)
        net_close(end->stream);
    pair_run(end->pair);
    if (end->stream)
        abort();
    buf_free(&end->in);
    free(end);
}

static inline void raw_send(struct pair *pair, struct buf *bytes)
{
    net_write(pair->raw, bytes->data, bytes->len);
    buf_free(bytes);
    pair_run(pair);
}

static inline void pair_free(struct pair *pair)
{
    for (unsigned i = 0; i < PAIR_STREAMS; i++)
        if (pair->requests[i].stream)
            net_close(pair->requests[i].stream);
    if (pair->client)
        http2_close(pair->client);
    if (pair->raw)
        net_close(pair->raw);
    if (pair->server)
        http2_close(pair->server);
    uv_run(pair->loop, UV_RUN_DEFAULT);
    if (pair->open || uv_loop_close(pair->loop) != 0)
        abort();
    for (unsigned i = 0; i < PAIR_STREAMS; i++)
        buf_free(&pair->requests[i].in);
    buf_free(&pair->raw_in);
    free(pair);
}

#endif
