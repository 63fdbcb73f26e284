/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes both roles of HTTP/2 by steps: frames that the peer sends, and what the owners of streams
 * write, read and close, in any order.  The first byte says which role it is, whether the
 * connection is secure and how large its windows are; each step is one byte and those that it
 * takes. Oracles: what an owner reads is strict HTTP/1.1, a server has no more streams open than
 * the limit lets, what is sent is whole frames, and everything is freed in the end. */
#include "../unit/support/http2_pair.h"
#include "../unit/support/http2_wire.h"

#include "http/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAMS = 8, ENDS = 16, STEPS_MAX = 300, WAITS_MAX = 2, SHORT_MS = 2, TEXT_MAX = 1 << 20 };

struct driver {
    struct pair *pair;
    const uint8_t *at, *end;
    struct pair_end *ends[ENDS];                    /* streams that a client has opened */
    unsigned n_ends, waits;
    bool client, short_times, left;                             /* left: our side is closed */
};

static void wrong(const char *what, const struct buf *text)
{
    fprintf(stderr, "%s:\n%s\n", what, buf_str(text));
    abort();
}

static unsigned take(struct driver *d)
{
    return d->at < d->end ? *d->at++ : 0;
}

/* ---- what owners read ---- */

static void check_head(struct http_parser *parser, const struct buf *text)
{
    struct http_head *head = http_parser_take_head(parser);
    for (size_t i = 0; i < head->n_fields; i++)
        for (const char *c = head->fields[i].value; *c; c++)
            if ((unsigned char)*c < 0x20 && *c != '\t')
                wrong("a control byte has passed", text);
    if (head->status && head->status < 200)
        http_parser_no_body(parser);
    http_head_free(head);
}

/* Of a client's request the text is a response, of a server's a request.  It may end anywhere. */
static void check_text(const struct buf *text, enum http_side side)
{
    const char *bytes = buf_str(text), *body;
    size_t len = text->len, body_len;
    struct http_parser *parser = http_parser_new(side, 64 * 1024);
    enum http_event event;
    while ((event = http_parser_next(parser, &bytes, &len, &body, &body_len)) == HTTP_GOT_HEAD ||
           event == HTTP_GOT_BODY)
        if (event == HTTP_GOT_HEAD)
            check_head(parser, text);
    if (text->len > TEXT_MAX)
        wrong("too much has come", text);
    http_parser_free(parser);
}

static void check_frames(const struct driver *d)
{
    const struct buf *in = &d->pair->raw_in;
    size_t at = d->client ? NGHTTP2_CLIENT_MAGIC_LEN : 0;
    for (size_t len; at + 9 <= in->len; at += 9 + len) {
        len = (size_t)wire_read(in->data + at, 3);
        if (len > 16384 || (unsigned char)in->data[at + 3] > NGHTTP2_CONTINUATION)
            wrong("this is no frame", in);
    }
}

static void check_streams(const struct driver *d)
{
    unsigned n = 0;
    for (unsigned i = 0; i < PAIR_STREAMS; i++)
        n += d->pair->requests[i].stream != NULL;
    if (n > 2 * STREAMS)
        wrong("too many streams are open", &d->pair->raw_in);
}

/* ---- frames of the peer ---- */

static const char *const fields[][2] = {
    {":method", "GET"}, {":method", "POST"}, {":method", "HEAD"}, {":method", "CONNECT"},
    {":scheme", "http"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/"},
    {":protocol", "websocket"}, {":protocol", "other"}, {":status", "100"}, {":status", "103"},
    {":status", "200"}, {":status", "204"}, {":status", "304"}, {":status", "404"},
    {":status", "101"}, {":path", "/a?b=c"}, {"host", "a.test"}, {"host", "b.test"},
    {"cookie", "a=b"}, {"cookie", "c=d"}, {"content-length", "5"}, {"content-length", "0"},
    {"te", "trailers"}, {"x-y", "z"}, {"connection", "close"}, {"transfer-encoding", "chunked"},
    {"trailer", "x"}, {"sec-websocket-version", "13"}, {"Upper", "v"}, {"v", ("a\x01" "b")},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const char *const blocks[][13] = {
    {":method", "GET", ":scheme", "http", ":authority", "a.test", ":path", "/", NULL},
    {":method", "POST", ":scheme", "http", ":authority", "a.test", ":path", "/a", NULL},
    {":method", "HEAD", ":scheme", "https", ":authority", "a.test", ":path", "/", NULL},
    {":method", "CONNECT", ":authority", "a.test:443", NULL},
    {":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "a.test",
     ":path", "/", NULL},
    {":method", "POST", ":scheme", "https", ":authority", "a.test", ":path", "/",
     "content-length", "5", NULL},
    {":status", "200", NULL},
    {":status", "200", "content-length", "5", NULL},
    {":status", "100", NULL},
    {":status", "204", "set-cookie", "a=b", NULL},
    {":status", "103", "link", "</x>", NULL},
    {"grpc-status", "0", NULL},
};
enum { BLOCKS = sizeof blocks / sizeof *blocks };

/* Of the streams that there may be, or any. */
static uint32_t take_stream(struct driver *d)
{
    unsigned n = take(d);
    return n < 192 ? 2 * (n % STREAMS) + 1 : n - 192;
}

/* A block of whose fields some are any bytes, and one may be too large. */
static void take_fields(struct driver *d, struct buf *block)
{
    for (unsigned n = take(d) % 16; n; n--) {
        unsigned which = take(d);
        if (which < 224) {
            wire_field(block, fields[which % FIELDS][0], fields[which % FIELDS][1]);
        } else if (which < 228) {
            char large[8192];
            memset(large, 'l', sizeof large - 1);
            large[sizeof large - 1] = '\0';
            wire_field(block, "large", large);
        } else {
            for (which -= 228; which; which--)
                buf_putc(block, (char)take(d));
        }
    }
}

static void add_headers(struct driver *d, struct buf *out)
{
    unsigned how = take(d), flags = take(d) & 0x0d;
    uint32_t stream = take_stream(d);
    struct buf block = {0};
    if (how % 16 < BLOCKS)
        for (const char *const *f = blocks[how % 16]; *f; f += 2)
            wire_field(&block, f[0], f[1]);
    if (how % 16 >= BLOCKS || how & 0x40)
        take_fields(d, &block);
    /* A block in pieces is rare. */
    wire_frame(out, NGHTTP2_HEADERS, (uint8_t)(how & 0x80 ? flags : (flags & 1) | 4), stream,
               buf_str(&block), block.len);
    if (how & 0x80 && !(flags & 4))
        wire_frame(out, NGHTTP2_CONTINUATION, take(d) & 4, stream, "", 0);
    buf_free(&block);
}

static void add_data(struct driver *d, struct buf *out)
{
    static const char bytes[16384];
    unsigned flags = take(d), len = take(d);
    size_t n = len < 240 ? len % 32 : (len - 239) * 1024;
    wire_frame(out, NGHTTP2_DATA, flags & (flags & 0x80 ? 0x09 : 0x01), take_stream(d), bytes, n);
}

static void add_settings(struct driver *d, struct buf *out)
{
    struct buf payload = {0};
    unsigned flags = take(d);
    for (unsigned n = take(d) % 4; n; n--) {
        unsigned value;
        wire_number(&payload, take(d) % 10, 2);
        value = take(d);
        wire_number(&payload, value < 128 ? value : (uint64_t)(value - 127) << 12, 4);
    }
    wire_frame(out, NGHTTP2_SETTINGS, flags & 1, 0, buf_str(&payload), payload.len);
    buf_free(&payload);
}

/* Those of a number or two: RST_STREAM, GOAWAY, PING, WINDOW_UPDATE, PRIORITY. */
static void add_numbers(struct driver *d, struct buf *out)
{
    struct buf payload = {0};
    unsigned which = take(d) % 5, code = take(d);
    uint32_t stream = take_stream(d);
    static const uint8_t types[] = {NGHTTP2_RST_STREAM, NGHTTP2_GOAWAY, NGHTTP2_PING,
                                    NGHTTP2_WINDOW_UPDATE, NGHTTP2_PRIORITY};
    bool whole = types[which] == NGHTTP2_GOAWAY || types[which] == NGHTTP2_PING;
    if (whole)
        wire_number(&payload, types[which] == NGHTTP2_GOAWAY ? stream : code, 4);
    wire_number(&payload, types[which] == NGHTTP2_WINDOW_UPDATE ? code << 8 : code % 16, 4);
    if (types[which] == NGHTTP2_PRIORITY)
        wire_number(&payload, code, 1);
    wire_frame(out, types[which], 0, whole || code >= 240 ? 0 : stream, buf_str(&payload),
               payload.len);
    buf_free(&payload);
}

static void add_any(struct driver *d, struct buf *out)
{
    uint8_t payload[64], type = (uint8_t)(take(d) % 12), flags = (uint8_t)take(d);
    uint32_t stream = take_stream(d);
    size_t len = take(d) % sizeof payload;
    for (size_t i = 0; i < len; i++)
        payload[i] = (uint8_t)take(d);
    wire_frame(out, type, flags, stream, payload, len);
}

static void send_frame(struct driver *d, void (*add)(struct driver *, struct buf *))
{
    struct buf out = {0};
    add(d, &out);
    if (d->pair->raw && !d->pair->raw_ended)
        net_write(d->pair->raw, out.data, out.len);
    buf_free(&out);
}

/* ---- what owners do ---- */

static struct pair_end *take_end(struct driver *d)
{
    unsigned n = take(d);
    struct pair_end *end = NULL;
    if (d->client)
        end = d->n_ends ? d->ends[n % d->n_ends] : NULL;
    else if (d->pair->n_requests)
        end = &d->pair->requests[n % d->pair->n_requests % PAIR_STREAMS];
    return end && end->stream ? end : NULL;
}

static const char *const of_clients[] = {
    "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "HEAD /h HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n",
    ("GET /w HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
    "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: X-Own\r\nX-Own: 1\r\nContent-Length: 0\r\n\r\n",
};
static const char *const of_servers[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: x\r\n\r\n"),
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
};
static const char *const bodies[] = {"hello", "5\r\nhello\r\n", "0\r\n\r\n",
                                     "0\r\nx-trailer: y\r\n\r\n", "no message\r\n\r\n", "\n"};
#define CHOOSE(texts, n) (texts)[(n) % (sizeof(texts) / sizeof *(texts))]

static void write_text(struct driver *d)
{
    struct pair_end *end = take_end(d);
    unsigned which = take(d);
    const char *text = which & 0x40 ? CHOOSE(bodies, which % 64)
                       : d->client  ? CHOOSE(of_clients, which % 64)
                                    : CHOOSE(of_servers, which % 64);
    size_t len = strlen(text);
    if (!end)
        return;
    if (which & 0x80) {                             /* in one piece that its stream may keep */
        struct buf whole = {0};
        buf_add(&whole, text, len);
        net_send(end->stream, &whole);
        buf_free(&whole);
    } else {
        net_write(end->stream, text, len);
    }
}

static void write_much(struct driver *d)
{
    static const char bytes[70000];
    struct pair_end *end = take_end(d);
    if (end)
        net_write(end->stream, bytes, 1 + (size_t)take(d) * 256);
}

static void change_end(struct driver *d)
{
    struct pair_end *end = take_end(d);
    unsigned what = take(d) % 5;
    if (!end)
        return;
    if (what == 0)
        net_finish(end->stream);
    else if (what == 1)
        net_close(end->stream);
    else if (what == 2)
        net_pause(end->stream);
    else if (what == 3)
        net_read(end->stream);
    else if (net_fileno(end->stream) != -1 || net_queued(end->stream) > TEXT_MAX)
        wrong("a stream has a descriptor, or keeps too much", &end->in);
}

static void open_stream(struct driver *d)
{
    if (!d->client || d->left || d->n_ends == ENDS)
        return;
    struct pair_end *end = d->ends[d->n_ends++] = alloc_zero(1, sizeof *end);
    end->pair = d->pair;
    bool may = http2_may_open(d->pair->client);
    end->stream = http2_open(d->pair->client, &end_calls, end);
    if (http2_streams(d->pair->client) == 0 || (may && http2_was_refused(end->stream)))
        wrong("a stream that may be opened is none", &d->pair->raw_in);
    net_read(end->stream);
}

static void close_connection(struct driver *d, struct http2 *h)
{
    d->left = true;
    d->pair->client = d->pair->server = NULL;
    http2_close(h);
}

static void change_connection(struct driver *d)
{
    struct http2 *h = d->client ? d->pair->client : d->pair->server;
    unsigned what = take(d) % 8;
    if (what == 0 && d->pair->raw)
        net_finish(d->pair->raw);
    else if (what == 1 && !d->left)
        http2_leave(h);
    else if (what == 2 && d->pair->raw)
        net_pause(d->pair->raw);
    else if (what == 3 && d->pair->raw && !d->pair->raw_ended)
        net_read(d->pair->raw);
    else if (what == 4 && d->short_times && d->waits++ < WAITS_MAX)
        uv_sleep(SHORT_MS + 1);                     /* what it has to be done in is over */
    else if (what == 5 && !d->left)
        (void)(http2_takes_websockets(h) && http2_requires_http_1_1(h));
    else if (what == 6 && !d->left)
        close_connection(d, h);
}

static void step(struct driver *d)
{
    static void (*const frames[])(struct driver *, struct buf *) = {
        add_headers, add_data, add_settings, add_numbers, add_any};
    static void (*const acts[])(struct driver *) = {
        open_stream, write_text, write_much, change_end, change_connection};
    enum { FRAMES = sizeof frames / sizeof *frames, ACTS = sizeof acts / sizeof *acts };
    unsigned which = take(d);
    if (which % 16 < FRAMES)
        send_frame(d, frames[which % 16]);
    else if (which % 16 < FRAMES + ACTS)
        acts[which % 16 - FRAMES](d);
    if (which % 16 < FRAMES + ACTS && which & 0x80)
        return;                                     /* another step before anything happens */
    for (int i = 0; i < 4; i++)
        uv_run(d->pair->loop, UV_RUN_NOWAIT);
    check_streams(d);
}

/* ---- the connection ---- */

static void begin(struct driver *d, unsigned how)
{
    struct http2_limits limits = {.streams = STREAMS, .window = how & 4 ? 128 : 0,
                                  .idle_ms = how & 8 ? SHORT_MS : 0,
                                  .stall_ms = how & 16 ? SHORT_MS : 0,
                                  .settings_ms = how & 32 ? SHORT_MS : 0};
    struct buf first = {0};
    d->client = how & 1;
    d->short_times = how & (8 | 16 | 32);
    d->pair = d->client ? pair_of_client(&limits) : pair_new(true, &limits);
    if (how & 64) {
        wire_number(&first, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 2);
        wire_number(&first, 1, 4);
    }
    struct buf bytes = {0};
    if (!d->client)
        buf_puts(&bytes, NGHTTP2_CLIENT_MAGIC);
    wire_frame(&bytes, NGHTTP2_SETTINGS, 0, 0, buf_str(&first), first.len);
    if (!(how & 128))
        net_write(d->pair->raw, bytes.data, bytes.len);
    d->pair->paused = how & 2;
    buf_free(&bytes);
    buf_free(&first);
}

static void end_all(struct driver *d)
{
    enum http_side side = d->client ? HTTP_OF_SERVER : HTTP_OF_CLIENT;
    pair_run(d->pair);
    check_frames(d);
    for (unsigned i = 0; i < PAIR_STREAMS; i++)
        check_text(&d->pair->requests[i].in, side);
    for (unsigned i = 0; i < d->n_ends; i++) {
        check_text(&d->ends[i]->in, side);
        end_free(d->ends[i]);
    }
    pair_free(d->pair);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct driver d = {.at = data, .end = data + size};
    begin(&d, take(&d));
    for (unsigned n = 0; d.at < d.end && n < STEPS_MAX && d.pair->n_requests < PAIR_STREAMS / 2;
         n++)
        step(&d);
    end_all(&d);
    return 0;
}
