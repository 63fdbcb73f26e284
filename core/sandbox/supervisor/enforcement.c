/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/enforcement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "egress/proxy.h"
#include "net/handle.h"
#include "sandbox/container/process.h"
#include "sandbox/supervisor/grants.h"
#include "sandbox/supervisor/loadable.h"
#include "sandbox/wire/uses.h"

enum { TELL_MS = 200 };

/* A process whose end is the end of a grant. */
struct watched {
    uv_poll_t poll;
    struct watched *next;
    struct enforcement *e;
    char *chunk;
    int pidfd;
};

struct alarm {
    uv_poll_t poll;
    int fd;
};

struct enforcement {
    struct enforcement_setup setup;
    struct network *network;                        /* NULL: there is none, or not yet */
    struct policy *built;                           /* what the sandbox was started with */
    struct policy *sent;                            /* the one of the revision */
    struct policy *policy;                          /* the same without what has ended */
    uint64_t revision;
    char boot[CLOCK_BOOT_SIZE];
    struct grant_book grants;
    int uses_fd;                                    /* of wire/uses.h; -1: none */
    size_t n_uses;                                  /* records that it has at most */
    struct alarm wall, boottime;
    uv_timer_t soon;                                /* the policy is set from the loop */
    uv_timer_t telling;                             /* no use is told of meanwhile */
    struct watched *watched;
    bool closing;
};

/* ---- what is in force ---- */

static struct policy *without_ended(struct enforcement *e)
{
    struct policy_grant ended[POLICY_GRANTS_MAX];
    struct policy_grants list = {ended, 0};
    struct error err;
    for (size_t i = 0; i < e->grants.n; i++)
        if (e->grants.items[i].ended)
            ended[list.n++] = e->grants.items[i].grant;
    struct policy *policy = policy_without_grants(e->sent, &list, &err);
    if (!policy)                                    /* nothing passes rather than too much */
        log_error(e->setup.log, "%s", err.text);
    return policy ? policy : policy_default();
}

static size_t list_running(const struct enforcement *e, struct egress_grant *out)
{
    size_t n = 0;
    for (size_t i = 0; i < e->grants.n; i++) {
        const struct policy_grant *grant = &e->grants.items[i].grant;
        if (!e->grants.items[i].ended)
            out[n++] = (struct egress_grant){
                .rule = grant->rule, .uses_left = grant->uses ? grant->uses - grant->used : -1,
                .pid = (pid_t)grant->host_pid,
                .pid_since_ms = process_started_ms(grant->started)};
    }
    return n;
}

static void set_alarm(struct alarm *alarm, int64_t at_ms)
{
    struct itimerspec when = {0};
    if (at_ms != INT64_MAX) {
        when.it_value.tv_sec = at_ms / 1000;
        when.it_value.tv_nsec = at_ms % 1000 * 1000000 + 1;    /* 0 would be no alarm */
    }
    timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void apply(struct enforcement *e)
{
    struct egress_grant running[POLICY_GRANTS_MAX];
    int64_t wall_ms, boot_ms;
    policy_unref(e->policy);
    e->policy = without_ended(e);
    size_t n = list_running(e, running);
    if (e->network)
        sandbox_network_set_policy(e->network, e->policy, running, n);
    sandbox_grants_deadlines(&e->grants, &wall_ms, &boot_ms);
    set_alarm(&e->wall, wall_ms);
    set_alarm(&e->boottime, boot_ms);
}

/* ---- to the gateway ---- */

static void tell(struct enforcement *e, const struct grant_entry *entry)
{
    e->setup.tell(e->setup.ctx, &(struct sandbox_grant){.chunk = entry->grant.chunk,
                                                        .used = entry->grant.used,
                                                        .ended = entry->ended});
}

void sandbox_enforcement_tell(struct enforcement *e)
{
    for (size_t i = 0; i < e->grants.n; i++)
        if (e->grants.items[i].ended || e->grants.items[i].grant.used)
            tell(e, &e->grants.items[i]);
}

/* ---- on file ---- */

static void not_on_file(struct enforcement *e, struct grant_entry *entry)
{
    log_error(e->setup.log, "uses of the grant of chunk %s cannot be written to %s: %s; it ends",
              entry->grant.chunk, e->setup.spec->uses, strerror(errno));
    sandbox_grants_end(entry, alloc_str("its uses cannot be recorded"));
}

/* Before a use passes.  What is not on file might be granted again by the next supervisor. */
static void write_uses(struct enforcement *e, struct grant_entry *entry)
{
    size_t number = (size_t)(entry - e->grants.items);
    if (e->setup.spec->uses && entry->grant.uses &&
        sandbox_uses_write(e->uses_fd, number, entry->grant.chunk, entry->grant.used) != 0)
        not_on_file(e, entry);
}

/* Grants may have other numbers than before.  From the first one on, so none is without a record
 * meanwhile. */
static void write_all_uses(struct enforcement *e)
{
    for (size_t i = 0; i < e->grants.n; i++)
        if (e->setup.spec->uses &&
            sandbox_uses_write(e->uses_fd, i, e->grants.items[i].grant.chunk,
                               e->grants.items[i].grant.used) != 0 &&
            e->grants.items[i].grant.uses)
            not_on_file(e, &e->grants.items[i]);
    if (e->grants.n >= e->n_uses || e->uses_fd < 0 ||
        sandbox_uses_cut(e->uses_fd, e->grants.n) == 0)
        e->n_uses = e->grants.n;
    else
        log_warn(e->setup.log, "%s cannot be cut: %s", e->setup.spec->uses, strerror(errno));
}

static void tell_ended(struct enforcement *e)
{
    for (size_t i = 0; i < e->grants.n; i++)
        if (e->grants.items[i].ended)
            tell(e, &e->grants.items[i]);
}

/* ---- ends ---- */

static void on_alarm(uv_poll_t *poll, int status, int events)
{
    struct enforcement *e = poll->data;
    uint64_t times;
    (void)status;
    (void)events;
    /* Nothing to read: another alarm was set meanwhile. */
    ssize_t by_wall = read(e->wall.fd, &times, sizeof times),
            by_boot = read(e->boottime.fd, &times, sizeof times);
    if (by_wall < 0 && by_boot < 0)
        return;
    bool ended = sandbox_grants_check(&e->grants);
    apply(e);
    if (ended)
        tell_ended(e);
}

static void on_soon(uv_timer_t *timer)
{
    apply(timer->data);
}

/* Each report is a write of the gateway's, and a workload has uses as fast as it likes: so at most
 * one in TELL_MS is about a grant that runs on.  It tells all uses so far. */
static void tell_uses(uv_timer_t *timer)
{
    struct enforcement *e = timer->data;
    struct grant_entry *entry;
    while ((entry = sandbox_grants_untold(&e->grants))) {
        tell(e, entry);
        uv_timer_start(timer, tell_uses, TELL_MS, 0);
    }
}

static void on_use(void *ctx, const char *rule)
{
    struct enforcement *e = ctx;
    struct grant_entry *entry = sandbox_grants_use(&e->grants, rule);
    if (!entry)
        return;
    write_uses(e, entry);
    if (entry->ended) {
        tell(e, entry);
        uv_timer_start(&e->soon, on_soon, 0, 0);
    } else if (!uv_is_active((uv_handle_t *)&e->telling)) {
        tell_uses(&e->telling);
    }
}

/* ---- processes ---- */

static void watched_closed(uv_handle_t *poll)
{
    struct watched *w = poll->data;
    close(w->pidfd);
    free(w->chunk);
    free(w);
}

static void drop_watched(struct watched *w)
{
    struct watched **at = &w->e->watched;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    uv_close((uv_handle_t *)&w->poll, watched_closed);
}

static void end_with_process(struct enforcement *e, struct grant_entry *entry)
{
    sandbox_grants_end(entry, alloc_printf("process %lld has ended", (long long)entry->grant.pid));
    apply(e);
    tell(e, entry);
}

static void on_process_ended(uv_poll_t *poll, int status, int events)
{
    struct watched *w = poll->data;
    struct enforcement *e = w->e;
    struct grant_entry *entry = sandbox_grants_find(&e->grants, w->chunk);
    (void)status;
    (void)events;
    drop_watched(w);
    if (entry)
        end_with_process(e, entry);
}

static bool is_watched(const struct enforcement *e, const char *chunk)
{
    for (const struct watched *w = e->watched; w; w = w->next)
        if (strcmp(w->chunk, chunk) == 0)
            return true;
    return false;
}

static void watch(struct enforcement *e, struct grant_entry *entry)
{
    int pidfd = process_hold((pid_t)entry->grant.host_pid, entry->grant.started);
    if (pidfd < 0) {
        sandbox_grants_end(entry,
                           alloc_printf("process %lld has ended", (long long)entry->grant.pid));
        return;
    }
    struct watched *w = alloc_zero(1, sizeof *w);
    *w = (struct watched){.next = e->watched, .e = e, .chunk = alloc_str(entry->grant.chunk),
                          .pidfd = pidfd};
    w->poll.data = w;
    e->watched = w;
    net_make_poll(e->setup.loop, &w->poll, pidfd);
    uv_poll_start(&w->poll, UV_READABLE, on_process_ended);
}

static void watch_processes(struct enforcement *e)
{
    for (struct watched *w = e->watched, *next; w; w = next) {
        next = w->next;
        if (!sandbox_grants_find(&e->grants, w->chunk))
            drop_watched(w);
    }
    for (size_t i = 0; i < e->grants.n; i++) {
        struct grant_entry *entry = &e->grants.items[i];
        if (entry->grant.pid && !entry->ended && !is_watched(e, entry->grant.chunk))
            watch(e, entry);
    }
}

/* ---- a revision ---- */

/* The policy of a revision, if it is what was sent and the sandbox can do as it says. */
static struct policy *accept_policy(struct enforcement *e, const struct sandbox_revision *revision,
                                    struct error *err)
{
    struct policy *policy = sandbox_read_policy(revision->policy, err);
    if (!policy)
        return NULL;
    int rc = strcmp(policy_hash(policy), revision->hash) != 0
                 ? error_set(err, ERROR_INVALID, "the policy's hash is %s, not %s",
                             policy_hash(policy), revision->hash)
                 : sandbox_loadable(policy_model(e->built), policy_model(policy),
                                    e->setup.spec->proxy, err);
    if (rc == 0)
        return policy;
    policy_unref(policy);
    return NULL;
}

static void take_grants(struct enforcement *e, const struct policy_grant *grants, size_t n)
{
    sandbox_grants_take(&e->grants, grants, n);
    write_all_uses(e);
    watch_processes(e);
}

int sandbox_enforcement_take(struct enforcement *e, const struct sandbox_revision *revision,
                             struct error *err)
{
    bool same = strcmp(revision->hash, policy_hash(e->policy)) == 0;
    struct policy *policy = same ? policy_ref(e->policy) : accept_policy(e, revision, err);
    if (!policy)
        return -1;
    policy_unref(e->sent);
    e->sent = policy;
    e->revision = revision->revision;
    if (!same || revision->n_grants || e->grants.n) {
        take_grants(e, revision->grants, revision->n_grants);
        apply(e);
        tell_ended(e);
    }
    if (e->network)
        sandbox_network_loaded(e->network, e->revision);
    return 0;
}

/* ---- the start and the end ---- */

static int64_t wall_now(void *ctx)
{
    (void)ctx;
    return clock_now_ms();
}

static int64_t boot_now(void *ctx)
{
    (void)ctx;
    return clock_boot_ms();
}

static void open_alarm(struct enforcement *e, struct alarm *alarm, int clock)
{
    alarm->fd = timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC);
    alarm->poll.data = e;
    net_make_poll(e->setup.loop, &alarm->poll, alarm->fd);
    uv_poll_start(&alarm->poll, UV_READABLE, on_alarm);
}

struct enforcement *sandbox_enforcement_new(const struct enforcement_setup *setup,
                                            struct error *err)
{
    struct policy *policy = sandbox_read_policy(setup->spec->policy, err);
    if (!policy) {
        error_prefix(err, "no sandbox can be made: its policy");
        return NULL;
    }
    if (sandbox_loadable(NULL, policy_model(policy), setup->spec->proxy, err) != 0) {
        error_prefix(err, "no sandbox can be made");
        policy_unref(policy);
        return NULL;
    }
    struct enforcement *e = alloc_zero(1, sizeof *e);
    e->setup = *setup;
    e->built = policy_ref(policy);
    e->policy = policy_ref(policy);
    e->sent = policy;
    e->revision = setup->spec->revision;
    e->uses_fd = -1;
    const struct grant_clock clock = {wall_now, boot_now, clock_boot_id(e->boot), NULL};
    sandbox_grants_init(&e->grants, &clock);
    open_alarm(e, &e->wall, CLOCK_REALTIME);
    open_alarm(e, &e->boottime, CLOCK_BOOTTIME);
    uv_timer_init(setup->loop, &e->soon);
    uv_timer_init(setup->loop, &e->telling);
    e->soon.data = e->telling.data = e;
    return e;
}

int sandbox_enforcement_start(struct enforcement *e, struct network *network,
                              const struct container_ready *ready, struct error *err)
{
    if (network) {
        sandbox_network_count_uses(network, on_use, e);
        if (sandbox_network_start(network, ready, e->policy, err) != 0)
            return -1;
        sandbox_network_loaded(network, e->revision);
    }
    e->network = network;
    if (e->setup.spec->uses) {
        e->uses_fd = sandbox_uses_open(e->setup.spec->uses, e->boot);
        if (e->uses_fd < 0)
            log_error(e->setup.log, "cannot write %s: %s; no grant by uses runs",
                      e->setup.spec->uses, strerror(errno));
    }
    take_grants(e, e->setup.spec->grants, e->setup.spec->n_grants);
    if (e->grants.n)
        apply(e);
    return 0;
}

void sandbox_enforcement_close(struct enforcement *e)
{
    e->network = NULL;
    while (e->watched)
        drop_watched(e->watched);
    uv_close((uv_handle_t *)&e->wall.poll, NULL);
    uv_close((uv_handle_t *)&e->boottime.poll, NULL);
    uv_close((uv_handle_t *)&e->soon, NULL);
    uv_close((uv_handle_t *)&e->telling, NULL);
}

void sandbox_enforcement_free(struct enforcement *e)
{
    if (!e)
        return;
    if (e->uses_fd >= 0)
        close(e->uses_fd);
    close(e->wall.fd);
    close(e->boottime.fd);
    sandbox_grants_free(&e->grants);
    policy_unref(e->built);
    policy_unref(e->sent);
    policy_unref(e->policy);
    free(e);
}

const struct sluice_policy *sandbox_enforcement_built(const struct enforcement *e)
{
    return policy_model(e->built);
}

uint64_t sandbox_enforcement_revision(const struct enforcement *e)
{
    return e->revision;
}
