/* SPDX-License-Identifier: Apache-2.0 */
/* An answer without a known end, and server-sent events on it.
 *
 * A stream belongs to its connection.  Whoever began it may use it until on_close, which is called
 * exactly once, always from the loop and never from inside one of these functions: after
 * http_stream_close has flushed, when the peer hangs up, when the server drains or closes, or when
 * the reader is so slow that more than http_limits.stream_bytes are queued.  What is written is
 * copied.  Loop thread only. */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "http/request.h"

struct http_stream;

/* why is NULL after http_stream_close and a drain. */
typedef void http_stream_closed(void *ctx, const struct error *why);

/* Consumes req.  NULL: the peer is gone or asked for the HEAD only; on_close is then not called. */
struct http_stream *http_stream_begin(struct http_request *req, int status, const char *type,
                                      http_stream_closed *on_close, void *ctx);
/* False: the stream is ending; what was written goes nowhere and on_close follows. */
bool http_stream_write(struct http_stream *stream, const void *bytes, size_t len);
/* Sends what is queued, then the end.  Later writes are dropped. */
void http_stream_close(struct http_stream *stream);
/* Breaks the connection, so that the reader does not take what came for all; on_close follows. */
void http_stream_break(struct http_stream *stream, const char *why);
size_t http_stream_queued(const struct http_stream *stream);  /* bytes the kernel has not taken */
/* Called whenever everything that was queued has been taken. */
void http_stream_on_drain(struct http_stream *stream, void (*on_drain)(void *ctx));
/* Instead of http_limits.stream_bytes. */
void http_stream_may_queue(struct http_stream *stream, size_t bytes);
/* A trailer field, which follows the end; control bytes in value become spaces.  Readers of
 * HTTP/1.0 get none. */
void http_stream_trailer(struct http_stream *stream, const char *name, const char *value);
void http_stream_clear_trailers(struct http_stream *stream);
/* As for the request that it was. */
void http_stream_pause(struct http_stream *stream);
void http_stream_resume(struct http_stream *stream);

#define HTTP_SSE_TYPE "text/event-stream"
/* One event; id and event may be NULL.  data may have several lines.  id and event must be one
 * line: at a line end they are cut off. */
bool http_sse_event(struct http_stream *stream, const char *id, const char *event,
                    const char *data);
/* A comment, so that a proxy does not take the stream for dead and a dead peer is noticed. */
bool http_sse_comment(struct http_stream *stream, const char *text);

#endif
