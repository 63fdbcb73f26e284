/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sessions/logs.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/sandbox.h"

struct log_follower {
    struct log_follower *next;
    struct sandbox *sandbox;
    const struct log_follower_calls *calls;
    void *ctx;
};

static struct log_line as_line(const struct sandbox_log *log)
{
    struct log_line line = {.level = LOG_INFO, .kind = LOG_KIND_GENERAL, .text = log->text,
                            .at_ms = log->at_ms ? log->at_ms : clock_now_ms()};
    log_level_parse(log->level, &line.level);
    if (log->kind)
        log_kind_parse(log->kind, strlen(log->kind), &line.kind);
    return line;
}

void sandbox_log_line(struct sandbox *s, const struct sandbox_log *log)
{
    struct log_line line = as_line(log);
    const char *text = log_ring_add(&s->log, &line);
    for (struct log_follower *f = s->followers, *next; f; f = next) {
        next = f->next;
        f->calls->line(f->ctx, text, strlen(text));
    }
}

void sandbox_logs_end(struct sandbox *s)
{
    for (struct log_follower *f = s->followers, *next; f; f = next) {
        next = f->next;
        f->calls->end(f->ctx);
        free(f);
    }
    s->followers = NULL;
}

int runtime_logs(struct runtime *all, const char *id, struct buf *out, struct error *err)
{
    struct sandbox *s = sandbox_at_home(all, id, err);
    for (size_t i = 0; s && i < s->log.n; i++)
        buf_puts(out, log_ring_line(&s->log, i));
    return s ? 0 : -1;
}

struct log_follower *runtime_logs_follow(struct runtime *all, const char *id,
                                         const struct log_follower_calls *calls, void *ctx,
                                         struct error *err)
{
    struct sandbox *s = sandbox_at_home(all, id, err);
    if (!s)
        return NULL;
    struct log_follower *f = alloc_zero(1, sizeof *f);
    *f = (struct log_follower){s->followers, s, calls, ctx};
    s->followers = f;
    return f;
}

void runtime_logs_unfollow(struct log_follower *f)
{
    if (!f)
        return;
    struct log_follower **at = &f->sandbox->followers;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    free(f);
}
