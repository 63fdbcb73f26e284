/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/credentials/refresh.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/jobs.h"
#include "secret/fetch.h"
#include "secret/oauth.h"

enum { TICK_MS = 1000, LOOK_MS = 30000 };

struct entry {
    struct entry *next;
    char *id;
    bool seen;                                      /* in the look under way */
    struct refresh_status status;
};

/* Who waits for a fetch. */
struct fetch_wait {
    struct fetch_wait *next;
    bool begun;                                     /* by the look under way */
    void (*done)(void *arg);
    void *arg;
};

struct refresher {
    uv_timer_t timer;
    struct runtime *runtime;
    const char *program;                            /* sluice-fetch */
    const struct providers *providers;
    struct jobs *jobs;
    const struct log *log;
    bool busy, wanted;
    _Atomic bool closing;
    int64_t looked_ms;
    struct fetch_wait *waits;
    pthread_mutex_t lock;                           /* guards entries */
    struct entry *entries;
};

/* A look at all providers. */
struct look {
    struct refresher *r;
    struct arena *arena;
    struct provider_change **changed;
    size_t n, told;
    bool leads; /* else another gateway fetches, and what it has put on record is read again */
    bool fetches;
};

/* ---- entries; under the lock ---- */

static struct entry *find(struct refresher *r, const char *id)
{
    struct entry *e = r->entries;
    while (e && strcmp(e->id, id) != 0)
        e = e->next;
    return e;
}

static struct entry *find_or_add(struct refresher *r, const char *id)
{
    struct entry *e = find(r, id);
    if (e)
        return e;
    e = alloc_zero(1, sizeof *e);
    e->id = alloc_str(id);
    strcpy(e->status.word, "pending");
    e->next = r->entries;
    r->entries = e;
    return e;
}

static void drop_unseen(struct refresher *r)
{
    for (struct entry **at = &r->entries; *at;) {
        struct entry *e = *at;
        if (e->seen) {
            e->seen = false;
            at = &e->next;
            continue;
        }
        *at = e->next;
        free(e->id);
        free(e);
    }
}

void refresher_status(struct refresher *r, const char *id, struct refresh_status *out)
{
    *out = (struct refresh_status){.word = "pending"};
    pthread_mutex_lock(&r->lock);
    const struct entry *e = find(r, id);
    if (e)
        *out = e->status;
    pthread_mutex_unlock(&r->lock);
}

/* ---- on record; worker threads ---- */

/* For a gateway that starts anew. */
static json_t *encode_status(const struct refresh_status *s)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:i}", "word", s->word, "error", s->error,
                     "last_ms", (json_int_t)s->last_ms, "next_ms", (json_int_t)s->next_ms,
                     "expires_ms", (json_int_t)s->expires_ms, "failures", (int)s->failures);
}

static bool decode_status(json_t *json, struct refresh_status *out)
{
    const char *word, *error;
    json_int_t last, next, expires;
    int failures;
    if (json_unpack(json, "{s:s, s:s, s:I, s:I, s:I, s:i}", "word", &word, "error", &error,
                    "last_ms", &last, "next_ms", &next, "expires_ms", &expires, "failures",
                    &failures) != 0)
        return false;
    *out = (struct refresh_status){.last_ms = last, .next_ms = next, .expires_ms = expires,
                                   .failures = failures > 0 ? (unsigned)failures : 0};
    snprintf(out->word, sizeof out->word, "%s", word);
    snprintf(out->error, sizeof out->error, "%s", error);
    return true;
}

/* A failure is tried again at once: a start is often meant to mend it.  So is what was fetched
 * after now, by a clock that has been set back. */
static void recall(struct refresher *r, const struct provider_facts *facts)
{
    struct refresh_status status;
    pthread_mutex_lock(&r->lock);
    bool known = find(r, facts->provider.id) != NULL;
    pthread_mutex_unlock(&r->lock);
    json_t *json = known ? NULL : providers_status(r->providers, facts);
    if (json && decode_status(json, &status)) {
        if (status.failures || status.last_ms > clock_now_ms())
            status.next_ms = 0;
        pthread_mutex_lock(&r->lock);
        if (!find(r, facts->provider.id))
            find_or_add(r, facts->provider.id)->status = status;
        pthread_mutex_unlock(&r->lock);
    }
    json_decref(json);
}

static void keep_status(struct refresher *r, const struct provider_facts *facts,
                        const struct refresh_status *status, struct arena *arena)
{
    json_t *json = encode_status(status);
    struct error err;
    if (providers_keep_status(r->providers, facts, json, arena, &err) != 0)
        log_warn(r->log, "provider %s: how its refresh came out is not on record: %s",
                 facts->provider.name, err.text);
    json_decref(json);
}

/* ---- one provider; worker threads ---- */

static int keep(const struct refresher *r, const struct provider_facts *facts, json_t *parts,
                const struct oauth_answer *answer, struct arena *arena, struct error *err)
{
    struct provider_value values[OAUTH_VALUES_MAX];
    for (size_t i = 0; i < answer->n; i++)
        values[i] = (struct provider_value){answer->names[i], answer->values[i]};
    if (answer->refresh_token)
        json_object_set_new(parts, "refresh_token", json_string(answer->refresh_token));
    const struct provider_values fetched = {.items = values, .n = answer->n};
    return providers_renew(r->providers, facts, &fetched, answer->refresh_token ? parts : NULL,
                           arena, err);
}

static int ask(const struct refresher *r, const struct provider_facts *facts, json_t *parts,
               struct arena *arena, int64_t *expires_ms, struct error *err)
{
    struct oauth_request request;
    struct oauth_answer answer;
    struct buf body = {0};
    int status = -1, rc = -1;
    if (oauth_ask(parts, clock_now_ms(), &request, err) == 0)
        status = fetch_token(r->program, &request, &body, err);
    if (status >= 0 && oauth_read(parts, status, &body, clock_now_ms(), &answer, err) == 0) {
        rc = keep(r, facts, parts, &answer, arena, err);
        *expires_ms = answer.expires_at_ms;
        oauth_answer_free(&answer);
    }
    oauth_request_free(&request);
    buf_wipe(&body);
    return rc;
}

/* A tenth of its life before it ends, a minute at least. */
static int64_t next_of(int64_t now_ms, int64_t expires_ms)
{
    int64_t life = expires_ms ? expires_ms - now_ms : REFRESH_UNTOLD_MS * 10 / 9;
    int64_t early = life / 10 > 60000 ? life / 10 : 60000;
    int64_t wait = life - early;
    return now_ms + (wait > REFRESH_LEAST_MS ? wait : REFRESH_LEAST_MS);
}

static struct refresh_status note(struct refresher *r, const char *id, bool good,
                                  int64_t expires_ms, const struct error *err)
{
    int64_t now = clock_now_ms(), wait = REFRESH_RETRY_MS;
    pthread_mutex_lock(&r->lock);
    struct refresh_status *s = &find_or_add(r, id)->status;
    s->failures = good ? 0 : s->failures + 1;
    for (unsigned i = 1; i < s->failures && wait < REFRESH_RETRY_MAX_MS; i++)
        wait *= 2;
    snprintf(s->word, sizeof s->word, "%s", good ? "refreshed" : "failed");
    snprintf(s->error, sizeof s->error, "%s", good ? "" : err->text);
    if (good) {
        s->last_ms = now;
        s->expires_ms = expires_ms;
    }
    s->next_ms = good ? next_of(now, expires_ms)
                      : now + (wait < REFRESH_RETRY_MAX_MS ? wait : REFRESH_RETRY_MAX_MS);
    struct refresh_status noted = *s;
    pthread_mutex_unlock(&r->lock);
    return noted;
}

static void refresh(struct look *look, const struct provider_facts *facts)
{
    struct refresher *r = look->r;
    struct error err = {0};
    int64_t expires_ms = 0;
    json_t *parts = providers_parts(r->providers, facts, &err);
    bool good = parts && ask(r, facts, parts, look->arena, &expires_ms, &err) == 0;
    json_decref(parts);
    const struct refresh_status now = note(r, facts->provider.id, good, expires_ms, &err);
    keep_status(r, facts, &now, look->arena);
    if (!good)
        log_warn(r->log, "provider %s cannot be refreshed: %s", facts->provider.name, err.text);
    else
        look->changed[look->n++] =
            providers_change(facts, "refreshed", "gateway", NULL, look->arena);
}

/* All but what somebody asked this gateway for. */
static void forget_others(struct refresher *r)
{
    pthread_mutex_lock(&r->lock);
    for (struct entry *e = r->entries; e; e = e->next)
        e->seen = e->status.next_ms == 0;
    drop_unseen(r);
    pthread_mutex_unlock(&r->lock);
}

static bool is_due(struct refresher *r, const char *id)
{
    pthread_mutex_lock(&r->lock);
    struct entry *e = find_or_add(r, id);
    e->seen = true;
    bool due = e->status.next_ms <= clock_now_ms();
    pthread_mutex_unlock(&r->lock);
    return due;
}

static void look_work(void *arg)
{
    struct look *look = arg;
    struct refresher *r = look->r;
    struct store_provider *list;
    struct error err;
    size_t n;
    if (store_provider_list(r->providers->store, look->arena, &list, &n, &err) != 0) {
        log_error(r->log, "cannot read the providers: %s", err.text);
        return;
    }
    if (!look->leads)
        forget_others(r);
    look->changed = arena_zalloc(look->arena, (n + 1) * sizeof(struct provider_change *));
    struct provider_facts *facts = arena_zalloc(look->arena, (n + 1) * sizeof *facts);
    for (size_t i = 0; i < n; i++)
        if (providers_get(r->providers, list[i].name, look->arena, &facts[i], &err) != 0)
            facts[i].refresh = NULL;
        else if (facts[i].refresh)
            recall(r, &facts[i]);
    for (size_t i = 0; i < n && !r->closing; i++)
        if (facts[i].refresh && is_due(r, facts[i].provider.id) && look->fetches)
            refresh(look, &facts[i]);
    pthread_mutex_lock(&r->lock);
    if (!r->closing)
        drop_unseen(r);
    pthread_mutex_unlock(&r->lock);
}

/* ---- the loop ---- */

/* all: also those whose fetch has not begun. */
static void tell_waits(struct refresher *r, bool all)
{
    struct fetch_wait *ended = NULL;
    for (struct fetch_wait **at = &r->waits; *at;) {
        struct fetch_wait *w = *at;
        if (!all && !w->begun) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = ended;
        ended = w;
    }
    while (ended) {
        struct fetch_wait *w = ended;
        ended = w->next;
        w->done(w->arg);
        free(w);
    }
}

static void on_tick(uv_timer_t *timer);

static void end_look(struct look *look)
{
    struct refresher *r = look->r;
    arena_wipe(look->arena);
    free(look);
    r->busy = false;
    tell_waits(r, r->closing);
    if (r->waits)
        on_tick(&r->timer);
}

static void told(void *arg, const struct error *err)
{
    struct look *look = arg;
    (void)err;
    if (++look->told >= look->n)
        end_look(look);
}

static void look_done(void *arg)
{
    struct look *look = arg;
    if (!look->n) {
        end_look(look);
        return;
    }
    struct runtime *runtime = look->r->runtime;
    for (size_t i = 0, n = look->n; i < n; i++)
        runtime_tell_provider(runtime, look->changed[i], told, look);
}

static bool is_any_due(struct refresher *r)
{
    int64_t now = clock_now_ms();
    bool due = false;
    pthread_mutex_lock(&r->lock);
    for (const struct entry *e = r->entries; e && !due; e = e->next)
        due = e->status.next_ms <= now;
    pthread_mutex_unlock(&r->lock);
    return due || r->wanted || now - r->looked_ms >= LOOK_MS || now < r->looked_ms;
}

static void on_tick(uv_timer_t *timer)
{
    struct refresher *r = timer->data;
    if (r->busy || r->closing || !is_any_due(r))
        return;
    struct look *look = alloc_zero(1, sizeof *look);
    *look = (struct look){.r = r, .arena = arena_new(), .leads = runtime_leads(r->runtime)};
    look->fetches = look->leads || r->wanted;
    r->busy = true;
    r->wanted = false;
    for (struct fetch_wait *w = r->waits; w; w = w->next)
        w->begun = true;
    r->looked_ms = clock_now_ms();
    jobs_run(r->jobs, "refresh of credentials", look_work, look_done, look);
}

void refresher_look(struct refresher *r)
{
    r->wanted = true;
    on_tick(&r->timer);
}

void refresher_fetch(struct refresher *r, const char *id, void (*done)(void *arg), void *arg)
{
    struct fetch_wait *w = alloc_zero(1, sizeof *w);
    *w = (struct fetch_wait){.next = r->waits, .done = done, .arg = arg};
    r->waits = w;
    pthread_mutex_lock(&r->lock);
    find_or_add(r, id)->status.next_ms = 0;
    pthread_mutex_unlock(&r->lock);
    if (r->closing)
        tell_waits(r, true);
    else
        refresher_look(r);
}

struct refresher *refresher_new(uv_loop_t *loop, struct runtime *runtime, const char *program,
                                const struct providers *providers, struct jobs *jobs,
                                const struct log *log)
{
    struct refresher *r = alloc_zero(1, sizeof *r);
    *r = (struct refresher){.runtime = runtime, .program = program, .providers = providers,
                            .jobs = jobs, .log = log};
    pthread_mutex_init(&r->lock, NULL);
    uv_timer_init(loop, &r->timer);
    r->timer.data = r;
    uv_timer_start(&r->timer, on_tick, TICK_MS, TICK_MS);
    uv_unref((uv_handle_t *)&r->timer);
    return r;
}

static void timer_closed(uv_handle_t *timer)
{
    struct refresher *r = timer->data;
    for (struct entry *e = r->entries; e; e = e->next)
        e->seen = false;
    drop_unseen(r);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void refresher_stop(struct refresher *r)
{
    if (!r)
        return;
    r->closing = true;
    if (!r->busy)
        tell_waits(r, true);
}

void refresher_close(struct refresher *r)
{
    if (!r)
        return;
    r->closing = true;
    uv_close((uv_handle_t *)&r->timer, timer_closed);
}
