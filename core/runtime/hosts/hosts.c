/* SPDX-License-Identifier: Apache-2.0 */
/* The streams of hosts, and what their messages mean. */
#include "runtime/hosts/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/hosts/parts.h"

/* ---- the list ---- */

struct host *host_find(struct runtime *all, const char *name)
{
    for (struct host *h = all->hosts; h; h = h->next)
        if (strcmp(h->name, name) == 0)
            return h;
    return NULL;
}

static struct host *add(struct runtime *all, const char *name)
{
    struct host *h = alloc_zero(1, sizeof *h);
    *h = (struct host){.next = all->hosts, .all = all, .name = alloc_str(name),
                       .instance = alloc_str(""), .labels = alloc_str("{}"),
                       .version = alloc_str(""), .unable = alloc_str("")};
    uv_mutex_lock(&all->lock);
    all->hosts = h;
    uv_mutex_unlock(&all->lock);
    return h;
}

void hosts_count(struct runtime *all)
{
    uv_mutex_lock(&all->lock);
    for (struct host *h = all->hosts; h; h = h->next) {
        h->n_sandboxes = 0;
        for (const struct sandbox *s = all->list; s; s = s->next)
            h->n_sandboxes += s->state != SANDBOX_DOWN && strcmp(s->host, h->name) == 0;
    }
    uv_mutex_unlock(&all->lock);
}

void host_publish(struct host *h, const char *state, const char *error)
{
    events_publish(h->all->setup.events, "host", "",
                   json_pack("{s:s, s:s, s:s, s:s}", "host", h->name, "state", state, "origin",
                             h->origin, "error", error));
}

/* ---- to a host ---- */

void host_send(struct host *h, enum sandbox_message_type type, const char *id, const char *error)
{
    if (h->link)
        link_send(h->link, &(struct sandbox_message){.type = type,
                                                     .of_host = {.id = id, .error = error}});
}

static void set_ready(struct host *h, bool ready)
{
    uv_mutex_lock(&h->all->lock);
    h->ready = ready;
    h->seen_ms = clock_now_ms();
    uv_mutex_unlock(&h->all->lock);
}

static void leave(struct host *h)
{
    bool was_ready = h->ready;
    h->link = NULL;
    h->greeted = h->refused = false;
    set_ready(h, false);
    if (was_ready)
        host_publish(h, "away", "");
}

/* The stream ends with the next ping, as the reason is on its way. */
void host_refuse(struct host *h, const char *why)
{
    log_warn(h->all->setup.log, "host %s (%s) is refused: %s", h->name, h->origin, why);
    h->refused = true;
    host_send(h, MESSAGE_HOST_REFUSED, "", why);
    host_publish(h, "refused", why);
}

bool sandbox_is_hosted(const struct sandbox *s)
{
    return *s->host;
}

const char *sandbox_host_away(const struct sandbox *s, struct error *err)
{
    const struct host *h = host_find(s->all, s->host);
    char seen[CLOCK_TEXT_SIZE];
    if (h && h->ready)
        return NULL;
    error_set(err, ERROR_STATE,
              "sandbox '%s' is on the host %s, which is away; it was last seen %s", s->name,
              s->host, h ? clock_format(h->seen_ms, seen) : "before this gateway began");
    return err->text;
}

int sandbox_place(struct sandbox *s, struct buf *line, struct error *err)
{
    struct host *h = host_find(s->all, s->host);
    if (sandbox_host_away(s, err))
        return -1;
    if (line->len > SANDBOX_LINE_MAX)
        return error_set(err, ERROR_LIMIT, "sandbox '%s' has a policy and an environment that are "
                         "too large to be sent to a host", s->name);
    link_send_line(h->link, line);
    return 0;
}

void sandbox_kill_hosted(struct sandbox *s)
{
    struct host *h = host_find(s->all, s->host);
    if (h && h->ready)
        host_send(h, MESSAGE_KILL, s->id, NULL);
}

/* ---- a removal ---- */

static void end_removal(struct sandbox *s, const struct error *err)
{
    runtime_done *done = s->removed;
    void *arg = s->removed_arg;
    s->removed = NULL;
    sandbox_drop_timer(s);
    if (done)
        done(arg, err);
}

static void removal_timeout(uv_timer_t *timer)
{
    struct sandbox *s = timer->data;
    struct error err;
    error_set(&err, ERROR_TIMEOUT, "the host %s has not deleted the files of sandbox '%s' in time",
              s->host, s->name);
    end_removal(s, &err);
}

void sandbox_give_up_removal(struct sandbox *s)
{
    struct error err;
    error_set(&err, ERROR_DRAINING, "the gateway is stopping");
    if (s->removed)
        end_removal(s, &err);
}

void sandbox_remove_hosted(struct sandbox *s, runtime_done *done, void *arg)
{
    struct error err;
    if (sandbox_host_away(s, &err)) {
        done(arg, &err);
        return;
    }
    s->removed = done;
    s->removed_arg = arg;
    host_send(host_find(s->all, s->host), MESSAGE_REMOVE, s->id, NULL);
    sandbox_set_timer(s, removal_timeout, HOST_REMOVE_MS);
}

/* ---- from a host ---- */

/* Of a sandbox that is on another host, or not known, a host can say nothing. */
static struct sandbox *own_sandbox(struct host *h, const char *id)
{
    struct sandbox *s = sandbox_find(h->all, id);
    if (s && strcmp(s->host, h->name) == 0 && !sandbox_is_foreign(s))
        return s;
    log_debug(h->all->setup.log, "host %s speaks of a sandbox that is not on it", h->name);
    return NULL;
}

static void on_ended_sandbox(struct host *h, const struct host_sandbox *m)
{
    struct sandbox *s = own_sandbox(h, m->id);
    if (!s || s->state == SANDBOX_DOWN || s->preparing)
        return;
    if (m->error && *m->error)
        error_set(&s->start_error, ERROR_UPSTREAM, "host %s cannot run sandbox '%s': %.400s",
                  h->name, s->name, m->error);
    sandbox_ended(s);
    hosts_count(h->all);
}

static void on_removed(struct host *h, const struct host_sandbox *m)
{
    struct sandbox *s = own_sandbox(h, m->id);
    struct error err;
    if (!s || !s->removed)
        return;
    if (m->error && *m->error) {
        error_set(&err, ERROR_UPSTREAM, "host %s: %.400s", h->name, m->error);
        end_removal(s, &err);
    } else {
        end_removal(s, NULL);
    }
}

static bool on_message(void *owner, const struct sandbox_message *m, struct arena *arena)
{
    struct host *h = owner;
    (void)arena;
    h->heard_ms = uv_now(h->all->setup.loop);
    if (m->type == MESSAGE_HOST_HELLO && !h->greeted)
        host_greet(h, &m->host_hello);
    else if (m->type == MESSAGE_ENDED && h->ready)
        on_ended_sandbox(h, &m->of_host);
    else if (m->type == MESSAGE_REMOVED && h->ready)
        on_removed(h, &m->of_host);
    else if (m->type == MESSAGE_PONG)
        set_ready(h, h->ready);                     /* it was seen */
    return false;
}

static void on_malformed(void *owner, const struct error *why)
{
    struct host *h = owner;
    log_warn(h->all->setup.log, "host %s sent a line that cannot be read: %s", h->name, why->text);
}

static void on_ended(void *owner, const char *why)
{
    struct host *h = owner;
    log_warn(h->all->setup.log, "host %s is away%s%s", h->name, *why ? ": " : "", why);
    leave(h);
}

/* ---- streams ---- */

static void disconnect(struct host *h)
{
    if (!h->link)
        return;
    link_close(h->link);
    leave(h);
}

/* Those that are silent are away, though their streams may not have noticed. */
static void on_beat(uv_timer_t *timer)
{
    struct runtime *all = timer->data;
    uint64_t now = uv_now(all->setup.loop);
    bool any = false;
    for (struct host *h = all->hosts; h; h = h->next) {
        if (!h->link)
            continue;
        any = true;
        link_send(h->link, &(struct sandbox_message){.type = MESSAGE_PING});
        if (now - h->heard_ms > HOST_AWAY_MS) {
            log_warn(all->setup.log, "host %s is away: it is silent", h->name);
            disconnect(h);
        }
    }
    if (!any)
        uv_timer_stop(timer);
}

static size_t count(const struct runtime *all)
{
    size_t n = 0;
    for (const struct host *h = all->hosts; h; h = h->next)
        n++;
    return n;
}

int runtime_host_check(struct runtime *all, const struct auth_principal *who, const char *instance,
                       struct error *err)
{
    const struct host *h = host_find(all, who->name);
    if (all->closing || all->draining)
        return error_set(err, ERROR_DRAINING, "the gateway is about to stop");
    if (!instance || !*instance || strlen(instance) >= UUID_SIZE)
        return error_set(err, ERROR_INVALID,
                         "a host says which one it is in " SANDBOX_HOST_INSTANCE);
    if (h && h->link && strcmp(h->instance, instance) != 0)
        return error_set(err, ERROR_EXISTS,
                         "the name '%s' is taken by another host, which is connected from %s: make "
                         "a token of its own for each host", h->name, h->origin);
    return h || count(all) < HOSTS_MAX
               ? 0
               : error_set(err, ERROR_LIMIT, "the gateway has %d hosts already", HOSTS_MAX);
}

void runtime_host_connect(struct runtime *all, const struct auth *auth,
                          const struct auth_principal *who, const char *instance,
                          struct net_stream *stream)
{
    static const struct link_calls calls = {
        .message = on_message, .malformed = on_malformed, .ended = on_ended};
    struct host *h = host_find(all, who->name);
    if (!h)
        h = add(all, who->name);
    disconnect(h);
    uv_mutex_lock(&all->lock);
    free(h->instance);
    h->instance = alloc_str(instance);
    h->auth = auth;
    h->who = *who;
    memcpy(h->origin, who->origin, sizeof h->origin);
    uv_mutex_unlock(&all->lock);
    h->link = link_new(stream, &calls, h);
    h->heard_ms = uv_now(all->setup.loop);
    if (!uv_is_active((uv_handle_t *)&all->beat))
        uv_timer_start(&all->beat, on_beat, HOST_PING_MS, HOST_PING_MS);
    link_read(h->link);
}

void runtime_ping_hosts(struct runtime *all)
{
    for (struct host *h = all->hosts; h; h = h->next) {
        if (h->link && !auth_holds(h->auth, &h->who)) {
            log_warn(all->setup.log, "host %s is sent away: its token is no longer good", h->name);
            disconnect(h);
        } else if (h->link && h->refused) {
            disconnect(h);
        }
    }
    hosts_count(all);
}

void runtime_close_hosts(struct runtime *all)
{
    for (struct host *h = all->hosts; h; h = h->next)
        if (h->link) {
            link_close(h->link);
            h->link = NULL;
            h->ready = false;
        }
}

void runtime_free_hosts(struct runtime *all)
{
    for (struct host *h = all->hosts, *next; h; h = next) {
        next = h->next;
        free(h->name);
        free(h->instance);
        free(h->labels);
        free(h->version);
        free(h->unable);
        free(h);
    }
    all->hosts = NULL;
}
