/* SPDX-License-Identifier: Apache-2.0 */
/* The voters of the chain that judge requests: on their way to supervisors, and what those say of
 * them. */
#include "runtime/inspectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/sandbox.h"

struct inspected {
    struct inspected *next;
    char *voter;
    struct inspect_counts counts;
};

/* A sandbox whose supervisor has not loaded them: it has not answered yet, or it could not. */
struct not_inspecting {
    struct not_inspecting *next;
    char *sandbox, *error;                          /* error NULL: it has not answered */
};

struct runtime_inspectors {
    char *config, *base_dir;                        /* config "": nobody judges requests */
    char digest[DIGEST_HEX_SIZE];
    bool changed;                                   /* supervisors are to be told */
    struct inspected *counts;
    struct not_inspecting *behind;
    uv_cond_t answered;                             /* with the runtime's lock */
};

/* ---- what the chain has ---- */

static const char *absolute(const char *path, struct arena *arena)
{
    char *real = realpath(path, NULL);
    const char *copy = arena_str(arena, real ? real : path);
    free(real);
    return copy;
}

/* As the gateway has loaded it: its file, its digest and its name. */
static const struct chain_voter_config *pin(const struct chain_voter_config *from,
                                            const struct chain_voter_info *info,
                                            struct arena *arena)
{
    struct chain_voter_config *voter = arena_alloc(arena, sizeof *voter);
    *voter = *from;
    voter->name = info->name;
    voter->sha256 = info->sha256;
    if (voter->script && *voter->script)
        voter->script = absolute(info->path, arena);
    return voter;
}

/* Empty where no voter looks at requests. */
static void print_config(struct chain *chain, const struct chain_config *config,
                         struct arena *arena, struct buf *out)
{
    struct chain_config wanted = *config;
    const struct chain_voter_config **voters =
        arena_zalloc(arena, (chain_size(chain) + 1) * sizeof *voters);
    const char **dirs = arena_zalloc(arena, (config->n_plugin_dirs + 1) * sizeof *dirs);
    wanted.n_voters = 0;
    for (size_t i = 0; i < config->n_voters; i++) {
        struct chain_voter_info info;
        chain_describe(chain, i, &info);
        if (info.inspects)
            voters[wanted.n_voters++] = pin(config->voters[i], &info, arena);
    }
    for (size_t i = 0; i < config->n_plugin_dirs; i++)
        dirs[i] = absolute(config->plugin_dirs[i], arena);
    wanted.voters = voters;
    wanted.plugin_dirs = dirs;
    if (wanted.n_voters)
        schema_encode_json(&chain_config_schema, &wanted, out);
}

static void make_digest(struct runtime_inspectors *i)
{
    struct digest *digest = digest_new();
    digest_add_str(digest, i->base_dir);
    digest_add_str(digest, i->config);
    digest_hex(digest, i->digest);
    if (!*i->config)
        i->digest[0] = '\0';
}

struct runtime_inspectors *runtime_inspectors_new(void)
{
    struct runtime_inspectors *i = alloc_zero(1, sizeof *i);
    i->config = alloc_str("");
    i->base_dir = alloc_str("");
    uv_cond_init(&i->answered);
    return i;
}

static void forget_behind(struct runtime_inspectors *i, const char *sandbox)
{
    for (struct not_inspecting **at = &i->behind, *f; (f = *at);) {
        if (strcmp(f->sandbox, sandbox) != 0) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        free(f->sandbox);
        free(f->error);
        free(f);
    }
}

static void note_behind(struct runtime_inspectors *i, const char *sandbox, const char *error)
{
    struct not_inspecting *f = alloc_zero(1, sizeof *f);
    *f = (struct not_inspecting){i->behind, alloc_str(sandbox), alloc_str(error)};
    i->behind = f;
}

void runtime_inspectors_free(struct runtime_inspectors *i)
{
    for (struct inspected *c = i->counts, *next; c; c = next) {
        next = c->next;
        free(c->voter);
        free(c);
    }
    while (i->behind)
        forget_behind(i, i->behind->sandbox);
    uv_cond_destroy(&i->answered);
    free(i->config);
    free(i->base_dir);
    free(i);
}

void runtime_set_inspectors(struct runtime *all, struct chain *chain,
                            const struct chain_config *config)
{
    struct arena *arena = arena_new();
    struct buf text = {0};
    print_config(chain, config, arena, &text);
    buf_puts(&text, "");
    uv_mutex_lock(&all->lock);
    struct runtime_inspectors *i = all->inspectors;
    free(i->config);
    free(i->base_dir);
    i->config = text.len ? buf_take(&text) : alloc_str("");
    i->base_dir = alloc_str(config->base_dir ? config->base_dir : "");
    char before[DIGEST_HEX_SIZE];
    memcpy(before, i->digest, sizeof before);
    make_digest(i);
    i->changed = strcmp(before, i->digest) != 0 || i->behind || i->changed;
    uv_mutex_unlock(&all->lock);
    buf_free(&text);
    arena_free(arena);
    uv_async_send(&all->wake);
}

/* ---- to supervisors ---- */

bool inspectors_of_runtime(struct runtime *all, struct arena *arena,
                           struct sandbox_inspectors *out)
{
    uv_mutex_lock(&all->lock);
    const struct runtime_inspectors *i = all->inspectors;
    *out = (struct sandbox_inspectors){.digest = arena_str(arena, i->digest),
                                       .base_dir = arena_str(arena, i->base_dir),
                                       .config = arena_str(arena, i->config)};
    uv_mutex_unlock(&all->lock);
    return *out->config;
}

static void send_to(struct sandbox *s, const struct sandbox_inspectors *inspectors)
{
    if (!s->proxy)
        return;
    uv_mutex_lock(&s->all->lock);
    forget_behind(s->all->inspectors, s->name);
    note_behind(s->all->inspectors, s->name, NULL);
    uv_mutex_unlock(&s->all->lock);
    sandbox_send(s, &(struct sandbox_message){.type = MESSAGE_INSPECTORS,
                                              .inspectors = *inspectors});
}

void sandbox_send_inspectors(struct sandbox *s, const char *at_work)
{
    struct arena *arena = arena_new();
    struct sandbox_inspectors inspectors;
    inspectors_of_runtime(s->all, arena, &inspectors);
    if (strcmp(inspectors.digest, at_work ? at_work : "") != 0)
        send_to(s, &inspectors);
    arena_free(arena);
}

/* To all of them; those of a reload meanwhile are sent by the next turn. */
static void sent(struct runtime *all, const char *digest)
{
    uv_mutex_lock(&all->lock);
    all->inspectors->changed = strcmp(digest, all->inspectors->digest) != 0;
    uv_cond_broadcast(&all->inspectors->answered);
    uv_mutex_unlock(&all->lock);
}

void runtime_send_inspectors(struct runtime *all)
{
    struct arena *arena = arena_new();
    struct sandbox_inspectors inspectors;
    uv_mutex_lock(&all->lock);
    bool changed = all->inspectors->changed;
    uv_mutex_unlock(&all->lock);
    inspectors_of_runtime(all, arena, &inspectors);
    for (struct sandbox *s = all->list; changed && s; s = s->next)
        if (s->ready)
            send_to(s, &inspectors);
    if (changed)
        sent(all, inspectors.digest);
    arena_free(arena);
}

/* ---- from supervisors ---- */

static void answer(struct runtime_inspectors *i, const char *sandbox, const char *error)
{
    forget_behind(i, sandbox);
    if (error)
        note_behind(i, sandbox, error);
    uv_cond_broadcast(&i->answered);
}

void sandbox_inspecting(struct sandbox *s, const struct sandbox_inspectors *said)
{
    struct runtime *all = s->all;
    bool failed = said->error && *said->error;
    uv_mutex_lock(&all->lock);
    if (strcmp(said->digest, all->inspectors->digest) == 0)
        answer(all->inspectors, s->name, failed ? said->error : NULL);
    uv_mutex_unlock(&all->lock);
    if (failed)
        log_error(all->setup.log, "sandbox %s: %s", s->name, said->error);
    events_publish(all->setup.events, "inspectors", s->name,
                   json_pack("{s:s, s:s}", "digest", said->digest, "error",
                             failed ? said->error : ""));
}

void sandbox_not_inspecting(struct sandbox *s)
{
    uv_mutex_lock(&s->all->lock);
    answer(s->all->inspectors, s->name, NULL);
    uv_mutex_unlock(&s->all->lock);
}

static struct inspected *count_of(struct runtime_inspectors *i, const char *voter)
{
    struct inspected *c = i->counts;
    while (c && strcmp(c->voter, voter) != 0)
        c = c->next;
    if (!c) {
        c = alloc_zero(1, sizeof *c);
        *c = (struct inspected){.next = i->counts, .voter = alloc_str(voter)};
        i->counts = c;
    }
    return c;
}

static void add_counts(struct inspect_counts *to, const struct inspect_counts *more)
{
    to->requests += more->requests;
    to->denials += more->denials;
    to->holds += more->holds;
    to->errors += more->errors;
    to->quarantines += more->quarantines;
    to->took_us += more->took_us;
#define X(name, us) to->took.name += more->took.name;
    INSPECT_TIMES(X)
#undef X
}

void sandbox_inspected(struct sandbox *s, const struct sandbox_inspected *batch)
{
    uv_mutex_lock(&s->all->lock);
    for (size_t i = 0; i < batch->n && i < INSPECTED_MAX; i++) {
        const struct sandbox_inspected_item *item = &batch->items[i];
        struct inspected *c = count_of(s->all->inspectors, item->voter);
        add_counts(&c->counts, &item->counts);
    }
    uv_mutex_unlock(&s->all->lock);
}

/* ---- for whoever asks ---- */

static bool is_awaited(const struct runtime_inspectors *i)
{
    const struct not_inspecting *b = i->behind;
    while (b && b->error)
        b = b->next;
    return i->changed || b;
}

void runtime_await_inspectors(struct runtime *all, uint64_t timeout_ms)
{
    uint64_t now = uv_hrtime(), end = now + timeout_ms * 1000000;
    uv_mutex_lock(&all->lock);
    for (; is_awaited(all->inspectors) && now < end; now = uv_hrtime())
        uv_cond_timedwait(&all->inspectors->answered, &all->lock, end - now);
    uv_mutex_unlock(&all->lock);
}

struct inspect_counts runtime_inspected(struct runtime *all, const char *voter)
{
    struct inspect_counts counts = {0};
    uv_mutex_lock(&all->lock);
    for (const struct inspected *c = all->inspectors->counts; c; c = c->next)
        if (strcmp(c->voter, voter) == 0)
            counts = c->counts;
    uv_mutex_unlock(&all->lock);
    return counts;
}

json_t *runtime_not_inspecting(struct runtime *all)
{
    json_t *list = json_array();
    uv_mutex_lock(&all->lock);
    for (const struct not_inspecting *b = all->inspectors->behind; b; b = b->next)
        json_array_append_new(list, json_pack("{s:s, s:s}", "sandbox", b->sandbox, "error",
                                              b->error ? b->error
                                                       : "its supervisor has not loaded the "
                                                         "voters on requests yet"));
    uv_mutex_unlock(&all->lock);
    return list;
}
