/* SPDX-License-Identifier: Apache-2.0 */
/* This gateway as one of several on a store: its id, and what it does when another one wrote
 * something.  On a store that is not shared there is nothing to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "gateway/folder.h"
#include "gateway/gateway_parts.h"
#include "gateway/peers.h"
#include "net/handle.h"
#include "runtime/peers/peers.h"

enum { TICK_MS = 1000, LIST_MS = STORE_BEAT_MS };

/* Changes on their way from the store's thread to the loop. */
struct batch {
    struct batch *next;
    struct arena *arena;
    struct store_change *changes;
    size_t n;
};

struct fleet {
    struct gateway *g;
    uv_async_t wake;
    uv_timer_t timer;
    uint64_t listed_ms;                             /* of the loop's clock */
    bool listing;
    bool tokens_unread;
    pthread_mutex_t lock;                           /* guards what follows */
    struct batch *first, **last;
};

/* ---- its id ---- */

static int read_id(struct gateway *g, struct error *err)
{
    int fd = folder_open_secret(g->folder, g->config.state_dir, "gateway.id", err);
    if (fd < 0)
        return -1;
    int rc = 0;
    ssize_t n = read(fd, g->id, sizeof g->id - 1);
    if (n != (ssize_t)sizeof g->id - 1) {
        digest_uuid(g->id);
        if (pwrite(fd, g->id, strlen(g->id), 0) != (ssize_t)strlen(g->id) || fsync(fd) != 0)
            rc = error_errno(err, ERROR_IO, "cannot write %s/gateway.id", g->config.state_dir);
    }
    close(fd);
    return rc;
}

/* ---- other gateways ask it ---- */

static int make_peer_key(struct gateway *g, struct error *err)
{
    if (!g->config.peers)
        return 0;
    if (!store_is_shared(g->store))
        return error_set(err, ERROR_INVALID, "peers is for gateways that share a store: leave it "
                         "out, or give store: postgresql://...");
    g->peer_identity = peer_identity_new(err);
    return g->peer_identity ? 0 : -1;
}

int gateway_open_peers(struct gateway *g, struct error *err)
{
    struct http_address where;
    if (!g->peer_identity)
        return 0;
    if (http_address_parse(g->config.peers->address, &where, err) != 0)
        return -1;
    return runtime_open_peers(g->runtime, g->peer_identity, (const struct sockaddr *)&where.ip,
                              err);
}

int gateway_join(struct gateway *g, struct error *err)
{
    char host[65] = "", name[320];
    struct store_gateway me = {.id = g->id, .name = name};
    if (store_is_shared(g->store) && read_id(g, err) != 0)
        return -1;
    if (make_peer_key(g, err) != 0)
        return -1;
    if (g->peer_identity) {
        me.peer_address = g->config.peers->advertise;
        me.peer_digest = peer_identity_digest(g->peer_identity);
    }
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "%s %s", host, g->config.listen[0]->address);
    if (store_join(g->store, &me, err) != 0)
        return -1;
    g->number = (uint64_t)me.number;
    return 0;
}

/* ---- tokens ---- */

struct token_reading {
    struct gateway *g;
    int rc;
};

static void token_work(void *arg)
{
    struct token_reading *t = arg;
    struct error err;
    t->rc = gateway_read_tokens(t->g, &err);
    if (t->rc != 0)
        log_error(t->g->log, "cannot read the tokens, which were changed, and tries again: %s",
                  err.text);
}

static void token_done(void *arg)
{
    struct token_reading *t = arg;
    if (t->rc != 0 && t->g->fleet)
        t->g->fleet->tokens_unread = true;
    free(t);
}

/* In the order of the changes.  Also after those of this gateway, which a reading that had begun
 * before may have undone. */
static void read_tokens(struct fleet *fleet)
{
    struct token_reading *t = alloc_zero(1, sizeof *t);
    t->g = fleet->g;
    fleet->tokens_unread = false;
    jobs_run(fleet->g->jobs, "tokens of the store", token_work, token_done, t);
}

/* ---- what was written ---- */

static void add_batch(void *ctx, const struct store_change *changes, size_t n)
{
    struct fleet *fleet = ctx;
    struct batch *batch = alloc_zero(1, sizeof *batch);
    struct arena *arena = arena_new();
    *batch = (struct batch){.arena = arena, .n = n,
                            .changes = arena_alloc(arena, n * sizeof *changes)};
    for (size_t i = 0; i < n; i++) {
        struct store_change *copy = &batch->changes[i];
        *copy = changes[i];
        copy->subject = arena_str(arena, copy->subject);
        copy->part = arena_str(arena, copy->part);
        copy->event_type = arena_str(arena, copy->event_type);
        copy->event_sandbox = arena_str(arena, copy->event_sandbox);
        copy->event_json = arena_str(arena, copy->event_json);
    }
    pthread_mutex_lock(&fleet->lock);
    *fleet->last = batch;
    fleet->last = &batch->next;
    pthread_mutex_unlock(&fleet->lock);
    uv_async_send(&fleet->wake);
}

static struct batch *take_batches(struct fleet *fleet)
{
    pthread_mutex_lock(&fleet->lock);
    struct batch *first = fleet->first;
    fleet->first = NULL;
    fleet->last = &fleet->first;
    pthread_mutex_unlock(&fleet->lock);
    return first;
}

static struct batch *drop_batch(struct batch *batch)
{
    struct batch *next = batch->next;
    arena_free(batch->arena);
    free(batch);
    return next;
}

/* Each gateway tells its own waiters when it stops. */
static bool is_others_end(const struct store_change *change)
{
    return change->event_type && strcmp(change->event_type, "draining") == 0;
}

static void on_wake(uv_async_t *wake)
{
    struct fleet *fleet = wake->data;
    for (struct batch *b = take_batches(fleet); b; b = drop_batch(b))
        for (size_t i = 0; i < b->n; i++) {
            if (b->changes[i].topic == STORE_TOPIC_TOKEN || b->changes[i].topic == STORE_TOPIC_ALL)
                read_tokens(fleet);
            if (!is_others_end(&b->changes[i]))
                runtime_heard(fleet->g->runtime, &b->changes[i]);
        }
}

/* ---- who there is ---- */

struct listing {
    struct gateway *g;
    struct arena *arena;
    struct store_gateway *list;
    size_t n;
    int rc;
};

static void list_work(void *arg)
{
    struct listing *l = arg;
    struct error ignored;                           /* without a server nobody is alive */
    l->rc = store_gateway_list(l->g->store, l->arena, &l->list, &l->n, &ignored);
}

static void list_done(void *arg)
{
    struct listing *l = arg;
    if (l->rc == 0)
        runtime_set_gateways(l->g->runtime, l->list, l->n);
    if (l->g->fleet)
        l->g->fleet->listing = false;
    arena_free(l->arena);
    free(l);
}

static void list_gateways(struct fleet *fleet)
{
    struct listing *l = alloc_zero(1, sizeof *l);
    *l = (struct listing){.g = fleet->g, .arena = arena_new()};
    fleet->listing = true;
    fleet->listed_ms = uv_now(&fleet->g->loop);
    jobs_run(fleet->g->jobs, NULL, list_work, list_done, l);
}

static void on_tick(uv_timer_t *timer)
{
    struct fleet *fleet = timer->data;
    runtime_push_unsent(fleet->g->runtime);
    if (fleet->tokens_unread)
        read_tokens(fleet);
    if (!fleet->listing && uv_now(&fleet->g->loop) - fleet->listed_ms >= LIST_MS)
        list_gateways(fleet);
}

/* ---- life ---- */

int gateway_follow(struct gateway *g, struct error *err)
{
    if (!store_is_shared(g->store))
        return 0;
    struct fleet *fleet = g->fleet = alloc_zero(1, sizeof *fleet);
    fleet->g = g;
    fleet->last = &fleet->first;
    pthread_mutex_init(&fleet->lock, NULL);
    net_make_async(&g->loop, &fleet->wake, on_wake);
    uv_timer_init(&g->loop, &fleet->timer);
    fleet->wake.data = fleet->timer.data = fleet;
    uv_timer_start(&fleet->timer, on_tick, TICK_MS, TICK_MS);
    uv_unref((uv_handle_t *)&fleet->wake);
    uv_unref((uv_handle_t *)&fleet->timer);
    list_gateways(fleet);
    return store_follow(g->store, add_batch, fleet, err);
}

static void free_fleet(uv_handle_t *handle)
{
    struct fleet *fleet = handle->data;
    for (struct batch *b = take_batches(fleet); b; b = drop_batch(b))
        continue;
    pthread_mutex_destroy(&fleet->lock);
    free(fleet);
}

static void timer_closed(uv_handle_t *handle)
{
    struct fleet *fleet = handle->data;
    uv_close((uv_handle_t *)&fleet->wake, free_fleet);
}

void gateway_unfollow(struct gateway *g)
{
    if (!g->fleet)
        return;
    store_unfollow(g->store);
    uv_close((uv_handle_t *)&g->fleet->timer, timer_closed);
    g->fleet = NULL;
}
