/* SPDX-License-Identifier: Apache-2.0 */
/* A supervisor's process: whether it lives, by the lock that it holds, and when it ends, by its
 * pidfd. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/handle.h"
#include "runtime/hosts/hosts.h"
#include "runtime/sandbox.h"
#include "sandbox/container/process.h"
#include "sandbox/site/place.h"

enum { LAST_WORDS_MS = 1000 };                      /* more than a full stream takes to read */

static int check_home(const struct runtime *all, const char *id, struct error *err)
{
    if (!*all->setup.gateway_id)
        return 0;
    struct arena *arena = arena_new();
    struct store_sandbox record;
    int rc = store_sandbox_by_id(all->setup.store, id, arena, &record, err);
    if (rc == 0)
        rc = runtime_check_home(all, &record, err);
    arena_free(arena);
    return rc;
}

int runtime_find_process(const struct runtime *all, const char *id, int64_t inside, int64_t *pid,
                         int64_t *started, struct error *err)
{
    if (check_home(all, id, err) != 0)
        return -1;
    char *dir = alloc_printf("%s/sandboxes/%s", all->setup.state_dir, id);
    pid_t supervisor = site_lock_held(dir) ? site_lock_pid(dir) : 0, found = 0;
    int rc = supervisor > 0 ? process_find_inside(supervisor, inside, &found, started, err)
                            : error_set(err, ERROR_STATE,
                                        "the sandbox does not run, so it has no process %lld",
                                        (long long)inside);
    free(dir);
    *pid = found;
    return rc;
}

void sandbox_unwatch(struct sandbox *s)
{
    if (s->exit_poll) {
        uv_poll_stop(s->exit_poll);
        uv_close((uv_handle_t *)s->exit_poll, sandbox_free_handle);
    }
    s->exit_poll = NULL;
    if (s->pidfd >= 0)
        close(s->pidfd);
    s->pidfd = -1;
}

static void no_last_words(uv_timer_t *timer)
{
    sandbox_ended(timer->data);
}

/* What the supervisor sent before it ended is read first: why it could not start, or how the main
 * process ended. */
static void on_pidfd(uv_poll_t *poll, int status, int events)
{
    struct sandbox *s = poll->data;
    (void)status;
    (void)events;
    if (!s->link) {
        sandbox_ended(s);
        return;
    }
    uv_poll_stop(poll);
    s->process_ended = true;
    sandbox_set_timer(s, no_last_words, LAST_WORDS_MS);
}

void sandbox_watch(struct sandbox *s, pid_t pid)
{
    if (s->pidfd >= 0 || pid <= 0)
        return;
    s->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (s->pidfd < 0) {
        log_warn(s->all->setup.log, "cannot watch the supervisor of sandbox %s: %s", s->name,
                 strerror(errno));
        return;
    }
    s->exit_poll = alloc_zero(1, sizeof *s->exit_poll);
    net_make_poll(s->all->setup.loop, s->exit_poll, s->pidfd);
    s->exit_poll->data = s;
    uv_poll_start(s->exit_poll, UV_READABLE, on_pidfd);
}

/* Its id may be another process's by now, but not as long as the lock is held by whoever wrote it
 * there. */
void sandbox_watch_holder(struct sandbox *s)
{
    pid_t pid = site_lock_pid(s->dir);
    if (s->pidfd >= 0)
        return;
    sandbox_watch(s, pid);
    if (!site_lock_held(s->dir) || site_lock_pid(s->dir) != pid)
        sandbox_unwatch(s);
}

void sandbox_kill(struct sandbox *s)
{
    if (sandbox_is_hosted(s))
        sandbox_kill_hosted(s);
    else if (s->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
}
