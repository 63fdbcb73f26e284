/* SPDX-License-Identifier: Apache-2.0 */
/* What judging adds to a WebSocket message: the same messages through the proxy over streams in
 * memory, on a rest endpoint, which passes them as bytes, and on a websocket endpoint.
 *
 *     bench_websocket [MESSAGES] */
#include "../unit/support/memory_scene.h"

#include <stdio.h>
#include <time.h>
#include <zlib.h>

#include "egress/websocket/frame.h"

enum { MESSAGES = 20000, ROUNDS = 5 };

static const char upgrade[] =
    "GET /graphql HTTP/1.1\r\nHost: origin.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n\r\n";
static const char answer[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n\r\n";

static const char passes[] = "protocol: rest, access: full";
static const char judges[] = "protocol: websocket, access: full";
static const char reads[] =
    "protocol: websocket, rules: [{allow: {method: GET, path: /**}}, "
    "{allow: {operation_type: query, fields: [viewer]}}]";

static const struct {
    const char *name, *endpoint;
    size_t size;
    bool compressed;
    unsigned most_us;                               /* the target; 0: none */
} cases[] = {
    {"64 bytes", judges, 64, false, 20},
    {"4 KiB", judges, 4096, false, 20},
    {"64 KiB", judges, 65536, false, 0},
    {"4 KiB, compressed", judges, 4096, true, 20},
    {"4 KiB, a GraphQL operation", reads, 4096, false, 20 + 20},       /* and its decision */
};

static void fill(struct buf *text, size_t size)
{
    buf_puts(text, "{\"id\":\"1\",\"type\":\"subscribe\",\"payload\":{\"query\":\"{ viewer { ");
    for (unsigned n = 0; text->len + 20 < size; n++)
        buf_printf(text, "field%u ", n);
    buf_puts(text, "} }\"}}");
}

static void deflate_text(struct buf *text)
{
    struct buf out = {0};
    z_stream z = {0};
    deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    buf_reserve(&out, text->len + 64);
    z.next_in = (unsigned char *)text->data;
    z.avail_in = (unsigned)text->len;
    z.next_out = (unsigned char *)out.data;
    z.avail_out = (unsigned)text->len + 64;
    deflate(&z, Z_SYNC_FLUSH);
    out.len = z.total_out - 4;
    deflateEnd(&z);
    buf_free(text);
    *text = out;
}

static void open_connection(struct memory_scene *scene, const char *endpoint)
{
    struct buf text = {0};
    buf_printf(&text, "version: 1\nnetwork_policies:\n  one:\n    endpoints: [{host: origin.test, "
               "port: 80, enforcement: enforce, %s}]\n    binaries: [{path: /bin/curl}]\n",
               endpoint);
    struct policy *policy = memory_policy(text.data);
    memory_begin(scene, policy);
    policy_unref(policy);
    buf_free(&text);
    memory_open_tunnel(scene);
    memory_feed(scene, &scene->user, (const uint8_t *)upgrade, sizeof upgrade - 1, 4096);
    memory_feed(scene, &scene->origin, (const uint8_t *)answer, sizeof answer - 1, 4096);
    if (!scene->client || !scene->client->exchange.switched)
        abort();
}

/* Of the processor, so that other work on the machine does not count. */
static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Microseconds for a message. */
static double measure(const char *endpoint, const struct buf *frame, int messages)
{
    struct memory_scene scene;
    open_connection(&scene, endpoint);
    buf_clear(&scene.origin.in);
    double start = now_us();
    for (int i = 0; i < messages; i++) {
        net_write(scene.user.stream, frame->data, frame->len);
        while (scene.origin.in.len < frame->len && scene.client)
            uv_run(&scene.loop, UV_RUN_NOWAIT);
        buf_clear(&scene.origin.in);
    }
    double us = (now_us() - start) / messages;
    if (!scene.client || scene.client->state == scene.client->idle)
        abort();
    memory_finish(&scene);
    return us;
}

static double best(const char *endpoint, const struct buf *frame, int messages)
{
    double least = measure(endpoint, frame, messages);
    for (int i = 1; i < ROUNDS; i++) {
        double us = measure(endpoint, frame, messages);
        least = us < least ? us : least;
    }
    return least;
}

int main(int argc, char **argv)
{
    int messages = argc > 1 ? atoi(argv[1]) : MESSAGES;
    if (messages < 1)
        return 2;
    printf("%-28s %10s %10s %10s\n", "text message", "as bytes", "judged", "added");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0}, frame = {0};
        fill(&text, cases[i].size);
        if (cases[i].compressed)
            deflate_text(&text);
        frame_print(&frame, FRAME_TEXT, cases[i].compressed, text.data, text.len,
                    (const uint8_t *)"\x37\xfa\x21\x3d");
        double raw = best(passes, &frame, messages),
               judged = best(cases[i].endpoint, &frame, messages);
        printf("%-28s %7.2f us %7.2f us %7.2f us", cases[i].name, raw, judged, judged - raw);
        if (cases[i].most_us)
            printf("  <= %u us %s", cases[i].most_us,
                   judged - raw <= cases[i].most_us ? "met" : "not met");
        putchar('\n');
        buf_free(&text);
        buf_free(&frame);
    }
    return 0;
}
