/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/start/start.h"
#include "runtime/supervisor/grants.h"

static size_t read_pairs(struct arena *arena, const char *json_text, struct spec_pair **out)
{
    json_t *json = json_loads(json_text, 0, NULL);
    const char *key;
    json_t *value;
    size_t n = 0;
    *out = arena_zalloc(arena, (json_object_size(json) + 1) * sizeof **out);
    json_object_foreach(json, key, value)
        (*out)[n++] =
            (struct spec_pair){arena_str(arena, key), arena_str(arena, json_string_value(value))};
    json_decref(json);
    return n;
}

static int read_pem(const char *path, struct buf *out, struct error *err)
{
    enum { PEM_MAX = 512 * 1024 };
    FILE *file = fopen(path, "re");
    if (!file)
        return error_errno(err, ERROR_IO, "cannot read %s", path);
    buf_reserve(out, PEM_MAX);
    out->len = fread(out->data, 1, PEM_MAX, file);
    bool whole = fgetc(file) == EOF && !ferror(file);
    fclose(file);
    return whole ? 0
                 : error_set(err, ERROR_LIMIT, "%s has more than %d KiB, which is the most for a "
                             "sandbox on a host", path, PEM_MAX / 1024);
}

/* Its host is told all that a supervisor here reads from a file, and the authorities that sandboxes
 * trust, which are a file there too. */
static int put_place(struct start *st, struct sandbox_spec *spec)
{
    const struct store_sandbox *r = &st->record;
    const char *extra_ca = NULL;
    struct buf pem = {0};
    if (spec->extra_ca && *spec->extra_ca && read_pem(spec->extra_ca, &pem, &st->err) != 0) {
        buf_free(&pem);
        return -1;
    }
    if (spec->extra_ca && *spec->extra_ca)
        extra_ca = buf_str(&pem);
    spec->extra_ca = NULL;
    char *text = sandbox_spec_encode(spec);
    sandbox_message_encode(
        &(struct sandbox_message){
            .type = MESSAGE_PLACE,
            .place = {.id = r->id, .number = r->number, .memory_bytes = r->memory_bytes,
                      .cpu_millis = r->cpu_millis, .pids = r->pids, .spec = text,
                      .extra_ca = extra_ca}},
        &st->place);
    explicit_bzero(text, strlen(text));
    free(text);
    buf_free(&pem);
    return 0;
}

/* What is about the machine is for its host to say. */
static void leave_to_host(struct sandbox_spec *spec)
{
    spec->gateway = spec->workdir = spec->init = spec->bwrap = spec->lock = "";
    spec->uses = spec->cgroups = NULL;
    spec->uid = spec->sub_uid = spec->sub_gid = 0;
    spec->n_hidden = spec->n_read_only = 0;
}

static int write_spec(struct start *st)
{
    bool hosted = *st->record.host;
    if (!hosted && !st->all->bwrap)
        return error_set(&st->err, ERROR_UNSUPPORTED,
                         "no sandbox can be made: %s: install bubblewrap and restart the gateway",
                         st->all->no_bwrap.text);
    const struct runtime_setup *setup = &st->all->setup;
    uv_mutex_lock(&st->all->lock);
    const struct runtime_files files = runtime_files_copy(&st->all->files, st->arena);
    uv_mutex_unlock(&st->all->lock);
    const struct policy_grants grants =
        grants_of_revision(setup->store, &st->revision, st->arena);
    struct sandbox_spec spec = {
        .id = st->record.id,
        .name = st->record.name,
        .token = st->token,
        .gateway = setup->gateway_address,
        .proxy = strcmp(st->record.network, "none") != 0,
        .policy = st->revision.policy_json,
        .revision = st->revision.revision,
        .hash = st->revision.hash,
        .grants = grants.items,
        .n_grants = grants.n,
        .hosts = setup->hosts,
        .n_hosts = setup->n_hosts,
        .extra_ca = setup->extra_ca,
        .inspect_when_needed = setup->inspect_when_needed,
        .settings = sandbox_settings_of(&st->record),
        .log_level = log_level_word(setup->log_level),
        .log_json = setup->log_json,
        .init = st->all->init,
        .bwrap = st->all->bwrap,
        .hidden = files.hidden,
        .n_hidden = files.n_hidden,
        .read_only = files.read_only,
        .n_read_only = files.n_read_only,
    };
    if (hosted)
        leave_to_host(&spec);
    else
        site_fill_spec(&st->site, &spec);
    struct sandbox_inspectors inspectors;
    if (spec.proxy && inspectors_of_runtime(st->all, st->arena, &inspectors))
        spec.inspectors = &inspectors;
    struct sandbox_exec main;
    if (*st->record.main_json) {
        if (sandbox_exec_decode(st->record.main_json, st->arena, &main, &st->err) != 0)
            return error_prefix(&st->err, "the main process on record");
        spec.main = &main;
        spec.main_waits = !main.detach && !st->record.loaded_revision;
    }
    spec.n_env = read_pairs(st->arena, st->record.env_json, &spec.env);
    if (hosted)
        return put_place(st, &spec);
    return sandbox_spec_write(&spec, arena_printf(st->arena, "%s/spec.json", st->site.dir),
                              &st->err);
}

static int write_start(struct store_tx *tx, void *arg, struct error *err)
{
    struct start *st = arg;
    const struct store_sandbox fresh = {.id = st->id, .main_error = ""};
    if (store_tx_sandbox_token(tx, st->id, st->token_hash, err) != 0 ||
        store_tx_sandbox_main(tx, &fresh, err) != 0)
        return -1;
    return store_tx_sandbox_phase(
        tx, st->id, st->record.loaded_revision ? "starting" : "provisioning", "", err);
}

static void set_site(struct start *st)
{
    const struct store_sandbox *r = &st->record;
    st->site.arena = st->arena;
    st->site.state_dir = st->all->setup.state_dir;
    st->site.uids = &st->all->uids;
    st->site.cgroups = &st->all->cgroups;
    st->site.dir =
        arena_printf(st->arena, "%s/sandboxes/%s", st->all->setup.state_dir, r->id);
    st->site.id = r->id;
    st->site.name = r->name;
    st->site.number = r->number;
    st->site.limits = (struct site_limits){r->memory_bytes, r->cpu_millis, r->pids};
}

/* Here is the log of a sandbox that is on a host. */
static int make_site(struct start *st)
{
    if (!*st->record.host)
        return site_make(&st->site, &st->err);
    return site_make_folder(&st->site, &st->err);
}

void start_prepare(struct start *st)
{
    struct store *store = st->all->setup.store;
    digest_secret(st->token);
    digest_of(st->token, strlen(st->token), st->token_hash);
    st->rc = -1;
    if (store_sandbox_by_id(store, st->id, st->arena, &st->record, &st->err) != 0 ||
        store_revision_get(store, st->id, 0, st->arena, &st->revision, &st->err) != 0)
        return;
    set_site(st);
    if (start_check_grants(st) != 0 || make_site(st) != 0 ||
        write_spec(st) != 0 || store_write(store, write_start, st, &st->err) != 0)
        return;
    st->rc = 0;
}
