/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a sandbox, and how it is stopped.
 *
 *     DOWN --start--> STARTING --hello--> UP --stop--> STOPPING --exit--> DOWN
 *
 * If a supervisor ends on its own, any state becomes DOWN, with phase error. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/hosts/hosts.h"
#include "runtime/sandbox.h"

/* ---- waiters and the timer of a start or stop ---- */

void sandbox_add_waiter(struct sandbox *s, runtime_done *done, void *arg)
{
    struct sandbox_waiter *w = alloc_zero(1, sizeof *w);
    *w = (struct sandbox_waiter){s->waiters, done, arg};
    s->waiters = w;
}

struct sandbox_waiter *sandbox_take_waiters(struct sandbox *s)
{
    struct sandbox_waiter *list = s->waiters;
    s->waiters = NULL;
    return list;
}

void sandbox_tell_waiters(struct sandbox_waiter *list, const struct error *err)
{
    for (struct sandbox_waiter *w = list, *next; w; w = next) {
        next = w->next;
        w->done(w->arg, err);
        free(w);
    }
}

void sandbox_free_handle(uv_handle_t *handle)
{
    free(handle);
}

void sandbox_drop_timer(struct sandbox *s)
{
    if (s->timer)
        uv_close((uv_handle_t *)s->timer, sandbox_free_handle);
    s->timer = NULL;
}

void sandbox_set_timer(struct sandbox *s, uv_timer_cb fn, uint64_t ms)
{
    sandbox_drop_timer(s);
    s->timer = alloc_zero(1, sizeof *s->timer);
    uv_timer_init(s->all->setup.loop, s->timer);
    s->timer->data = s;
    uv_timer_start(s->timer, fn, ms, 0);
}

/* ---- its end ---- */

/* Only reaps the child: on_pidfd handles its end. */
void sandbox_reaped(uv_process_t *process, int64_t status, int signal)
{
    (void)status;
    (void)signal;
    struct sandbox *s = process->data;
    if (s && s->process == process)
        s->process = NULL;
    uv_close((uv_handle_t *)process, sandbox_free_handle);
}

static void why_ended(const struct sandbox *s, struct error *err)
{
    if (*s->start_error.text)
        *err = s->start_error;
    else if (sandbox_is_hosted(s))
        error_set(err, ERROR_UPSTREAM, "the supervisor of sandbox '%s' on the host %s ended "
                  "unexpectedly; its log is supervisor.log there", s->name, s->host);
    else
        error_set(err, ERROR_UPSTREAM,
                  "the supervisor of sandbox '%s' ended unexpectedly; its log is %s/supervisor.log",
                  s->name, s->dir);
}

/* After a supervisor was killed, bubblewrap and its children end a moment later. */
static void leave_cgroups(uv_timer_t *timer)
{
    struct sandbox *s = timer->data;
    if (sandbox_leave_cgroups(s->dir))
        sandbox_drop_timer(s);
    else
        uv_timer_start(timer, leave_cgroups, LEAVE_RETRY_MS, 0);
}

void sandbox_ended(struct sandbox *s)
{
    struct error err;
    bool asked = s->state == SANDBOX_STOPPING;
    why_ended(s, &err);
    sandbox_unwatch(s);
    sandbox_drop_timer(s);
    s->state = SANDBOX_DOWN;
    s->ready = s->process_ended = false;
    sandbox_claim_again(s);
    if (!sandbox_leave_cgroups(s->dir))
        sandbox_set_timer(s, leave_cgroups, LEAVE_RETRY_MS);
    sandbox_exec_fail_all(s, "the sandbox ended");
    sandbox_disconnect(s);
    if (asked) {
        log_info(s->all->setup.log, "sandbox %s stopped", s->name);
        sandbox_phase(s, "stopped", NULL, sandbox_take_waiters(s));
    } else {
        log_error(s->all->setup.log, "sandbox %s: %s", s->name, err.text);
        sandbox_phase(s, "error", &err, sandbox_take_waiters(s));
    }
}

/* Until an adopted supervisor connects, only its lock shows that it lives. */
void sandbox_check_lost(struct sandbox *s)
{
    if (!sandbox_is_hosted(s) && s->state == SANDBOX_UP && !s->link && s->pidfd < 0 &&
        !site_lock_held(s->dir))
        sandbox_ended(s);
}

/* ---- stop ---- */

static void stop_timeout(uv_timer_t *timer)
{
    struct sandbox *s = timer->data;
    log_warn(s->all->setup.log, "the supervisor of sandbox %s does not stop: killing it", s->name);
    sandbox_kill(s);
}

/* The supervisor cannot be reached, and its process is not known. */
static void give_up_stop(struct sandbox *s)
{
    struct error err;
    if (!sandbox_is_hosted(s) || !sandbox_host_away(s, &err))
        error_set(&err, ERROR_STATE,
                  "the supervisor of sandbox '%s' is not connected at the moment: try again",
                  s->name);
    sandbox_drop_timer(s);
    s->state = SANDBOX_UP;
    sandbox_phase(s, "ready", NULL, NULL);
    sandbox_tell_waiters(sandbox_take_waiters(s), &err);
}

/* The supervisor lives but has not connected again before the deadline. */
static void end_hanging(struct sandbox *s)
{
    sandbox_watch_holder(s);
    if (!site_lock_held(s->dir)) {
        sandbox_ended(s);
    } else if (s->pidfd < 0) {
        give_up_stop(s);
    } else {
        log_warn(s->all->setup.log, "the supervisor of sandbox %s does not come back: killing it",
                 s->name);
        sandbox_kill(s);
    }
}

static void stop_look(uv_timer_t *timer);

/* Its host is told once more.  It says when the supervisor has ended; if it does not, nobody
 * waits for it. */
static void end_hosted(struct sandbox *s)
{
    struct error err;
    if (s->told_to_kill || sandbox_host_away(s, &err)) {
        give_up_stop(s);
        return;
    }
    sandbox_kill(s);
    s->told_to_kill = true;
    s->stop_deadline_ms = clock_mono_ms() + STOP_TIMEOUT_MS;
    uv_timer_start(s->timer, stop_look, STOP_LOOK_MS, 0);
}

/* Polls the lock where no process can be watched.  A supervisor that connects meanwhile is told to
 * stop when it says hello.  A start that is being prepared sees the state and ends. */
static void stop_look(uv_timer_t *timer)
{
    struct sandbox *s = timer->data;
    if (sandbox_is_hosted(s) && !s->preparing && clock_mono_ms() > s->stop_deadline_ms)
        end_hosted(s);
    else if (!sandbox_is_hosted(s) && !s->preparing && !site_lock_held(s->dir))
        sandbox_ended(s);
    else if (!sandbox_is_hosted(s) && !s->preparing && !s->link &&
             clock_mono_ms() > s->stop_deadline_ms)
        end_hanging(s);
    else
        uv_timer_start(timer, stop_look, STOP_LOOK_MS, 0);
}

void sandbox_stop(struct sandbox *s, runtime_done *done, void *arg)
{
    sandbox_check_lost(s);
    if (s->state == SANDBOX_DOWN) {
        done(arg, NULL);
        return;
    }
    struct error err;
    if (sandbox_is_hosted(s) && !s->link && s->state == SANDBOX_UP && sandbox_host_away(s, &err)) {
        done(arg, &err);
        return;
    }
    sandbox_add_waiter(s, done, arg);
    if (s->state == SANDBOX_STOPPING)
        return;
    s->state = SANDBOX_STOPPING;
    s->told_to_kill = false;
    s->stop_deadline_ms = clock_mono_ms() + STOP_TIMEOUT_MS;
    sandbox_phase(s, "stopping", NULL, NULL);
    if (s->link)
        sandbox_send(
            s, &(struct sandbox_message){.type = MESSAGE_STOP, .stop.grace_ms = STOP_GRACE_MS});
    else
        sandbox_kill(s);
    if (s->pidfd >= 0)
        sandbox_set_timer(s, stop_timeout, STOP_TIMEOUT_MS);
    else
        sandbox_set_timer(s, stop_look, STOP_LOOK_MS);
}

void sandbox_forget(struct sandbox *s)
{
    sandbox_unwatch(s);
    sandbox_drop_timer(s);
    sandbox_exec_fail_all(s, "the gateway is stopping");
    sandbox_give_up_removal(s);
    if (s->process)
        uv_close((uv_handle_t *)s->process, sandbox_free_handle);
    s->process = NULL;
    sandbox_disconnect(s);
}

void runtime_stop(struct runtime *all, const char *id, runtime_done *done, void *arg)
{
    struct sandbox *s = sandbox_find(all, id);
    struct error err;
    if (s && sandbox_check_home(s, &err) != 0)
        done(arg, &err);
    else if (s)
        sandbox_stop(s, done, arg);
    else
        done(arg, NULL);
}
