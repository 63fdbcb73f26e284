/* SPDX-License-Identifier: Apache-2.0 */
/* A client and an origin that speak HTTP/2 at the far ends of a memory scene. */
#ifndef TESTS_SUPPORT_HTTP2_SCENE_H
#define TESTS_SUPPORT_HTTP2_SCENE_H

#include "support/http2_pair.h"
#include "support/memory_scene.h"

static inline void pair_run_scene(struct memory_scene *scene)
{
    for (int i = 0; i < 10; i++)
        memory_run(scene);
}

/* The scene's client was connected without a look-up, but its streams ask for addresses. */
static inline void scene_resolve(struct memory_scene *scene)
{
    struct egress_addresses *addresses = &scene->client->route.addresses;
    addresses->items = alloc_zero(1, sizeof *addresses->items);
    addresses->items[0] = scene->client->upstream.address;
    addresses->n = 1;
}

static inline void pair_of_user(struct pair *pair, struct memory_scene *scene, bool secure)
{
    pair->loop = &scene->loop;
    pair->client = http2_client_new(scene->user.stream, secure, NULL, &client_calls, pair);
    pair->open++;
    scene->user.stream = NULL;
    scene->open--;
}

static inline void pair_of_origin(struct pair *pair, struct memory_scene *scene, bool secure)
{
    pair->loop = &scene->loop;
    pair->server = http2_server_new(scene->origin.stream, "", 0, secure, NULL, &server_calls, pair);
    pair->open++;
    scene->origin.stream = NULL;
    scene->open--;
}

/* The streams of the client are freed. */
static inline void pair_leave_scene(struct pair *pair)
{
    for (unsigned i = 0; i < PAIR_STREAMS; i++)
        if (pair->requests[i].stream)
            net_close(pair->requests[i].stream);
    if (pair->client)
        http2_close(pair->client);
    if (pair->server)
        http2_close(pair->server);
    while (pair->open)
        uv_run(pair->loop, UV_RUN_ONCE);
    for (unsigned i = 0; i < PAIR_STREAMS; i++)
        buf_free(&pair->requests[i].in);
    free(pair);
}

#endif
