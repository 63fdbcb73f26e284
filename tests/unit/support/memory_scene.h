/* SPDX-License-Identifier: Apache-2.0 */
/* One client of a proxy and the origin it is connected to, without sockets: all of the proxy but
 * accepting, telling callers and dialling. */
#ifndef TESTS_SUPPORT_MEMORY_SCENE_H
#define TESTS_SUPPORT_MEMORY_SCENE_H

#include "egress/client.h"
#include "egress/request.h"

#include "base/alloc.h"
#include "base/problems.h"

#include <stdlib.h>
#include <string.h>

/* The far end of a stream. */
struct far_end {
    struct net_stream *stream;
    struct buf in;
    unsigned *open;
};

struct memory_scene {
    uv_loop_t loop;
    struct egress_proxy proxy;
    struct client *client;
    struct far_end user, origin;
    unsigned open, allowed, audited;
};

static inline void far_read(void *owner, const char *bytes, ssize_t n)
{
    struct far_end *end = owner;
    if (n > 0)
        buf_add(&end->in, bytes, (size_t)n);
}

static inline void far_closed(void *owner)
{
    struct far_end *end = owner;
    end->stream = NULL;
    --*end->open;
}

static const struct net_calls far_calls = {.read = far_read, .closed = far_closed};

static inline void memory_line(void *ctx, const struct egress_line *line)
{
    struct memory_scene *scene = ctx;
    scene->allowed += line->outcome && line->verdict == STORE_TRAFFIC_ALLOWED;
    scene->audited += line->outcome && strncmp(line->reason, "audit:", 6) == 0;
}

static inline void memory_gone(struct client *c)
{
    struct egress_proxy *proxy = c->proxy;
    *(c->prev ? &c->prev->next : &proxy->clients) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    proxy->n_clients--;
    proxy->n_streams -= c->carrier != NULL;
    if (!c->carrier)
        ((struct memory_scene *)proxy->ctx)->client = NULL;
}

/* The client's or the origin's stream; the other end is the test's. */
static inline struct net_stream *memory_pair(struct memory_scene *scene, struct far_end *end)
{
    struct net_stream *streams[2];
    net_memory_pair(&scene->loop, streams, &far_calls, end, end);
    end->stream = streams[1];
    end->open = &scene->open;
    scene->open++;
    net_read(streams[1]);
    return streams[0];
}

static inline struct policy *memory_policy(const char *text)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(text, strlen(text), DOC_YAML, &problems);
    problems_free(&problems);
    if (!policy)
        abort();
    return policy;
}

/* Takes a reference to the policy. */
static inline void memory_begin(struct memory_scene *scene, struct policy *policy)
{
    memset(scene, 0, sizeof *scene);
    uv_loop_init(&scene->loop);
    scene->proxy =
        (struct egress_proxy){.loop = &scene->loop,
                              .root = -1,
                              .policy = policy_ref(policy),
                              .generation = 1,
                              .on_line = memory_line,
                              .ctx = scene,
                              .limits = {.max_connections = 9, .head_ms = 1000, .idle_ms = 1000,
                                         .secure_ms = 60000}};
    struct client *c = scene->client =
        egress_client_new(&scene->proxy, &egress_request_state, memory_gone);
    c->caller = (struct egress_caller){.binary = alloc_str("/bin/curl")};
    egress_client_attach(c, memory_pair(scene, &scene->user));
    egress_client_set_upstream(c, memory_pair(scene, &scene->origin));
    strcpy(c->upstream.authority, "origin.test:80");
    ipaddr_parse("93.184.216.34", &c->upstream.address);
    net_read(c->stream);
}

static inline void memory_run(struct memory_scene *scene)
{
    for (int i = 0; i < 6; i++)
        uv_run(&scene->loop, UV_RUN_NOWAIT);
}

static inline void memory_feed(struct memory_scene *scene, struct far_end *end,
                               const uint8_t *bytes, size_t len, size_t step)
{
    for (size_t at = 0; at < len && end->stream; at += step) {
        net_write(end->stream, bytes + at, len - at < step ? len - at : step);
        memory_run(scene);
    }
}

static inline void memory_finish(struct memory_scene *scene)
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
    local_service_free(&scene->proxy.local);
    buf_free(&scene->user.in);
    buf_free(&scene->origin.in);
}

/* A tunnel to the origin is open, and its requests are inspected. */
static inline void memory_open_tunnel(struct memory_scene *scene)
{
    struct client *c = scene->client;
    c->inspected = INSPECTED_PLAIN;
    strcpy(c->route.target.host, "origin.test");
    strcpy(c->route.target.authority, "origin.test:80");
    c->route.target.port = 80;
}

#endif
