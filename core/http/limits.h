/* SPDX-License-Identifier: Apache-2.0 */
/* What a server allows its clients, and what it has counted. */
#ifndef HTTP_LIMITS_H
#define HTTP_LIMITS_H

#include <stddef.h>
#include <stdint.h>

struct http_limits {
    size_t head_bytes;                              /* request line and header fields: 431 */
    size_t body_bytes;                              /* 413; a route may say otherwise */
    size_t stream_bytes;                            /* queued for one slow reader: closed */
    /* from the first byte (of a connection: from accept) to the end of the head: 408 */
    unsigned head_ms;
    unsigned body_ms;                               /* from the head to the end of the body: 408 */
    unsigned idle_ms;                               /* between two requests: closed */
    unsigned write_ms;                              /* for the peer to take an answer: closed */
    /* By TCP three quarters, of these a quarter for each source.  For one more the oldest idle one
     * by TCP is closed, else it is answered 503 and closed. */
    unsigned connections;
    unsigned handshakes;  /* of TLS under way: the oldest gives way; of one source, half of them */
    /* Requests under way that share connections: one more is answered 503.  By TCP three quarters;
     * of one source a quarter of those, once so many are under way. */
    unsigned streams;
};

#define HTTP_LIMITS_DEFAULT                                                                      \
    {                                                                                            \
        .head_bytes = 16 * 1024, .body_bytes = 1024 * 1024, .stream_bytes = 1024 * 1024,         \
        .head_ms = 10 * 1000, .body_ms = 30 * 1000, .idle_ms = 60 * 1000, .write_ms = 30 * 1000, \
        .connections = 1024, .handshakes = 256, .streams = 8192                                  \
    }

struct http_stats {
    unsigned connections, streams, tunnels, requests_running;
    uint64_t requests, refused;  /* since the start; refused: answered before a handler saw it */
};

#endif
