/* SPDX-License-Identifier: Apache-2.0 */
/* The other gateways of the store: whose sandboxes are whose, and what this one has to do after
 * another one wrote something. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/peers/peers.h"
#include "runtime/sandbox.h"

/* ---- who they are ---- */

struct runtime_gateway {
    char *id, *name;
    int64_t seen_at_ms;
    bool alive;
};

/* Under the lock. */
static void drop_gateways(struct runtime *all)
{
    for (size_t i = 0; i < all->n_gateways; i++) {
        free(all->gateways[i].id);
        free(all->gateways[i].name);
    }
    free(all->gateways);
    all->gateways = NULL;
    all->n_gateways = 0;
}

void runtime_free_gateways(struct runtime *all)
{
    drop_gateways(all);
}

void runtime_set_gateways(struct runtime *all, const struct store_gateway *list, size_t n)
{
    uv_mutex_lock(&all->lock);
    drop_gateways(all);
    all->gateways = alloc_zero(n + 1, sizeof *all->gateways);
    for (; all->n_gateways < n; all->n_gateways++) {
        const struct store_gateway *g = &list[all->n_gateways];
        all->gateways[all->n_gateways] = (struct runtime_gateway){
            alloc_str(g->id), alloc_str(g->name), g->seen_at_ms, g->alive};
    }
    uv_mutex_unlock(&all->lock);
    peers_check(all);
}

/* Around the end of a gateway two may do, or none, until they have heard of it. */
bool runtime_leads(struct runtime *all)
{
    const char *self = all->setup.gateway_id;
    const char *first = "";
    if (!*self)
        return true;
    uv_mutex_lock(&all->lock);
    for (size_t i = 0; i < all->n_gateways && !*first; i++)
        if (all->gateways[i].alive)
            first = all->gateways[i].id;
    bool leads = strcmp(first, self) == 0;
    uv_mutex_unlock(&all->lock);
    return leads;
}

/* ---- homes ---- */

static bool is_elsewhere(const struct runtime *all, const char *home)
{
    const char *self = all->setup.gateway_id;
    return *self && *home && strcmp(home, self) != 0;
}

bool sandbox_is_foreign(const struct sandbox *s)
{
    return is_elsewhere(s->all, s->home);
}

/* Under the lock. */
static const struct runtime_gateway *find_gateway(const struct runtime *all, const char *id)
{
    for (size_t i = 0; i < all->n_gateways; i++)
        if (strcmp(all->gateways[i].id, id) == 0)
            return &all->gateways[i];
    return NULL;
}

bool runtime_gateway_lives(struct runtime *all, const char *id)
{
    uv_mutex_lock(&all->lock);
    const struct runtime_gateway *g = find_gateway(all, id);
    bool alive = g && g->alive;
    uv_mutex_unlock(&all->lock);
    return alive;
}

int runtime_refuse_foreign(const struct runtime *all, const char *sandbox, const char *home,
                           struct error *err)
{
    char seen[CLOCK_TEXT_SIZE];
    uv_mutex_lock((uv_mutex_t *)&all->lock);
    const struct runtime_gateway *g = find_gateway(all, home);
    if (g && g->alive)
        error_set(err, ERROR_STATE, "sandbox '%s' runs at the gateway %s, which alone can do this: "
                  "ask that one, with --gateway, or give both of them peers.address", sandbox,
                  g->name);
    else
        error_set(err, ERROR_STATE, "sandbox '%s' runs at the gateway %s, which alone can do this "
                  "and was last heard of at %s: start it again", sandbox, g ? g->name : home,
                  g ? clock_format(g->seen_at_ms, seen) : "no time");
    uv_mutex_unlock((uv_mutex_t *)&all->lock);
    return -1;
}

int runtime_check_home(const struct runtime *all, const struct store_sandbox *record,
                       struct error *err)
{
    return is_elsewhere(all, record->home)
               ? runtime_refuse_foreign(all, record->name, record->home, err)
               : 0;
}

static struct sandbox *find_living(struct runtime *all, const char *id, struct error *err)
{
    struct sandbox *s = sandbox_find(all, id);
    if (s && !s->removing)
        return s;
    error_set(err, ERROR_NOT_FOUND, "the sandbox was deleted");
    return NULL;
}

struct sandbox *sandbox_at_home(struct runtime *all, const char *id, struct error *err)
{
    struct sandbox *s = find_living(all, id, err);
    return s && sandbox_check_home(s, err) == 0 ? s : NULL;
}

struct sandbox *sandbox_in_reach(struct runtime *all, const char *id, struct error *err)
{
    return all->peers ? find_living(all, id, err) : sandbox_at_home(all, id, err);
}

int sandbox_check_home(const struct sandbox *s, struct error *err)
{
    return sandbox_is_foreign(s) ? runtime_refuse_foreign(s->all, s->name, s->home, err) : 0;
}

struct runtime_home runtime_home_of(struct runtime *all, const struct store_sandbox *record,
                                    struct arena *arena)
{
    struct runtime_home home = {.gateway = "", .here = !is_elsewhere(all, record->home)};
    uv_mutex_lock(&all->lock);
    const struct runtime_gateway *g = find_gateway(all, record->home);
    if (g)
        home.gateway = arena_str(arena, g->name);
    home.alive = home.here || (g && g->alive);
    uv_mutex_unlock(&all->lock);
    return home;
}

/* ---- a record that was changed ---- */

struct reload {
    struct runtime *all;
    struct arena *arena;
    const char *id;
    struct store_sandbox record;
    struct error err;
    int rc;
};

static void reload_read(void *arg)
{
    struct reload *r = arg;
    r->rc = store_sandbox_by_id(r->all->setup.store, r->id, r->arena, &r->record, &r->err);
}

/* One that this gateway deletes is dropped by whoever does that. */
static void forget(struct sandbox *s)
{
    if (!s || s->removing || (!sandbox_is_foreign(s) && s->state != SANDBOX_DOWN))
        return;
    sandbox_forget(s);
    sandbox_drop(s);
}

static void reload_done(void *arg)
{
    struct reload *r = arg;
    struct sandbox *s = sandbox_find(r->all, r->id);
    if (r->rc != 0 && r->err.kind != ERROR_NOT_FOUND)
        log_error(r->all->setup.log, "cannot read a sandbox that was changed: %s", r->err.text);
    else if (r->rc != 0 || r->record.deleted_at_ms)
        forget(s);
    else
        sandbox_take_record(r->all, &r->record);
    peers_check(r->all);
    arena_free(r->arena);
    free(r);
}

/* In the order of the changes. */
static void reload(struct runtime *all, const char *id)
{
    struct reload *r = alloc_zero(1, sizeof *r);
    char *key = alloc_printf("reload of %s", id);
    struct arena *arena = arena_new();
    *r = (struct reload){.all = all, .arena = arena, .id = arena_str(arena, id)};
    jobs_run(all->setup.jobs, key, reload_read, reload_done, r);
    free(key);
}

/* ---- a new revision ---- */

/* One of this gateway's own is on its way already, unless whoever committed it did not learn that
 * it was. */
static void on_policy(struct runtime *all, const struct store_change *change)
{
    struct sandbox *s = sandbox_find(all, change->subject);
    if (!s || !s->ready || s->sent_revision >= change->number)
        return;
    if (change->own) {
        s->unsent[0] = change->number;
        return;
    }
    if (change->number > s->wanted_revision)
        s->wanted_revision = change->number;
    if (!s->catching_up)
        sandbox_catch_up(s, 0);
}

void runtime_push_unsent(struct runtime *all)
{
    for (struct sandbox *s = all->list; s; s = s->next) {
        if (s->ready && s->sent_revision < s->unsent[1] && !s->catching_up)
            sandbox_catch_up(s, 0);
        s->unsent[1] = s->unsent[0];
        s->unsent[0] = 0;
    }
}

/* ---- a chunk ---- */

struct chunk {
    struct runtime *all;
    char *sandbox, *sandbox_id, *id;
};

static void chunk_work(void *arg)
{
    const struct chunk *c = arg;
    struct arena *arena = arena_new();
    struct store_draft draft;
    struct error err;
    if (store_draft_get(c->all->setup.store, c->sandbox_id, c->id, arena, &draft, &err) == 0) {
        drafts_heard(c->all->setup.drafts, c->sandbox, &draft);
    } else if (err.kind != ERROR_NOT_FOUND) {
        log_error(c->all->setup.log, "cannot read a chunk that was changed: %s", err.text);
    }
    arena_free(arena);
}

static void chunk_done(void *arg)
{
    struct chunk *c = arg;
    free(c->sandbox);
    free(c->sandbox_id);
    free(c->id);
    free(c);
}

static void on_draft(struct runtime *all, const struct store_change *change)
{
    struct sandbox *s = sandbox_find(all, change->subject);
    if (!s || !s->ready)
        return;
    if (!*change->part) {
        runtime_reject(all, s->name, NULL);
        return;
    }
    struct chunk *c = alloc_zero(1, sizeof *c);
    *c = (struct chunk){all, alloc_str(s->name), alloc_str(s->id), alloc_str(change->part)};
    jobs_run(all->setup.jobs, s->name, chunk_work, chunk_done, c);
}

/* ---- anything ---- */

struct reload_all {
    struct runtime *all;
    struct arena *arena;
    struct store_sandbox *records;
    size_t n;
    struct error err;
    int rc;
};

static void reload_all_read(void *arg)
{
    struct reload_all *r = arg;
    r->rc = store_sandbox_list(r->all->setup.store, r->arena, &r->records, &r->n, &r->err);
}

static void reload_all_done(void *arg)
{
    struct reload_all *r = arg;
    if (r->rc != 0)
        log_error(r->all->setup.log, "cannot read what other gateways changed: %s", r->err.text);
    for (size_t i = 0; i < r->n; i++)
        if (!sandbox_find(r->all, r->records[i].id) && !sandbox_is_gone(r->all, r->records[i].id))
            sandbox_add(r->all, &r->records[i]);
    for (struct sandbox *s = r->all->list; s; s = s->next) {
        reload(r->all, s->id);
        if (s->ready)
            sandbox_catch_up(s, 0);
    }
    arena_free(r->arena);
    free(r);
}

static void on_all(struct runtime *all)
{
    struct reload_all *r = alloc_zero(1, sizeof *r);
    *r = (struct reload_all){.all = all, .arena = arena_new()};
    jobs_run(all->setup.jobs, NULL, reload_all_read, reload_all_done, r);
    runtime_equip_all(all);
}

void runtime_heard(struct runtime *all, const struct store_change *change)
{
    switch (change->topic) {
    case STORE_TOPIC_SANDBOX:
        reload(all, change->subject);
        break;
    case STORE_TOPIC_POLICY:
        on_policy(all, change);
        break;
    case STORE_TOPIC_DRAFT:
        if (!change->own)
            on_draft(all, change);
        break;
    case STORE_TOPIC_PROVIDER:
        if (!change->own)
            runtime_equip_all(all);
        break;
    case STORE_TOPIC_EVENT:
        if (change->event_type)
            events_receive(all->setup.events, change->number, change->event_type,
                           change->event_sandbox, change->event_json);
        break;
    case STORE_TOPIC_ALL:
        on_all(all);
        break;
    default:                                        /* of tokens the gateway knows */
        break;
    }
}
