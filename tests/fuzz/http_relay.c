/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the relay of an inspected tunnel: what the client says, then what the origin says, over
 * streams in memory.  The first byte says in how big steps both come; a 0xff byte separates them.
 * Oracles: the origin gets only whole requests that a reader of its own understands, as many as
 * were allowed, and none that the policy denies. */
#include "egress/client.h"
#include "egress/request.h"

#include "base/alloc.h"
#include "base/problems.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The far end of a stream. */
struct far_end {
    struct net_stream *stream;
    struct buf in;
    unsigned *open;
};

struct scene {
    uv_loop_t loop;
    struct egress_proxy proxy;
    struct client *client;
    struct far_end user, origin;
    unsigned open, allowed;
};

static const char policy_text[] =
    "version: 1\n"
    "network_policies:\n"
    "  one:\n"
    "    endpoints:\n"
    "      - host: origin.test\n"
    "        port: 80\n"
    "        protocol: rest\n"
    "        enforcement: enforce\n"
    "        rules: [{allow: {method: \"*\", path: /**}}]\n"
    "        deny_rules: [{method: \"*\", path: /secret}, {method: DELETE, path: /**}]\n"
    "    binaries: [{path: /bin/curl}]\n";

static void wrong(const char *what, const struct buf *text)
{
    fprintf(stderr, "%s:\n%s\n", what, buf_str(text));
    abort();
}

static void far_read(void *owner, const char *bytes, ssize_t n)
{
    struct far_end *end = owner;
    if (n > 0)
        buf_add(&end->in, bytes, (size_t)n);
}

static void far_closed(void *owner)
{
    struct far_end *end = owner;
    end->stream = NULL;
    --*end->open;
}

static const struct net_calls far_calls = {.read = far_read, .closed = far_closed};

static void on_line(void *ctx, const struct egress_line *line)
{
    struct scene *scene = ctx;
    scene->allowed += line->outcome && line->verdict == STORE_TRAFFIC_ALLOWED;
}

static void client_gone(struct client *c)
{
    struct egress_proxy *proxy = c->proxy;
    *(c->prev ? &c->prev->next : &proxy->clients) = c->next;
    proxy->n_clients--;
    ((struct scene *)proxy->ctx)->client = NULL;
}

/* The client's or the origin's stream; the other end is the fuzzer's. */
static struct net_stream *pair(struct scene *scene, struct far_end *end)
{
    struct net_stream *streams[2];
    net_memory_pair(&scene->loop, streams, &far_calls, end, end);
    end->stream = streams[1];
    end->open = &scene->open;
    scene->open++;
    net_read(streams[1]);
    return streams[0];
}

static struct policy *parse(void)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(policy_text, sizeof policy_text - 1, DOC_YAML, &problems);
    problems_free(&problems);
    if (!policy)
        abort();
    return policy;
}

static void begin(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    uv_loop_init(&scene->loop);
    scene->proxy = (struct egress_proxy){
        .loop = &scene->loop, .root = -1, .policy = parse(), .generation = 1, .on_line = on_line,
        .ctx = scene, .limits = {.max_connections = 9, .head_ms = 1000, .idle_ms = 1000}};
    struct client *c = scene->client = egress_client_new(&scene->proxy, &egress_request_state, client_gone);
    c->caller = (struct egress_caller){.binary = alloc_str("/bin/curl")};
    c->inspected = INSPECTED_PLAIN;
    strcpy(c->route.target.host, "origin.test");
    strcpy(c->route.target.authority, "origin.test:80");
    c->route.target.port = 80;
    egress_client_attach(c, pair(scene, &scene->user));
    egress_client_set_upstream(c, pair(scene, &scene->origin));
    strcpy(c->upstream.authority, "origin.test:80");
    ipaddr_parse("93.184.216.34", &c->upstream.address);
    net_read(c->stream);
}

static void run(struct scene *scene)
{
    for (int i = 0; i < 6; i++)
        uv_run(&scene->loop, UV_RUN_NOWAIT);
}

static void feed(struct scene *scene, struct far_end *end, const uint8_t *bytes, size_t len, size_t step)
{
    for (size_t at = 0; at < len && end->stream; at += step) {
        net_write(end->stream, bytes + at, len - at < step ? len - at : step);
        run(scene);
    }
}

/* ---- what the origin got ---- */

/* The length of the strict request at the beginning of text, 0 while it is not complete. */
static size_t request_length(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "\r\nContent-Length: ");
    const char *chunked = strstr(text, "\r\nTransfer-Encoding: chunked\r\n");
    if (!end)
        return 0;
    end += 4;
    if (length && length < end) {
        size_t n = strtoul(length + 18, NULL, 10);
        return strlen(end) >= n ? (size_t)(end - text) + n : 0;
    }
    while (chunked && chunked < end) {
        char *digits_end;
        size_t n = strtoul(end, &digits_end, 16);
        if (!isxdigit((unsigned char)*end) || strncmp(digits_end, "\r\n", 2) != 0 ||
            strlen(digits_end) < n + 4)
            return 0;
        end = digits_end + 2 + n + 2;
        chunked = n ? chunked : NULL;
    }
    return (size_t)(end - text);
}

static void check_request(const char *request, const struct buf *all)
{
    size_t method = strcspn(request, " ");
    const char *path = request + method + 1;
    size_t len = strcspn(path, " ?");
    if (strncmp(request, "DELETE ", 7) == 0 || (len == 7 && strncmp(path, "/secret", 7) == 0))
        wrong("a denied request has passed", all);
    if (*path != '/')
        wrong("this is no path", all);
}

static void check_origin(const struct scene *scene, bool switched)
{
    const struct buf *all = &scene->origin.in;
    unsigned n = 0;
    size_t length;
    const char *at = buf_str(all), *end = at + all->len;
    if (memchr(at, '\0', all->len) || switched)
        return;                                     /* a body that the reader cannot read */
    for (; at < end && (length = request_length(at)); at += length, n++)
        check_request(at, all);
    if (at < end && strstr(at, "\r\n\r\n"))
        check_request(at, all);
    n += at < end;
    if (n > scene->allowed)
        wrong("the origin understands more requests than were allowed", all);
}

static void finish(struct scene *scene)
{
    struct client *c = scene->client;
    if (c)
        egress_client_close(c);
    if (scene->user.stream)
        net_close(scene->user.stream);
    if (scene->origin.stream)
        net_close(scene->origin.stream);
    uv_run(&scene->loop, UV_RUN_DEFAULT);
    if (scene->client || scene->open || uv_loop_close(&scene->loop) != 0)
        abort();
    policy_unref(scene->proxy.policy);
    buf_free(&scene->user.in);
    buf_free(&scene->origin.in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scene scene;
    if (size < 2)
        return 0;
    size_t step = data[0] % 64 ? data[0] % 64 : size;
    const uint8_t *middle = memchr(data + 1, 0xff, size - 1), *end = data + size;
    begin(&scene);
    feed(&scene, &scene.user, data + 1, (size_t)((middle ? middle : end) - data - 1), step);
    if (middle)
        feed(&scene, &scene.origin, middle + 1, (size_t)(end - middle - 1), step);
    check_origin(&scene, scene.client && scene.client->exchange.switched);
    finish(&scene);
    return 0;
}
