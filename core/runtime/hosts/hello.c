/* SPDX-License-Identifier: Apache-2.0 */
/* A host registers: its sandboxes are this gateway's from then on, what ended meanwhile has ended,
 * and what was deleted meanwhile is deleted there too. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/hosts/parts.h"

struct greeting {
    struct runtime *all;
    struct link *link;                              /* that it came by: it may be gone since */
    char *name;
    struct arena *arena;
    const char *const *ids;                         /* the running ones first */
    size_t n_running, n;
    bool *deleted, *known;                          /* of each id */
    struct store_sandbox *records;                  /* all sandboxes that live */
    size_t n_records;
    struct error err;
    int rc;
};

/* ---- in the store ---- */

/* A sandbox of this host is at home at the gateway that the host is connected to. */
static int take_homes(struct store_tx *tx, void *arg, struct error *err)
{
    const struct greeting *g = arg;
    for (size_t i = 0; i < g->n_records; i++)
        if (strcmp(g->records[i].host, g->name) == 0 &&
            store_tx_sandbox_home(tx, g->records[i].id, err) != 0)
            return -1;
    return 0;
}

static int look_up(struct greeting *g, size_t i)
{
    struct store_sandbox s;
    struct error err;
    if (store_sandbox_by_id(g->all->setup.store, g->ids[i], g->arena, &s, &err) != 0) {
        if (err.kind == ERROR_NOT_FOUND)
            return 0;
        g->err = err;
        return -1;
    }
    g->known[i] = strcmp(s.host, g->name) == 0;
    g->deleted[i] = g->known[i] && s.deleted_at_ms;
    return 0;
}

static void greeting_work(void *arg)
{
    struct greeting *g = arg;
    struct store *store = g->all->setup.store;
    g->rc = 0;
    for (size_t i = 0; g->rc == 0 && i < g->n; i++)
        g->rc = look_up(g, i);
    for (size_t i = 0; g->rc == 0 && i < g->n_running; i++)
        if (!g->known[i])
            g->rc = error_set(&g->err, ERROR_STATE,
                              "sandbox %.40s runs there, which this gateway never placed there: it "
                              "belongs to another gateway, or the host has the token of another "
                              "host", g->ids[i]);
    if (g->rc == 0)
        g->rc = store_sandbox_list(store, g->arena, &g->records, &g->n_records, &g->err);
    if (g->rc == 0)
        g->rc = store_write(store, take_homes, g, &g->err);
}

/* ---- on the loop ---- */

static bool runs(const struct greeting *g, const char *id)
{
    for (size_t i = 0; i < g->n_running; i++)
        if (strcmp(g->ids[i], id) == 0)
            return true;
    return false;
}

/* One that another gateway had has the state that is on record. */
static struct sandbox *take(struct greeting *g, const struct store_sandbox *record)
{
    struct runtime *all = g->all;
    struct sandbox *s = sandbox_find(all, record->id);
    bool mine = s && !sandbox_is_foreign(s);
    if (!s)
        s = sandbox_add(all, record);
    free(s->home);
    s->home = alloc_str(all->setup.gateway_id);
    if (!mine) {
        snprintf(s->token_hash, sizeof s->token_hash, "%s", record->token_hash);
        s->failed = strcmp(record->phase, "error") == 0;
        s->state = s->failed || strcmp(record->phase, "stopped") == 0 ? SANDBOX_DOWN : SANDBOX_UP;
    }
    return s;
}

static void meet(struct greeting *g, struct host *h, const struct store_sandbox *record)
{
    struct sandbox *s = take(g, record);
    bool running = runs(g, record->id);
    if (running && s->state == SANDBOX_DOWN && !s->removing)
        host_send(h, MESSAGE_KILL, s->id, NULL);
    else if (!running && s->state != SANDBOX_DOWN && !s->preparing)
        sandbox_ended(s);
}

static void welcome(struct greeting *g, struct host *h)
{
    for (size_t i = 0; i < g->n_records; i++)
        if (strcmp(g->records[i].host, g->name) == 0)
            meet(g, h, &g->records[i]);
    for (size_t i = 0; i < g->n; i++)
        if (g->deleted[i])
            host_send(h, MESSAGE_REMOVE, g->ids[i], NULL);
    uv_mutex_lock(&g->all->lock);
    h->ready = true;
    h->seen_ms = clock_now_ms();
    uv_mutex_unlock(&g->all->lock);
    link_send(h->link, &(struct sandbox_message){.type = MESSAGE_HOST_WELCOME});
    log_info(g->all->setup.log, "host %s (%s) is registered, %zu sandboxes run there", h->name,
             h->origin, g->n_running);
    host_publish(h, "ready", "");
    hosts_count(g->all);
}

static void greeting_done(void *arg)
{
    struct greeting *g = arg;
    struct host *h = host_find(g->all, g->name);
    if (h && h->link && h->link == g->link && !g->all->closing) {
        if (g->rc == 0)
            welcome(g, h);
        else
            host_refuse(h, g->err.text);
    }
    arena_free(g->arena);
    free(g->name);
    free(g);
}

static const char **copy_ids(const struct host_hello *hello, struct arena *arena)
{
    size_t n = hello->n_running + hello->n_stopped;
    const char **ids = arena_zalloc(arena, (n + 1) * sizeof *ids);
    for (size_t i = 0; i < n; i++)
        ids[i] = arena_str(arena, i < hello->n_running ? hello->running[i]
                                                       : hello->stopped[i - hello->n_running]);
    return ids;
}

static void keep(char **text, const char *from, size_t max)
{
    free(*text);
    *text = strlen(from) <= max ? alloc_str(from) : alloc_str("");
}

/* Labels that are no map of texts are none. */
static char *read_labels(const char *text)
{
    enum { LABELS_BYTES_MAX = 64 * 1024 };
    json_t *labels = strlen(text) <= LABELS_BYTES_MAX ? json_loads(text, 0, NULL) : NULL, *value;
    const char *key;
    bool good = json_is_object(labels);
    json_object_foreach(labels, key, value)
        good = good && json_is_string(value);
    char *out = good ? json_dumps(labels, JSON_COMPACT) : NULL;
    json_decref(labels);
    return out ? out : alloc_str("{}");
}

void host_greet(struct host *h, const struct host_hello *hello)
{
    char why[128];
    h->greeted = true;
    if (hello->protocol != SANDBOX_PROTOCOL_VERSION ||
        hello->n_running + hello->n_stopped > HOST_SANDBOXES_MAX) {
        snprintf(why, sizeof why, "it speaks protocol %u and has %zu sandboxes; this gateway "
                 "speaks %u and takes %d", hello->protocol, hello->n_running + hello->n_stopped,
                 SANDBOX_PROTOCOL_VERSION, HOST_SANDBOXES_MAX);
        host_refuse(h, why);
        return;
    }
    uv_mutex_lock(&h->all->lock);
    free(h->labels);
    h->labels = read_labels(hello->labels);
    keep(&h->version, hello->version, 64);
    keep(&h->unable, hello->unable ? hello->unable : "", 1024);
    h->capacity = hello->capacity;
    uv_mutex_unlock(&h->all->lock);
    struct arena *arena = arena_new();
    struct greeting *g = alloc_zero(1, sizeof *g);
    size_t n = hello->n_running + hello->n_stopped;
    *g = (struct greeting){.all = h->all, .link = h->link, .name = alloc_str(h->name),
                           .arena = arena, .ids = copy_ids(hello, arena),
                           .n_running = hello->n_running, .n = n,
                           .deleted = arena_zalloc(arena, n + 1),
                           .known = arena_zalloc(arena, n + 1)};
    jobs_run(h->all->setup.jobs, NULL, greeting_work, greeting_done, g);
}
