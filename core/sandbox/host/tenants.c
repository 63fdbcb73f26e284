/* SPDX-License-Identifier: Apache-2.0 */
/* The sandboxes of a host: their supervisors are started, watched, ended; their files deleted. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "net/handle.h"
#include "sandbox/host/agent_parts.h"
#include "sandbox/site/own_paths.h"

enum { LEAVE_TRIES = 100, LEAVE_PAUSE_US = 20000 };

/* An id becomes a folder's name. */
static bool is_id(const char *text)
{
    size_t len = strlen(text);
    return len >= 8 && len < UUID_SIZE && text[strspn(text, "0123456789abcdef-")] == '\0';
}

static struct tenant *find(struct agent *agent, const char *id)
{
    for (struct tenant *t = agent->tenants; t; t = t->next)
        if (strcmp(t->id, id) == 0)
            return t;
    return NULL;
}

/* After a restart its uid is that of its work folder, unless somebody else has it by now. */
static void claim_again(struct tenant *t)
{
    struct stat st;
    struct error ignored;
    char *work = alloc_printf("%s/work", t->dir);
    if (t->uid_lock < 0 && lstat(work, &st) == 0 && uid_in_range(&t->agent->uids, st.st_uid)) {
        t->uid_lock = uid_claim(&t->agent->uids, st.st_uid, &ignored);
        t->uid = st.st_uid;
    }
    free(work);
}

static struct tenant *add(struct agent *agent, const char *id)
{
    struct tenant *t = alloc_zero(1, sizeof *t);
    *t = (struct tenant){.next = agent->tenants, .agent = agent, .id = alloc_str(id),
                         .dir = alloc_printf("%s/sandboxes/%s", agent->state_dir, id),
                         .uid_lock = -1, .pidfd = -1};
    agent->tenants = t;
    return t;
}

static void poll_closed(uv_handle_t *poll)
{
    free(poll);
}

static void unwatch(struct tenant *t)
{
    if (t->exit_poll)
        uv_close((uv_handle_t *)t->exit_poll, poll_closed);
    t->exit_poll = NULL;
    if (t->pidfd >= 0)
        close(t->pidfd);
    t->pidfd = -1;
}

static void drop(struct tenant *t)
{
    struct tenant **at = &t->agent->tenants;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    unwatch(t);
    if (t->uid_lock >= 0)
        close(t->uid_lock);
    free(t->id);
    free(t->dir);
    free(t);
}

void tenants_unwatch(struct agent *agent)
{
    for (struct tenant *t = agent->tenants; t; t = t->next)
        unwatch(t);
}

void tenants_free(struct agent *agent)
{
    while (agent->tenants)
        drop(agent->tenants);
}

/* ---- removal ---- */

struct cleaning {
    uv_work_t work;
    struct agent *agent;
    struct tenant *tenant;                          /* NULL: it is not known here */
    char *id, *dir;
    struct error err;
    int rc;
};

static void clean_work(uv_work_t *work)
{
    struct cleaning *c = work->data;
    c->rc = site_remove(c->dir, &c->agent->uids, c->agent->supervisor, &c->err);
}

static void cleaned(uv_work_t *work, int status)
{
    struct cleaning *c = work->data;
    struct tenant *t = c->tenant;
    (void)status;
    t->cleaning = t->removing = false;
    if (c->rc == 0) {
        if (t->uid_lock >= 0)
            uid_retire(t->uid_lock, c->agent->state_dir);
        drop(t);
    }
    agent_send(c->agent, MESSAGE_REMOVED, c->id, c->rc == 0 ? NULL : c->err.text);
    free(c->id);
    free(c->dir);
    free(c);
}

static void clean(struct tenant *t)
{
    struct cleaning *c = alloc_zero(1, sizeof *c);
    *c = (struct cleaning){.work.data = c, .agent = t->agent, .tenant = t,
                           .id = alloc_str(t->id), .dir = alloc_str(t->dir)};
    t->cleaning = true;
    uv_queue_work(&t->agent->loop, &c->work, clean_work, cleaned);
}

/* ---- its supervisor ---- */

static void ended(struct tenant *t, const char *error)
{
    char *cgroups = alloc_printf("%s/cgroups", t->dir);
    unwatch(t);
    t->state = TENANT_DOWN;
    claim_again(t);
    cgroup_remove(cgroups);                         /* else the next start or the removal does */
    free(cgroups);
    agent_send(t->agent, MESSAGE_ENDED, t->id, error);
    if (t->removing && !t->agent->ending)
        clean(t);
}

static void on_exit_poll(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    ended(poll->data, NULL);
}

/* False: it has ended already. */
static bool watch(struct tenant *t, pid_t pid)
{
    t->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (t->pidfd < 0)
        return false;
    t->exit_poll = alloc_zero(1, sizeof *t->exit_poll);
    net_make_poll(&t->agent->loop, t->exit_poll, t->pidfd);
    t->exit_poll->data = t;
    uv_poll_start(t->exit_poll, UV_READABLE, on_exit_poll);
    t->state = TENANT_UP;
    return true;
}

static void kill_supervisor(struct tenant *t)
{
    if (t->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, t->pidfd, SIGKILL, NULL, 0);
}

void tenants_find(struct agent *agent)
{
    char *path = alloc_printf("%s/sandboxes", agent->state_dir);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (!is_id(e->d_name))
            continue;
        struct tenant *t = add(agent, e->d_name);
        pid_t pid = site_lock_held(t->dir) ? site_lock_pid(t->dir) : 0;
        if (pid > 0 && watch(t, pid) && site_lock_held(t->dir))
            log_info(agent->log, "sandbox %s is running", t->id);
        else
            unwatch(t);
        if (t->pidfd < 0)
            t->state = TENANT_DOWN;
        claim_again(t);
    }
    if (dir)
        closedir(dir);
    free(path);
}

/* ---- placing ---- */

struct placing {
    uv_work_t work;
    struct agent *agent;
    struct tenant *tenant;
    struct arena *arena;
    struct host_place wanted;
    struct site_place place;
    struct error err;
    int rc;
};

static void list_files(struct agent *agent, struct arena *arena, struct sandbox_spec *spec)
{
    struct own_paths read_only = {.arena = arena, .links = &read_only};
    struct own_paths hidden = {.arena = arena, .links = &read_only};
    own_paths_add(&hidden, agent->state_dir);
    own_paths_add(&hidden, agent->options->token_file);
    own_paths_add(&hidden, agent->control_path);
    own_paths_add(&hidden, agent->supervisors_path);
    if (agent->options->ca)
        own_paths_add(&read_only, agent->options->ca);
    own_paths_add_environment(&read_only);
    own_paths_add_programs(&read_only, agent->bwrap);
    spec->hidden = hidden.items;
    spec->n_hidden = hidden.n;
    spec->read_only = read_only.items;
    spec->n_read_only = read_only.n;
}

static int write_ca(const struct placing *p, const char *path, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -1 : io_write_all(fd, p->wanted.extra_ca, strlen(p->wanted.extra_ca));
    if (fd >= 0)
        close(fd);
    return rc == 0 ? 0 : error_errno(err, ERROR_IO, "cannot write %s", path);
}

static int write_spec(struct placing *p)
{
    struct agent *agent = p->agent;
    struct sandbox_spec spec;
    if (!agent->bwrap)
        return error_set(&p->err, ERROR_UNSUPPORTED, "no sandbox can be made: %s",
                         agent->no_bwrap.text);
    if (sandbox_spec_decode(p->wanted.spec, strlen(p->wanted.spec), p->arena, &spec, &p->err) != 0)
        return -1;
    if (strcmp(spec.id, p->wanted.id) != 0)
        return error_set(&p->err, ERROR_MALFORMED, "the spec is that of another sandbox");
    site_fill_spec(&p->place, &spec);
    spec.gateway = arena_printf(p->arena, "unix:%s", agent->supervisors_path);
    spec.init = agent->init;
    spec.bwrap = agent->bwrap;
    list_files(agent, p->arena, &spec);
    spec.extra_ca =
        p->wanted.extra_ca ? arena_printf(p->arena, "%s/extra-ca.pem", p->place.dir) : NULL;
    if (spec.extra_ca && write_ca(p, spec.extra_ca, &p->err) != 0)
        return -1;
    return sandbox_spec_write(&spec, arena_printf(p->arena, "%s/spec.json", p->place.dir), &p->err);
}

static void place_work(uv_work_t *work)
{
    struct placing *p = work->data;
    p->rc = site_make(&p->place, &p->err) != 0 || write_spec(p) != 0 ? -1 : 0;
}

static void reaped(uv_process_t *process, int64_t status, int signal)
{
    (void)status, (void)signal;                     /* its pidfd tells */
    uv_close((uv_handle_t *)process, poll_closed);
}

static int spawn(struct placing *p)
{
    struct tenant *t = p->tenant;
    const char *log = arena_printf(p->arena, "%s/supervisor.log", t->dir);
    int log_fd = open(log, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return error_errno(&p->err, ERROR_IO, "cannot open %s", log);
    char *args[] = {t->agent->supervisor, (char *)"--spec",
                    arena_printf(p->arena, "%s/spec.json", t->dir), NULL};
    /* The supervisor inherits the lock of its uid, so the claim outlives the agent. */
    uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE},
                                    {.flags = UV_INHERIT_FD, .data.fd = log_fd},
                                    {.flags = UV_INHERIT_FD, .data.fd = t->uid_lock}};
    uv_process_options_t options = {
        .exit_cb = reaped, .file = t->agent->supervisor, .args = args,
        .flags = UV_PROCESS_DETACHED, .stdio_count = t->uid_lock >= 0 ? 4 : 3, .stdio = stdio};
    uv_process_t *process = alloc_zero(1, sizeof *process);
    int rc = uv_spawn(&t->agent->loop, process, &options);
    close(log_fd);
    if (rc != 0) {
        uv_close((uv_handle_t *)process, poll_closed);
        return error_set(&p->err, ERROR_INTERNAL, "cannot start %s: %s", t->agent->supervisor,
                         uv_strerror(rc));
    }
    uv_unref((uv_handle_t *)process);
    return watch(t, process->pid) ? 0
                                  : error_errno(&p->err, ERROR_INTERNAL, "cannot watch %s",
                                                t->agent->supervisor);
}

static void placed(uv_work_t *work, int status)
{
    struct placing *p = work->data;
    struct tenant *t = p->tenant;
    (void)status;
    if (p->place.claimed) {
        t->uid_lock = p->place.uid_lock;
        t->uid = p->place.uid;
    }
    if (p->rc == 0 && t->agent->ending)
        p->rc = error_set(&p->err, ERROR_DRAINING, "the host's agent is ending");
    if (p->rc == 0 && t->removing)
        p->rc = error_set(&p->err, ERROR_STATE, "it is deleted");
    if (p->rc == 0)
        p->rc = spawn(p);
    if (p->rc == 0)
        log_info(t->agent->log, "sandbox %s is started", t->id);
    else
        ended(t, p->err.text);
    arena_wipe(p->arena);
    free(p);
}

static size_t count_running(const struct agent *agent)
{
    size_t n = 0;
    for (const struct tenant *t = agent->tenants; t; t = t->next)
        n += t->state != TENANT_DOWN;
    return n;
}

static void begin_placing(struct tenant *t, const struct host_place *wanted)
{
    struct agent *agent = t->agent;
    struct arena *arena = arena_new();
    struct placing *p = alloc_zero(1, sizeof *p);
    *p = (struct placing){.work.data = p, .agent = agent, .tenant = t, .arena = arena,
                          .wanted = *wanted};
    p->wanted.id = t->id;
    p->wanted.spec = arena_str(arena, wanted->spec);
    p->wanted.extra_ca = wanted->extra_ca ? arena_str(arena, wanted->extra_ca) : NULL;
    p->place = (struct site_place){
        .arena = arena, .state_dir = agent->state_dir, .uids = &agent->uids,
        .cgroups = &agent->cgroups, .id = t->id, .name = t->id, .number = wanted->number,
        .limits = {wanted->memory_bytes, wanted->cpu_millis, wanted->pids}, .dir = t->dir,
        .uid = t->uid, .uid_lock = t->uid_lock};
    t->state = TENANT_STARTING;
    uv_queue_work(&agent->loop, &p->work, place_work, placed);
}

void tenants_place(struct agent *agent, const struct host_place *wanted)
{
    char why[128];
    if (!is_id(wanted->id)) {
        agent_send(agent, MESSAGE_ENDED, wanted->id, "that is no id of a sandbox");
        return;
    }
    if (count_running(agent) >= agent->options->capacity) {
        snprintf(why, sizeof why, "the host has room for %u sandboxes, and has as many",
                 agent->options->capacity);
        agent_send(agent, MESSAGE_ENDED, wanted->id, why);
        return;
    }
    struct tenant *t = find(agent, wanted->id);
    if (!t)
        t = add(agent, wanted->id);
    if (t->state == TENANT_DOWN && !t->cleaning)
        begin_placing(t, wanted);
    else if (t->cleaning)
        agent_send(agent, MESSAGE_ENDED, wanted->id, "its files are being deleted");
}

void tenants_kill(struct agent *agent, const char *id)
{
    struct tenant *t = find(agent, id);
    if (t && t->state == TENANT_UP)
        kill_supervisor(t);
    else if (!t || t->state == TENANT_DOWN)
        agent_send(agent, MESSAGE_ENDED, id, NULL);
}

void tenants_remove(struct agent *agent, const char *id)
{
    struct tenant *t = find(agent, id);
    if (!t) {
        agent_send(agent, MESSAGE_REMOVED, id, NULL);
        return;
    }
    t->removing = true;
    if (t->state == TENANT_DOWN && !t->cleaning)
        clean(t);
    else
        kill_supervisor(t);
}
