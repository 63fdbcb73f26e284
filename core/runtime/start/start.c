/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a sandbox, on the loop's side: loads its record, has a worker prepare it, starts its
 * supervisor. */
#include "runtime/start/start.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "runtime/hosts/hosts.h"


static void start_end(struct start *st, const struct error *err)
{
    st->done(st->arg, err);
    if (st->site.claimed)
        close(st->site.uid_lock);
    buf_wipe(&st->place);
    arena_free(st->arena);
    free(st->id);
    free(st);
}

static void start_timeout(uv_timer_t *timer)
{
    struct sandbox *s = timer->data;
    error_set(&s->start_error, ERROR_TIMEOUT, "sandbox '%s' was not ready within %d s", s->name,
              START_TIMEOUT_MS / 1000);
    sandbox_kill(s);
    if (sandbox_is_hosted(s))                       /* nobody has to wait for what its host says */
        sandbox_ended(s);
}

static int spawn(struct sandbox *s, struct error *err)
{
    char *log = alloc_printf("%s/supervisor.log", s->dir);
    int log_fd = open(log, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = log_fd < 0 ? error_errno(err, ERROR_IO, "cannot open %s", log) : 0;
    free(log);
    if (rc != 0)
        return rc;
    char *spec = alloc_printf("%s/spec.json", s->dir);
    char *args[] = {s->all->supervisor, (char *)"--spec", spec, NULL};
    /* The supervisor inherits the lock of its uid, so the claim outlives the gateway. */
    uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE},
                                    {.flags = UV_INHERIT_FD, .data.fd = log_fd},
                                    {.flags = UV_INHERIT_FD, .data.fd = s->uid_lock}};
    uv_process_options_t options = {
        .exit_cb = sandbox_reaped, .file = s->all->supervisor, .args = args,
        .flags = UV_PROCESS_DETACHED, .stdio_count = s->uid_lock >= 0 ? 4 : 3, .stdio = stdio,
    };
    s->process = alloc_zero(1, sizeof *s->process);
    s->process->data = s;
    rc = uv_spawn(s->all->setup.loop, s->process, &options);
    close(log_fd);
    free(spec);
    if (rc == 0) {
        uv_unref((uv_handle_t *)s->process);
        return 0;
    }
    uv_close((uv_handle_t *)s->process, sandbox_free_handle);
    s->process = NULL;
    return error_set(err, ERROR_INTERNAL, "cannot start %s: %s", s->all->supervisor,
                     uv_strerror(rc));
}

int sandbox_too_late(const struct sandbox *s, struct error *err)
{
    return error_set(err, ERROR_DRAINING, "sandbox '%s' was not up before the gateway was stopped",
                     s->name);
}

static int start_process(struct start *st, struct sandbox *s)
{
    if (s->state != SANDBOX_STARTING)
        return error_set(&st->err, ERROR_STATE, "sandbox '%s' was stopped before it was up",
                         s->name);
    if (s->all->draining)
        return sandbox_too_late(s, &st->err);
    memcpy(s->token_hash, st->token_hash, sizeof s->token_hash);
    s->start_error = (struct error){0};
    s->sent_revision = 0;
    return sandbox_is_hosted(s) ? sandbox_place(s, &st->place, &st->err) : spawn(s, &st->err);
}

static void start_failed(struct start *st, struct sandbox *s)
{
    bool deleted = st->err.kind == ERROR_NOT_FOUND;
    s->start_error = st->err;
    if (deleted)
        s->state = SANDBOX_STOPPING;                /* so that it is not recorded as an error */
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
    if (!s) {
        error_set(&st->err, ERROR_NOT_FOUND, "sandbox '%s' was deleted", st->record.name);
        start_end(st, &st->err);
        return;
    }
    s->preparing = false;
    if (st->site.claimed) {
        s->uid_lock = st->site.uid_lock;
        s->uid = st->site.uid;
        st->site.claimed = false;
    }
    if (st->rc == 0)
        st->rc = start_process(st, s);
    if (st->rc != 0) {
        start_failed(st, s);
        return;
    }
    if (s->process)
        sandbox_watch(s, s->process->pid);
    sandbox_set_timer(s, start_timeout, START_TIMEOUT_MS);
    sandbox_add_waiter(s, st->done, st->arg);
    buf_wipe(&st->place);
    arena_free(st->arena);
    free(st->id);
    free(st);
}

static void prepare(void *arg)
{
    start_prepare(arg);
}

static void start_loaded(void *arg)
{
    struct start *st = arg;
    if (st->rc == 0 && sandbox_is_gone(st->all, st->id))
        st->rc = error_set(&st->err, ERROR_NOT_FOUND, "sandbox '%s' was deleted", st->record.name);
    if (st->rc == 0)
        st->rc = runtime_check_home(st->all, &st->record, &st->err);
    if (st->rc != 0) {
        start_end(st, &st->err);
        return;
    }
    struct sandbox *s = sandbox_find(st->all, st->id);
    if (!s)
        s = sandbox_add(st->all, &st->record);
    sandbox_check_lost(s);
    if (s->removing) {
        error_set(&st->err, ERROR_STATE, "sandbox '%s' is being deleted", s->name);
        start_end(st, &st->err);
        return;
    }
    if (s->state == SANDBOX_UP) {
        start_end(st, NULL);
        return;
    }
    if (s->state != SANDBOX_DOWN) {
        error_set(&st->err, ERROR_STATE,
                  "sandbox '%s' is already starting or stopping: wait for it", s->name);
        start_end(st, &st->err);
        return;
    }
    s->state = SANDBOX_STARTING;
    s->preparing = true;
    st->site.uid_lock = s->uid_lock;
    st->site.uid = s->uid;
    jobs_run(st->all->setup.jobs, NULL, prepare, start_prepared, st);
}

static void start_load(void *arg)
{
    struct start *st = arg;
    st->rc = store_sandbox_by_id(st->all->setup.store, st->id, st->arena, &st->record, &st->err);
}

void runtime_start(struct runtime *all, const char *id, runtime_done *done, void *arg)
{
    struct start *st = alloc_zero(1, sizeof *st);
    *st = (struct start){.all = all,
                         .id = alloc_str(id),
                         .done = done,
                         .arg = arg,
                         .arena = arena_new(),
                         .site.uid_lock = -1};
    jobs_run(all->setup.jobs, NULL, start_load, start_loaded, st);
}

/* ---- a new sandbox is started, or deleted again: only its decision stays ---- */

struct creation {
    struct runtime *all;
    char *id;
    runtime_done *done;
    void *arg;
    struct error err;                               /* of its start */
};

static void creation_end(struct creation *c, const struct error *err)
{
    c->done(c->arg, err);
    free(c->id);
    free(c);
}

static void creation_undone(void *arg, const struct error *ignored)
{
    struct creation *c = arg;
    (void)ignored;                                  /* the caller is told why the start failed */
    creation_end(c, &c->err);
}

static void creation_started(void *arg, const struct error *err)
{
    struct creation *c = arg;
    if (!err) {
        creation_end(c, NULL);
        return;
    }
    c->err = *err;
    runtime_delete(c->all, c->id, creation_undone, c);
}

void runtime_create(struct runtime *all, const char *id, runtime_done *done, void *arg)
{
    struct creation *c = alloc_zero(1, sizeof *c);
    *c = (struct creation){.all = all, .id = alloc_str(id), .done = done, .arg = arg};
    runtime_start(all, id, creation_started, c);
}
