/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a sandbox its credentials: when its supervisor connects, and whenever they change. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/credentials/inference.h"
#include "runtime/credentials/providers.h"
#include "runtime/sandbox.h"

enum { CONFIRM_MS = 5000 };

/* What is read from the store, sent, and confirmed. */
struct equipment {
    struct equipment *next;
    struct runtime *all;
    char *id;
    struct arena *arena;
    struct secret_credential *items;
    size_t n;
    struct sandbox_inference *inference;
    size_t n_inference;
    uint64_t number;
    int rc;
    struct error err;
    runtime_done *done;                             /* NULL: nobody waits */
    void *arg;
    uv_timer_t timer;
};

static void free_equipment(struct equipment *e)
{
    arena_wipe(e->arena);
    free(e->id);
    free(e);
}

static void finish(struct equipment *e, const struct error *err)
{
    if (e->done)
        e->done(e->arg, err);
    free_equipment(e);
}

/* ---- confirmed ---- */

static void timer_closed(uv_handle_t *timer)
{
    free_equipment(timer->data);
}

static void end_wait(struct sandbox *s, struct equipment *e, const struct error *err)
{
    struct equipment **at = &s->equipments;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    uv_close((uv_handle_t *)&e->timer, timer_closed);
    e->done(e->arg, err);
}

static void fail(struct sandbox *s, struct equipment *e, const char *why)
{
    struct error err;
    error_set(&err, ERROR_UPSTREAM, "sandbox '%s' has not confirmed its credentials: %s", s->name,
              why);
    end_wait(s, e, &err);
}

static void on_timeout(uv_timer_t *timer)
{
    struct equipment *e = timer->data;
    fail(sandbox_find(e->all, e->id), e, "its supervisor does not answer");
}

void sandbox_equipments_fail(struct sandbox *s)
{
    while (s->equipments)
        fail(s, s->equipments, "the connection to its supervisor broke");
}

void sandbox_equipped(struct sandbox *s, uint64_t number)
{
    for (struct equipment *e = s->equipments, *next; e; e = next) {
        next = e->next;
        if (e->number <= number)
            end_wait(s, e, NULL);
    }
}

/* ---- sent ---- */

static void wait_for_confirmation(struct sandbox *s, struct equipment *e)
{
    if (!e->done) {
        free_equipment(e);
        return;
    }
    e->next = s->equipments;
    s->equipments = e;
    uv_timer_init(e->all->setup.loop, &e->timer);
    e->timer.data = e;
    uv_timer_start(&e->timer, on_timeout, CONFIRM_MS, 0);
}

static void send_items(struct sandbox *s, struct equipment *e)
{
    struct sandbox_credential *items = alloc_zero(e->n + 1, sizeof *items);
    for (size_t i = 0; i < e->n; i++)
        items[i] = (struct sandbox_credential){e->items[i].provider, e->items[i].profile,
                                               e->items[i].name, e->items[i].handle,
                                               e->items[i].value};
    e->number = ++s->n_equipments;
    sandbox_send(s, &(struct sandbox_message){
                        .type = MESSAGE_CREDENTIALS,
                        .credentials = {.number = e->number, .items = items, .n = e->n,
                                        .inference = e->inference,
                                        .n_inference = e->n_inference}});
    free(items);
}

static void send_equipment(void *arg)
{
    struct equipment *e = arg;
    struct sandbox *s = sandbox_find(e->all, e->id);
    bool sends = s && s->ready && s->proxy && e->rc == 0 && e->all->setup.providers;
    if (e->rc != 0)
        log_error(e->all->setup.log, "cannot read the credentials of a sandbox: %s", e->err.text);
    if (sends)
        send_items(s, e);
    if (s && s->ready && !s->equipped) {
        s->equipped = true;
        sandbox_exec_send_all(s);
    }
    if (sends)
        wait_for_confirmation(s, e);
    else
        finish(e, e->rc == 0 ? NULL : &e->err);
}

static void read_equipment(void *arg)
{
    struct equipment *e = arg;
    const struct runtime_setup *setup = &e->all->setup;
    if (setup->providers)
        e->rc = providers_open(setup->providers, e->id, setup->log, e->arena, &e->items, &e->n,
                               &e->err);
    if (setup->providers && setup->inference && e->rc == 0)
        inference_open(setup->inference, setup->providers, setup->log, e->arena, &e->inference,
                       &e->n_inference);
}

void runtime_equip(struct runtime *all, const char *id, runtime_done *done, void *arg)
{
    struct equipment *e = alloc_zero(1, sizeof *e);
    char *key = alloc_printf("credentials of %s", id);
    *e = (struct equipment){.all = all, .id = alloc_str(id), .arena = arena_new(), .done = done,
                            .arg = arg};
    jobs_run(all->setup.jobs, key, read_equipment, send_equipment, e);  /* in the order of calls */
    free(key);
}

/* ---- to all that use a provider ---- */

struct telling {
    const struct provider_change *change;
    size_t waits_for;
    runtime_done *done;
    void *arg;
};

static void one_told(void *arg, const struct error *err)
{
    struct telling *telling = arg;
    if (err && telling->change->unconfirmed)
        telling->change->unconfirmed(telling->arg, err->text);
    if (--telling->waits_for)
        return;
    telling->done(telling->arg, NULL);
    free(telling);
}

void runtime_tell_provider(struct runtime *all, const struct provider_change *change,
                           runtime_done *done, void *arg)
{
    struct telling *telling = alloc_zero(1, sizeof *telling);
    *telling = (struct telling){change, change->n + 1, done, arg};
    events_publish(all->setup.events, "provider", change->sandbox,
                   json_pack("{s:s, s:s, s:s}", "provider", change->provider, "change",
                             change->change, "actor", change->actor));
    for (size_t i = 0; i < change->n; i++)
        runtime_equip(all, change->sandbox_ids[i], one_told, telling);
    if (all->setup.inference && inference_settings_name(all->setup.inference, change->provider))
        runtime_equip_all(all);
    one_told(telling, NULL);
}
