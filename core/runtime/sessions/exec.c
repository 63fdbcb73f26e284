/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sessions/exec.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/peers/peers.h"
#include "runtime/sandbox.h"

enum { EXEC_TIMEOUT_MS = 10000 };

/* A command that waits for its supervisor to connect back, or to say that it runs. */
struct exec_wait {
    struct exec_wait *next;
    struct sandbox *sandbox;
    char id[DIGEST_HEX_SIZE];
    struct buf message;                             /* to the supervisor */
    runtime_exec_fn *done;
    runtime_detach_fn *detached;                    /* instead of done */
    void *arg;
    uv_timer_t timer;
};

static void free_wait(uv_handle_t *timer)
{
    struct exec_wait *w = timer->data;
    buf_free(&w->message);
    free(w);
}

static void end_wait(struct exec_wait *w, struct net_stream *session, int64_t pid,
                     const struct error *err)
{
    struct exec_wait **at = &w->sandbox->execs;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    uv_close((uv_handle_t *)&w->timer, free_wait);
    if (w->detached)
        w->detached(w->arg, pid, err);
    else
        w->done(w->arg, session, err);
}

static void fail(struct exec_wait *w, enum error_kind kind, const char *why)
{
    struct error err;
    error_set(&err, kind, "the command was not run in sandbox '%s': %s", w->sandbox->name, why);
    end_wait(w, NULL, 0, &err);
}

void sandbox_exec_fail_all(struct sandbox *s, const char *why)
{
    while (s->execs)
        fail(s->execs, ERROR_UPSTREAM, why);
}

static void on_timeout(uv_timer_t *timer)
{
    fail(timer->data, ERROR_TIMEOUT, "its supervisor did not answer in time");
}

static const char *state_word(const struct sandbox *s)
{
    switch (s->state) {
    case SANDBOX_STARTING:
        return "it is starting";
    case SANDBOX_STOPPING:
        return "it is stopping";
    default:
        return s->failed ? "its phase is error, and sandbox get says why" : "it is stopped";
    }
}

static struct sandbox *find_ready(struct runtime *all, const char *id, struct error *err)
{
    struct sandbox *s = sandbox_in_reach(all, id, err);
    if (!s || s->ready || s->state == SANDBOX_UP || sandbox_is_foreign(s))
        return s;
    error_set(err, ERROR_STATE, "sandbox '%s' is not ready (%s): start it, or wait for it",
              s->name, state_word(s));
    return NULL;
}

int runtime_exec_check(struct runtime *all, const char *id, struct error *err)
{
    return find_ready(all, id, err) ? 0 : -1;
}

void sandbox_exec_send_all(struct sandbox *s)
{
    for (struct exec_wait *w = s->execs; w; w = w->next)
        link_send_line(s->link, &w->message);
}

static struct exec_wait *add_wait(struct sandbox *s, void *arg)
{
    struct exec_wait *w = alloc_zero(1, sizeof *w);
    *w = (struct exec_wait){.next = s->execs, .sandbox = s, .arg = arg};
    s->execs = w;
    digest_secret(w->id);
    uv_timer_init(s->all->setup.loop, &w->timer);
    w->timer.data = w;
    uv_timer_start(&w->timer, on_timeout, EXEC_TIMEOUT_MS, 0);
    return w;
}

static void send_wait(struct exec_wait *w, const struct sandbox_message *message)
{
    struct sandbox *s = w->sandbox;
    sandbox_message_encode(message, &w->message);
    if (s->equipped)
        link_send_line(s->link, &w->message);
    else
        log_info(s->all->setup.log, "sandbox %s: a command waits for the supervisor to come back",
                 s->name);
}

static void send_command(struct exec_wait *w, const struct sandbox_exec *command)
{
    struct sandbox_message message = {.type = MESSAGE_EXEC, .exec = *command};
    message.exec.id = w->id;
    send_wait(w, &message);
}

/* Of its home, which knows how the sandbox stands. */
static int ask_home(const struct sandbox *s, const char *op, const struct auth_principal *who,
                    const struct sandbox_message *message, runtime_exec_fn *done,
                    runtime_detach_fn *detached, void *arg)
{
    peers_ask(s, &(struct peer_question){.op = op, .who = who, .message = message, .done = done,
                                         .detached = detached, .arg = arg});
    return 0;
}

static int ask_command(const struct sandbox *s, const struct auth_principal *who,
                       const struct sandbox_exec *command, runtime_exec_fn *done,
                       runtime_detach_fn *detached, void *arg)
{
    struct sandbox_message message = {.type = MESSAGE_EXEC, .exec = *command};
    message.exec.id = "";                           /* its home makes one */
    return ask_home(s, PEER_EXEC, who, &message, done, detached, arg);
}

int runtime_exec(struct runtime *all, const char *id, const struct auth_principal *who,
                 const struct sandbox_exec *command, runtime_exec_fn *done, void *arg,
                 struct error *err)
{
    struct sandbox *s = find_ready(all, id, err);
    if (!s)
        return -1;
    if (sandbox_is_foreign(s))
        return ask_command(s, who, command, done, NULL, arg);
    struct exec_wait *w = add_wait(s, arg);
    w->done = done;
    send_command(w, command);
    return 0;
}

int runtime_detach(struct runtime *all, const char *id, const struct auth_principal *who,
                   const struct sandbox_exec *command, runtime_detach_fn *done, void *arg,
                   struct error *err)
{
    struct sandbox *s = find_ready(all, id, err);
    if (!s)
        return -1;
    if (sandbox_is_foreign(s))
        return ask_command(s, who, command, NULL, done, arg);
    struct exec_wait *w = add_wait(s, arg);
    w->detached = done;
    send_command(w, command);
    return 0;
}

static int ask_attach(const struct sandbox *s, const struct auth_principal *who,
                      const struct sandbox_attach *client, runtime_exec_fn *done, void *arg)
{
    struct sandbox_message message = {.type = MESSAGE_ATTACH, .attach = *client};
    message.attach.id = "";
    return ask_home(s, PEER_ATTACH, who, &message, done, NULL, arg);
}

int runtime_attach(struct runtime *all, const char *id, const struct auth_principal *who,
                   const struct sandbox_attach *client, runtime_exec_fn *done, void *arg,
                   struct error *err)
{
    struct sandbox *s = find_ready(all, id, err);
    if (!s)
        return -1;
    if (!s->has_main)
        return runtime_no_main(s->name, err);
    if (sandbox_is_foreign(s))
        return ask_attach(s, who, client, done, arg);
    struct exec_wait *w = add_wait(s, arg);
    struct sandbox_message message = {.type = MESSAGE_ATTACH, .attach = *client};
    w->done = done;
    message.attach.id = w->id;
    send_wait(w, &message);
    return 0;
}

void sandbox_exec_detached(struct sandbox *s, const struct sandbox_detached *detached)
{
    struct exec_wait *w = runtime_exec_find(s->all, s->id, detached->id);
    if (!w || !w->detached)
        return;
    if (*detached->error)
        fail(w, ERROR_STATE, detached->error);
    else
        end_wait(w, NULL, detached->pid, NULL);
}

struct exec_wait *runtime_exec_find(struct runtime *all, const char *sandbox_id,
                                    const char *exec_id)
{
    struct sandbox *s = sandbox_find(all, sandbox_id);
    for (struct exec_wait *w = s ? s->execs : NULL; w; w = w->next)
        if (strcmp(w->id, exec_id) == 0)
            return w;
    return NULL;
}

void runtime_exec_connect(struct exec_wait *w, struct net_stream *session)
{
    end_wait(w, session, 0, NULL);
}
