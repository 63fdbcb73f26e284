/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes a server of HTTP/2: frames of a client, after its preface.  The first byte says in how big
 * steps they come.  Every request is read as HTTP/1.1 and answered.  Oracles: what is read is
 * strict, no more streams are open than the limit lets, what waits for nobody stays bounded, and
 * everything is freed in the end. */
#include "../unit/support/http2_pair.h"
#include "../unit/support/http2_wire.h"

#include "http/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1 << 20 };

static void wrong(const char *what, const struct buf *text)
{
    fprintf(stderr, "%s:\n%s\n", what, buf_str(text));
    abort();
}

static void check_head(struct http_parser *parser, const struct buf *text)
{
    struct http_head *head = http_parser_take_head(parser);
    for (size_t i = 0; i < head->n_fields; i++)
        for (const char *c = head->fields[i].value; *c; c++)
            if ((unsigned char)*c < 0x20 && *c != '\t')
                wrong("a control byte has passed", text);
    http_head_free(head);
}

/* Whether the text so far is one request that is complete, or will never be one. */
static bool is_done(const struct buf *text)
{
    const char *bytes = buf_str(text), *body;
    size_t len = text->len, body_len;
    struct http_parser *parser = http_parser_new(HTTP_OF_CLIENT, 16 * 1024);
    enum http_event event;
    while ((event = http_parser_next(parser, &bytes, &len, &body, &body_len)) == HTTP_GOT_HEAD ||
           event == HTTP_GOT_BODY)
        if (event == HTTP_GOT_HEAD)
            check_head(parser, text);
    if (event == HTTP_GOT_END && len && !strstr(text->data, "Upgrade: websocket"))
        wrong("a stream has more than one request", text);
    http_parser_free(parser);
    return event == HTTP_GOT_END || event == HTTP_BAD;
}

static bool answer(struct pair_end *end)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "2\r\nhi\r\n0\r\nx: y\r\n\r\n";
    static const char upgrade[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";
    if (end->in.len > TEXT_MAX)
        wrong("too much has come", &end->in);
    if (end->status < 0) {
        net_close(end->stream);
    } else if (!end->drained && is_done(&end->in)) {
        end->drained++;                             /* answered */
        end_write(end, strstr(end->in.data, "Upgrade: websocket") ? upgrade : text);
    }
    return true;
}

static unsigned open_requests(const struct pair *pair)
{
    unsigned n = 0;
    for (unsigned i = 0; i < PAIR_STREAMS; i++)
        n += pair->requests[i].stream != NULL;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { STREAMS = 8, REQUESTS_MAX = PAIR_STREAMS / 2 };
    const struct http2_limits limits = {.streams = STREAMS};
    struct buf preface = {0};
    if (size < 2)
        return 0;
    size_t step = data[0] % 64 ? data[0] % 64 : size;
    struct pair *pair = pair_new(true, &limits);
    pair->serve = answer;
    wire_preface(&preface);
    raw_send(pair, &preface);
    for (size_t at = 1; at < size && !pair->raw_ended && pair->n_requests < REQUESTS_MAX;
         at += step) {
        net_write(pair->raw, data + at, size - at < step ? size - at : step);
        for (int i = 0; i < 6; i++)
            uv_run(pair->loop, UV_RUN_NOWAIT);
        if (open_requests(pair) > 2 * STREAMS)
            wrong("too many streams are open", &pair->raw_in);
    }
    pair_run(pair);
    pair_free(pair);
    return 0;
}
