/* SPDX-License-Identifier: Apache-2.0 */
/* What may be changed of a sandbox while it runs, beside its policy. */
#include <stdlib.h>
#include <string.h>

#include "auth/holders.h"
#include "base/alloc.h"
#include "runtime/record.h"
#include "runtime/sandbox.h"
#include "update/update.h"

struct spec_settings sandbox_settings_of(const struct store_sandbox *record)
{
    return (struct spec_settings){
        .hold_ms = (uint64_t)record->hold_ms,
        .agent_proposals = record->agent_proposals,
        .resolve_denied = strcmp(record->approval_mode, "auto") == 0,
        .labels = record->labels_json,
    };
}

void sandbox_keep_settings(struct sandbox *s, const struct store_sandbox *record)
{
    free(s->labels);
    s->labels = alloc_str(record->labels_json ? record->labels_json : "{}");
    s->settings = sandbox_settings_of(record);
    s->settings.labels = s->labels;
    free(s->services);
    s->services = alloc_str(record->services_json ? record->services_json : "[]");
}

void sandbox_send_settings(struct sandbox *s)
{
    if (s->ready)
        sandbox_send(s, &(struct sandbox_message){.type = MESSAGE_SETTINGS,
                                                  .settings = s->settings});
}

struct sandbox *sandbox_take_record(struct runtime *all, const struct store_sandbox *record)
{
    struct sandbox *s = sandbox_find(all, record->id);
    if (!s && sandbox_is_gone(all, record->id))
        return NULL;
    if (!s)
        s = sandbox_add(all, record);
    free(s->holders);
    free(s->home);
    s->holders = alloc_str(record->holders_json);
    s->home = alloc_str(record->home);
    sandbox_keep_settings(s, record);
    sandbox_send_settings(s);
    return s;
}

/* ---- changes ---- */

struct setting {
    struct runtime *all;
    struct settings_change *change;
    struct error err;
    bool failed, relabelled;
    runtime_done *done;
    void *arg;
};

struct record_write {
    const struct store_sandbox *before, *after;
};

static bool same_settings(const struct store_sandbox *a, const struct store_sandbox *b)
{
    return strcmp(a->labels_json, b->labels_json) == 0 &&
           strcmp(a->approval_mode, b->approval_mode) == 0 && a->hold_ms == b->hold_ms &&
           a->agent_proposals == b->agent_proposals &&
           strcmp(a->holders_json, b->holders_json) == 0;
}

/* Another gateway may have changed what the change was made from. */
static int write_record(struct store_tx *tx, void *arg, struct error *err)
{
    const struct record_write *w = arg;
    struct arena *arena = arena_new();
    struct store_sandbox now;
    int rc = store_tx_sandbox_get(tx, w->before->name, arena, &now, err);
    if (rc == 0 && (strcmp(now.id, w->before->id) != 0 || !same_settings(&now, w->before)))
        rc = error_set(err, ERROR_MOVED, "the settings of sandbox '%s' were changed meanwhile: "
                       "try again", w->before->name);
    arena_free(arena);
    return rc == 0 ? store_tx_sandbox_settings(tx, w->after, err) : -1;
}

/* Who may change labels does not thereby take a sandbox out of a ceiling. */
static int check_ceilings(struct store *store, const struct settings_change *change,
                          const char *before, struct error *err)
{
    struct store_ceiling *all;
    size_t n;
    if (change->may_leave_ceilings)
        return 0;
    if (store_ceiling_list(store, change->arena, &all, &n, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (update_ceiling_applies(all[i].selector, before) &&
            !update_ceiling_applies(all[i].selector, change->record.labels_json))
            return error_set(err, ERROR_FORBIDDEN,
                             "without the label %s the sandbox would leave its ceiling: this needs "
                             "the permission ceiling.manage", all[i].selector);
    return 0;
}

static int try_change(struct store *store, struct settings_change *change, bool *relabelled,
                      struct error *err)
{
    struct store_sandbox *record = &change->record;
    if (store_sandbox_get(store, change->sandbox, change->arena, record, err) != 0)
        return -1;
    if (change->id && strcmp(change->id, record->id) != 0)
        return error_set(err, ERROR_NOT_FOUND, "sandbox '%s' not found", change->sandbox);
    const struct store_sandbox before = *record;
    sandbox_record_change(change->changes, change->arena, record, change->problems);
    if (change->problems->n)
        return error_set(err, ERROR_INVALID, "%s", change->problems->items[0].message);
    *relabelled = strcmp(before.labels_json, record->labels_json) != 0;
    if (*relabelled && check_ceilings(store, change, before.labels_json, err) != 0)
        return -1;
    struct record_write w = {&before, record};
    return store_write(store, write_record, &w, err);
}

static int change_record(struct store *store, struct settings_change *change, bool *relabelled,
                         struct error *err)
{
    enum { ATTEMPTS = 4 * UPDATE_ATTEMPTS };
    int rc = -1;
    for (int left = ATTEMPTS; rc != 0 && left > 0; left--) {
        rc = try_change(store, change, relabelled, err);
        if (rc != 0 && err->kind != ERROR_MOVED)
            break;
    }
    return rc;
}

/* Worker thread, like ask_again. */
static void record_change(void *arg)
{
    struct setting *setting = arg;
    setting->failed =
        change_record(setting->all->setup.store, setting->change, &setting->relabelled,
                      &setting->err) != 0;
}

static void finish(struct setting *setting)
{
    setting->done(setting->arg, setting->failed ? &setting->err : NULL);
    free(setting);
}

/* Another label may bring further ceilings. */
static void tighten(struct setting *setting)
{
    const struct settings_change *change = setting->change;
    struct arena *arena = arena_new();
    struct update_result result;
    const struct update_tightening t = {
        .actor = {sizeof t.actor, "gateway", "admin", "gateway", "gateway", "gateway"},
        .reason = arena_printf(arena, "%s changed labels of the sandbox", change->actor),
    };
    setting->failed = updates_tighten_one(setting->all->setup.updates, change->record.name, &t,
                                          arena, &result, &setting->err) != 0;
    arena_free(arena);
}

static void ask_again(void *arg)
{
    struct setting *setting = arg;
    if (setting->relabelled)
        tighten(setting);
    drafts_ask_again(setting->all->setup.drafts, setting->change->record.name);
}

static void asked_again(void *arg)
{
    finish(arg);
}

static void publish(struct runtime *all, const struct store_sandbox *record, const char *actor)
{
    events_publish(all->setup.events, "settings", record->name,
                   json_pack("{s:s, s:s, s:I, s:b, s:o, s:o}", "actor", actor, "approval_mode",
                             record->approval_mode, "hold_ms", (json_int_t)record->hold_ms,
                             "agent_proposals", record->agent_proposals, "labels",
                             json_loads(record->labels_json, 0, NULL), "shares",
                             auth_holders_shares(record->holders_json)));
}

static void recorded(void *arg)
{
    struct setting *setting = arg;
    struct runtime *all = setting->all;
    const struct store_sandbox *record = &setting->change->record;
    if (!setting->failed && !sandbox_take_record(all, record)) {
        error_set(&setting->err, ERROR_NOT_FOUND, "sandbox '%s' was deleted", record->name);
        setting->failed = true;
    }
    if (setting->failed) {
        finish(setting);
        return;
    }
    publish(all, record, setting->change->actor);
    jobs_run(all->setup.jobs, record->name, ask_again, asked_again, setting);
}

void runtime_set_settings(struct runtime *all, struct settings_change *change, runtime_done *done,
                          void *arg)
{
    struct setting *setting = alloc_zero(1, sizeof *setting);
    *setting = (struct setting){.all = all, .change = change, .done = done, .arg = arg};
    jobs_run(all->setup.jobs, change->sandbox, record_change, recorded, setting);
}
