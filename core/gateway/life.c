/* SPDX-License-Identifier: Apache-2.0 */
/* How a sandbox comes up and goes down.
 *
 *     DOWN --start--> STARTING --hello--> UP --stop--> STOPPING --exit--> DOWN
 *
 * A supervisor that ends on its own leads from any state to DOWN, with phase error. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "gateway/sandbox.h"

void sandbox_record(struct sandbox *s, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
    char *key = alloc_printf("record of %s", s->id);
    jobs_run(s->all->setup.jobs, key, work, done, arg);
    free(key);
}

/* ---- phase: in the store and as an event ---- */

struct phase_write {
    struct sandboxes *all;
    char *id, *name;
    const char *phase;                              /* static text */
    char error[1024];
    bool fail_pending;
};

static int fail_pending(struct store_tx *tx, const struct phase_write *w, struct error *err)
{
    return store_tx_revisions_abandon(tx, w->id, "the sandbox's supervisor ended before it loaded this revision", err);
}

static int write_phase(struct store_tx *tx, void *arg, struct error *err)
{
    const struct phase_write *w = arg;
    if (w->fail_pending && fail_pending(tx, w, err) != 0)
        return -1;
    return store_tx_sandbox_phase(tx, w->id, w->phase, w->error, err);
}

static void phase_work(void *arg)
{
    struct phase_write *w = arg;
    struct error err;
    if (store_write(w->all->setup.store, write_phase, w, &err) != 0)
        log_error(w->all->setup.log, "cannot record that sandbox %s is %s: %s", w->name, w->phase, err.text);
}

static void phase_written(void *arg)
{
    struct phase_write *w = arg;
    events_publish(w->all->setup.events, "sandbox", w->name,
                   json_pack("{s:s, s:s, s:s}", "id", w->id, "phase", w->phase, "error", w->error));
    free(w->id);
    free(w->name);
    free(w);
}

void sandbox_phase(struct sandbox *s, const char *phase, const char *error)
{
    struct phase_write *w = alloc_zero(1, sizeof *w);
    w->all = s->all;
    w->id = alloc_str(s->id);
    w->name = alloc_str(s->name);
    w->phase = phase;
    w->fail_pending = strcmp(phase, "error") == 0;
    snprintf(w->error, sizeof w->error, "%s", error ? error : "");
    sandbox_record(s, phase_work, phase_written, w);
}

/* ---- waiters and the timer of a start or stop ---- */

static void add_waiter(struct sandbox *s, api_done *done, void *arg)
{
    struct sandbox_waiter *w = alloc_zero(1, sizeof *w);
    *w = (struct sandbox_waiter){s->waiters, done, arg};
    s->waiters = w;
}

static void tell_waiters(struct sandbox *s, const struct error *err)
{
    struct sandbox_waiter *list = s->waiters;
    s->waiters = NULL;
    for (struct sandbox_waiter *w = list, *next; w; w = next) {
        next = w->next;
        w->done(w->arg, err);
        free(w);
    }
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void drop_timer(struct sandbox *s)
{
    if (s->timer)
        uv_close((uv_handle_t *)s->timer, free_handle);
    s->timer = NULL;
}

static void set_timer(struct sandbox *s, uv_timer_cb fn, uint64_t ms)
{
    drop_timer(s);
    s->timer = alloc_zero(1, sizeof *s->timer);
    uv_timer_init(s->all->setup.loop, s->timer);
    s->timer->data = s;
    uv_timer_start(s->timer, fn, ms, 0);
}

/* ---- the supervisor's process ---- */

static void drop_watch(struct sandbox *s)
{
    if (s->exit_poll) {
        uv_poll_stop(s->exit_poll);
        uv_close((uv_handle_t *)s->exit_poll, free_handle);
    }
    s->exit_poll = NULL;
    if (s->pidfd >= 0)
        close(s->pidfd);
    s->pidfd = -1;
}

static void on_pidfd(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    sandbox_ended(poll->data);
}

void sandbox_watch(struct sandbox *s, pid_t pid)
{
    if (s->pidfd >= 0 || pid <= 0)
        return;
    s->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (s->pidfd < 0) {
        log_warn(s->all->setup.log, "cannot watch the supervisor of sandbox %s: %s", s->name, strerror(errno));
        return;
    }
    s->exit_poll = alloc_zero(1, sizeof *s->exit_poll);
    uv_poll_init(s->all->setup.loop, s->exit_poll, s->pidfd);
    s->exit_poll->data = s;
    uv_poll_start(s->exit_poll, UV_READABLE, on_pidfd);
}

static void kill_supervisor(struct sandbox *s)
{
    if (s->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
}

/* The child is reaped here; what its end means is decided when its pidfd says so. */
static void on_reaped(uv_process_t *process, int64_t status, int signal)
{
    (void)status;
    (void)signal;
    struct sandbox *s = process->data;
    if (s && s->process == process)
        s->process = NULL;
    uv_close((uv_handle_t *)process, free_handle);
}

static void why_ended(const struct sandbox *s, struct error *err)
{
    if (*s->start_error.text)
        *err = s->start_error;
    else
        error_set(err, ERROR_UPSTREAM, "the supervisor of sandbox '%s' ended unexpectedly; its log is %s/supervisor.log",
                  s->name, s->dir);
}

void sandbox_ended(struct sandbox *s)
{
    struct error err;
    bool asked = s->state == SANDBOX_STOPPING;
    why_ended(s, &err);
    drop_watch(s);
    drop_timer(s);
    s->state = SANDBOX_DOWN;
    s->ready = false;
    sandbox_exec_fail_all(s, "the sandbox ended");
    sandbox_close_stream(s);
    if (asked) {
        log_info(s->all->setup.log, "sandbox %s stopped", s->name);
        sandbox_phase(s, "stopped", "");
    } else {
        log_error(s->all->setup.log, "sandbox %s: %s", s->name, err.text);
        sandbox_phase(s, "error", err.text);
    }
    tell_waiters(s, asked ? NULL : &err);
}

/* One that was adopted from an earlier gateway is known by its lock alone until it connects. */
void sandbox_check_lost(struct sandbox *s)
{
    if (s->state == SANDBOX_UP && !s->stream && s->pidfd < 0 && !sandbox_lock_held(s->dir))
        sandbox_ended(s);
}

/* ---- start ---- */

struct start {
    struct sandboxes *all;
    char *id;
    api_done *done;
    void *arg;
    struct arena *arena;
    struct store_sandbox record;
    struct store_revision revision;
    char token[DIGEST_HEX_SIZE], token_hash[DIGEST_HEX_SIZE];
    char *dir;
    struct error err;
    int rc;
};

static size_t read_pairs(struct arena *arena, const char *json_text, struct spec_pair **out)
{
    json_t *json = json_loads(json_text, 0, NULL);
    const char *key;
    json_t *value;
    size_t n = 0;
    *out = arena_zalloc(arena, (json_object_size(json) + 1) * sizeof **out);
    json_object_foreach(json, key, value)
        (*out)[n++] = (struct spec_pair){arena_str(arena, key), arena_str(arena, json_string_value(value))};
    json_decref(json);
    return n;
}

static int make_folders(struct start *st)
{
    char *parent = alloc_printf("%s/sandboxes", st->all->setup.config->state_dir);
    char *work = alloc_printf("%s/work", st->dir);
    int rc = 0;
    const char *const folders[] = {parent, st->dir, work};
    for (size_t i = 0; i < 3 && rc == 0; i++)
        if (mkdir(folders[i], 0700) != 0 && errno != EEXIST)
            rc = error_errno(&st->err, ERROR_IO, "cannot make the folder %s", folders[i]);
    free(parent);
    free(work);
    return rc;
}

/* What no policy can show a workload, as it may well run under the gateway's own uid: the state,
 * the sockets that are listened on and the store. */
static size_t list_hidden(struct start *st, const char ***out)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    const struct gateway_config *config = st->all->setup.config;
    const char *store = strchr(config->store, ':') + 1;
    const char **paths = arena_alloc(st->arena, (config->n_listen + 4) * sizeof *paths);
    size_t n = 0;
    paths[n++] = config->state_dir;
    for (size_t i = 0; i < config->n_listen; i++)
        if (strncmp(config->listen[i], "unix:", 5) == 0)
            paths[n++] = config->listen[i] + 5;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        paths[n++] = arena_printf(st->arena, "%s%s", store, suffixes[i]);
    for (size_t i = 0; i < n; i++) {
        char *whole = realpath(paths[i], NULL);
        paths[i] = arena_str(st->arena, whole ? whole : paths[i]);
        free(whole);
    }
    *out = paths;
    return n;
}

static int write_spec(struct start *st)
{
    const struct sandboxes_setup *setup = &st->all->setup;
    const char **hidden;
    size_t n_hidden = list_hidden(st, &hidden);
    enum { UID_BASE = 1900000000, UIDS = 65536 };
    struct sandbox_spec spec = {
        .id = st->record.id,
        .name = st->record.name,
        .token = st->token,
        .gateway = setup->gateway_address,
        .proxy = strcmp(st->record.network, "none") != 0,
        .workdir = arena_printf(st->arena, "%s/work", st->dir),
        .uid = UID_BASE + (uint32_t)(st->record.number % UIDS),
        .policy = st->revision.policy_json,
        .revision = st->revision.revision,
        .hash = st->revision.hash,
        .hosts = setup->config->egress->hosts,
        .n_hosts = setup->config->egress->n_hosts,
        .extra_ca = *setup->config->egress->extra_ca ? setup->config->egress->extra_ca : NULL,
        .log_level = setup->flags->log_level == LOG_DEBUG ? "debug" : "info",
        .log_json = setup->flags->log_json,
        .init = st->all->init,
        .lock = arena_printf(st->arena, "%s/lock", st->dir),
        .hidden = hidden,
        .n_hidden = n_hidden,
    };
    spec.n_labels = read_pairs(st->arena, st->record.labels_json, &spec.labels);
    spec.n_env = read_pairs(st->arena, st->record.env_json, &spec.env);
    return sandbox_spec_write(&spec, arena_printf(st->arena, "%s/spec.json", st->dir), &st->err);
}

static int write_start(struct store_tx *tx, void *arg, struct error *err)
{
    struct start *st = arg;
    if (store_tx_sandbox_token(tx, st->id, st->token_hash, err) != 0)
        return -1;
    return store_tx_sandbox_phase(tx, st->id, st->record.loaded_revision ? "starting" : "provisioning", "", err);
}

static void start_prepare(void *arg)
{
    struct start *st = arg;
    struct store *store = st->all->setup.store;
    digest_secret(st->token);
    digest_of(st->token, strlen(st->token), st->token_hash);
    st->rc = -1;
    if (store_sandbox_by_id(store, st->id, st->arena, &st->record, &st->err) != 0 ||
        store_revision_get(store, st->id, 0, st->arena, &st->revision, &st->err) != 0)
        return;
    st->dir = arena_printf(st->arena, "%s/sandboxes/%s", st->all->setup.config->state_dir, st->id);
    if (make_folders(st) != 0 || write_spec(st) != 0 ||
        store_write(store, write_start, st, &st->err) != 0)
        return;
    st->rc = 0;
}

static void start_end(struct start *st, const struct error *err)
{
    st->done(st->arg, err);
    arena_free(st->arena);
    free(st->id);
    free(st);
}

static void start_timeout(uv_timer_t *timer)
{
    struct sandbox *s = timer->data;
    error_set(&s->start_error, ERROR_TIMEOUT, "sandbox '%s' was not ready within %d s", s->name,
              START_TIMEOUT_MS / 1000);
    kill_supervisor(s);
}

static int spawn(struct sandbox *s, struct error *err)
{
    char *spec = alloc_printf("%s/spec.json", s->dir), *log = alloc_printf("%s/supervisor.log", s->dir);
    int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char *args[] = {s->all->supervisor, (char *)"--spec", spec, NULL};
    uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE},
                                    {.flags = UV_INHERIT_FD, .data.fd = log_fd < 0 ? 2 : log_fd}};
    uv_process_options_t options = {
        .exit_cb = on_reaped, .file = s->all->supervisor, .args = args,
        .flags = UV_PROCESS_DETACHED, .stdio_count = 3, .stdio = stdio,
    };
    s->process = alloc_zero(1, sizeof *s->process);
    s->process->data = s;
    int rc = uv_spawn(s->all->setup.loop, s->process, &options);
    if (log_fd >= 0)
        close(log_fd);
    free(spec);
    free(log);
    if (rc == 0) {
        uv_unref((uv_handle_t *)s->process);
        return 0;
    }
    uv_close((uv_handle_t *)s->process, free_handle);
    s->process = NULL;
    return error_set(err, ERROR_INTERNAL, "cannot start %s: %s", s->all->supervisor, uv_strerror(rc));
}

static int start_process(struct start *st, struct sandbox *s)
{
    if (s->state != SANDBOX_STARTING)
        return error_set(&st->err, ERROR_STATE, "sandbox '%s' was stopped before it was up", s->name);
    memcpy(s->token_hash, st->token_hash, sizeof s->token_hash);
    s->start_error = (struct error){0};
    s->sent_revision = 0;
    return spawn(s, &st->err);
}

static void start_failed(struct start *st, struct sandbox *s)
{
    bool deleted = st->err.kind == ERROR_NOT_FOUND;
    s->start_error = st->err;
    if (deleted)
        s->state = SANDBOX_STOPPING;                /* nothing of it is left that could have failed */
    sandbox_ended(s);
    start_end(st, &st->err);
    if (deleted && !s->removing) {
        sandbox_forget(s);
        sandbox_drop(s);
    }
}

static void start_prepared(void *arg)
{
    struct start *st = arg;
    struct sandbox *s = sandbox_find(st->all, st->id);
    s->preparing = false;
    if (st->rc == 0)
        st->rc = start_process(st, s);
    if (st->rc != 0) {
        start_failed(st, s);
        return;
    }
    sandbox_watch(s, s->process->pid);
    set_timer(s, start_timeout, START_TIMEOUT_MS);
    add_waiter(s, st->done, st->arg);
    arena_free(st->arena);
    free(st->id);
    free(st);
}

static void start_loaded(void *arg)
{
    struct start *st = arg;
    if (st->rc != 0) {
        start_end(st, &st->err);
        return;
    }
    struct sandbox *s = sandbox_find(st->all, st->id);
    if (!s)
        s = sandbox_add(st->all, &st->record);
    sandbox_check_lost(s);
    if (s->state == SANDBOX_UP) {
        start_end(st, NULL);
        return;
    }
    if (s->state != SANDBOX_DOWN) {
        error_set(&st->err, ERROR_STATE, "sandbox '%s' is already starting or stopping: wait for it", s->name);
        start_end(st, &st->err);
        return;
    }
    s->state = SANDBOX_STARTING;
    s->preparing = true;
    jobs_run(st->all->setup.jobs, NULL, start_prepare, start_prepared, st);
}

static void start_load(void *arg)
{
    struct start *st = arg;
    st->rc = store_sandbox_by_id(st->all->setup.store, st->id, st->arena, &st->record, &st->err);
}

void sandbox_load_and_start(struct sandboxes *all, const char *id, api_done *done, void *arg)
{
    struct start *st = alloc_zero(1, sizeof *st);
    *st = (struct start){.all = all, .id = alloc_str(id), .done = done, .arg = arg, .arena = arena_new()};
    jobs_run(all->setup.jobs, NULL, start_load, start_loaded, st);
}

struct ready_note {
    char *id;
    struct sandboxes *all;
};

/* The waiters are told when the record says ready, so that whoever asks next reads it. */
static int write_ready(struct store_tx *tx, void *arg, struct error *err)
{
    const struct ready_note *note = arg;
    return store_tx_sandbox_phase(tx, note->id, "ready", "", err);
}

static void ready_work(void *arg)
{
    struct ready_note *note = arg;
    struct error err;
    if (store_write(note->all->setup.store, write_ready, note, &err) != 0)
        log_error(note->all->setup.log, "cannot record that a sandbox is ready: %s", err.text);
}

static void ready_done(void *arg)
{
    struct ready_note *note = arg;
    struct sandbox *s = sandbox_find(note->all, note->id);
    if (s && s->state == SANDBOX_UP) {
        events_publish(s->all->setup.events, "sandbox", s->name,
                       json_pack("{s:s, s:s, s:s}", "id", s->id, "phase", "ready", "error", ""));
        tell_waiters(s, NULL);
    }
    free(note->id);
    free(note);
}

void sandbox_is_ready(struct sandbox *s)
{
    drop_timer(s);
    s->state = SANDBOX_UP;
    struct ready_note *note = alloc_zero(1, sizeof *note);
    *note = (struct ready_note){alloc_str(s->id), s->all};
    sandbox_record(s, ready_work, ready_done, note);
}

/* ---- stop and remove ---- */

static void stop_timeout(uv_timer_t *timer)
{
    struct sandbox *s = timer->data;
    log_warn(s->all->setup.log, "the supervisor of sandbox %s does not stop: killing it", s->name);
    kill_supervisor(s);
}

/* Without a process to watch, the end shows in the lock.  A start that is being prepared ends when
 * it finds that it is not wanted any more. */
static void stop_look(uv_timer_t *timer)
{
    struct sandbox *s = timer->data;
    if (s->preparing || sandbox_lock_held(s->dir))
        uv_timer_start(timer, stop_look, STOP_LOOK_MS, 0);
    else
        sandbox_ended(s);
}

void sandbox_stop(struct sandbox *s, api_done *done, void *arg)
{
    struct error err;
    sandbox_check_lost(s);
    if (s->state == SANDBOX_DOWN) {
        done(arg, NULL);
        return;
    }
    if (s->state == SANDBOX_UP && !s->stream && s->pidfd < 0) {
        error_set(&err, ERROR_STATE, "the supervisor of sandbox '%s' is not connected at the moment: try again", s->name);
        done(arg, &err);
        return;
    }
    add_waiter(s, done, arg);
    if (s->state == SANDBOX_STOPPING)
        return;
    s->state = SANDBOX_STOPPING;
    sandbox_phase(s, "stopping", "");
    if (s->stream)
        sandbox_send(s, &(struct sandbox_message){.type = MESSAGE_STOP, .stop.grace_ms = STOP_GRACE_MS});
    else
        kill_supervisor(s);
    if (s->pidfd >= 0)
        set_timer(s, stop_timeout, STOP_TIMEOUT_MS);
    else
        set_timer(s, stop_look, STOP_LOOK_MS);
}

struct removal {
    struct sandboxes *all;
    char *id, *dir;
    char name[64];
    api_done *done;
    void *arg;
    struct error err;
    int rc;
};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path) != 0 && errno != ENOENT;
}

static int write_removal(struct store_tx *tx, void *arg, struct error *err)
{
    const struct removal *r = arg;
    return store_tx_sandbox_delete(tx, r->id, clock_now_ms(), err);
}

static void removal_work(void *arg)
{
    struct removal *r = arg;
    r->rc = store_write(r->all->setup.store, write_removal, r, &r->err);
    if (r->rc == 0 && r->dir && nftw(r->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
        log_warn(r->all->setup.log, "cannot delete everything below %s: %s", r->dir, strerror(errno));
}

static void removal_done(void *arg)
{
    struct removal *r = arg;
    struct sandbox *s = sandbox_find(r->all, r->id);
    if (s && r->rc != 0)
        s->removing = false;                        /* it is still there, and still has its name */
    if (s && r->rc == 0) {
        events_publish(r->all->setup.events, "sandbox", s->name,
                       json_pack("{s:s, s:s}", "id", s->id, "phase", "deleted"));
        sandbox_forget(s);
        sandbox_drop(s);
    }
    r->done(r->arg, r->rc == 0 ? NULL : &r->err);
    free(r->id);
    free(r->dir);
    free(r);
}

static void removal_stopped(void *arg, const struct error *err)
{
    struct removal *r = arg;
    struct sandbox *s = sandbox_find(r->all, r->id);
    if (err && s && s->state != SANDBOX_DOWN) {
        r->err = *err;
        r->rc = -1;
        removal_done(r);
        return;
    }
    jobs_run(r->all->setup.jobs, NULL, removal_work, removal_done, r);
}

void sandbox_remove(struct sandboxes *all, const char *id, api_done *done, void *arg)
{
    struct removal *r = alloc_zero(1, sizeof *r);
    struct sandbox *s = sandbox_find(all, id);
    *r = (struct removal){.all = all, .id = alloc_str(id), .done = done, .arg = arg, .rc = 0};
    if (!s) {
        removal_stopped(r, NULL);
        return;
    }
    r->dir = alloc_str(s->dir);
    s->removing = true;
    sandbox_stop(s, removal_stopped, r);
}

void sandbox_forget(struct sandbox *s)
{
    drop_watch(s);
    drop_timer(s);
    sandbox_exec_fail_all(s, "the gateway is stopping");
    if (s->process)
        uv_close((uv_handle_t *)s->process, free_handle);
    s->process = NULL;
    sandbox_close_stream(s);
}
