/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/unset.h"
#include "chain/inspect/questions_parts.h"

enum {
    GRACE_MS = 25,                                  /* for a voter that keeps its limit to say so */
    MESSAGES_EVERY_MS = 1000,                       /* lines of its stderr are passed on */
    SHORTAGE_MS = 50,                               /* until it is tried again to watch it */
};

static void proceed(struct questions *q);

static uint64_t limit_ms(const struct questions *q)
{
    return (uint64_t)q->voter->timeout_ms + GRACE_MS;
}

/* ---- the list ---- */

struct question *questions_take_first(struct questions *q)
{
    struct question *first = q->first;
    q->first = first->next;
    if (!q->first)
        q->last = NULL;
    q->n--;
    q->turn_ms = clock_mono_ms();
    return first;
}

void questions_tell(struct question *question, const struct ballot *ballot, const struct error *err)
{
    question_answered *answered = question->answered;
    void *arg = question->arg;
    free(question);
    if (answered)
        answered(arg, ballot, err);
}

static void fail_first(struct questions *q, const struct error *err)
{
    struct error copy = *err;
    questions_tell(questions_take_first(q), NULL, &copy);
}

static void fail_all(struct questions *q, const struct error *err)
{
    for (size_t n = q->n; n && q->first; n--)
        fail_first(q, err);
}

/* Those that waited for long without a turn; what the process has of them it still answers. */
static void give_up_waiting(struct questions *q)
{
    uint64_t patience = (uint64_t)q->voter->timeout_ms * QUESTIONS_PATIENCE, now = clock_mono_ms();
    UNSET struct error err;
    error_set(&err, ERROR_TIMEOUT, "it has too many questions: one waited for %llu ms",
              (unsigned long long)patience);
    for (struct question *at = q->first; at && now - at->asked_ms > patience; at = at->next) {
        question_answered *answered = at->answered;
        at->answered = NULL;
        if (answered)
            answered(at->arg, NULL, &err);
    }
}

void questions_forget_cancelled(struct questions *q)
{
    while (q->first && !q->first->answered && !q->first->id)
        free(questions_take_first(q));
}

/* ---- the process ---- */

static void on_closed_poll(uv_handle_t *handle)
{
    close((int)(intptr_t)handle->data);
    free(handle);
}

static void stop_watching(struct questions *q)
{
    int fd;
    if (!q->poll)
        return;
    uv_poll_stop(q->poll);
    if (uv_fileno((uv_handle_t *)q->poll, &fd) == 0)
        q->poll->data = (void *)(intptr_t)fd;
    uv_close((uv_handle_t *)q->poll, on_closed_poll);
    q->poll = NULL;
    buf_clear(&q->out);
    buf_clear(&q->in);
    q->sent = 0;
    for (struct question *at = q->first; at; at = at->next)
        at->id = 0;
}

static void end_process(uv_work_t *work)
{
    struct questions *q = work->data;
    q->failed = conversation_fail(q->c, "inspect", !q->first || !q->first->again, &q->err);
}

static void close_now(struct questions *q);

/* The first question was the one that the process had in hand. */
static void on_ended(uv_work_t *work, int status)
{
    struct questions *q = work->data;
    struct question *first = q->first;
    (void)status;
    q->state = IDLE;
    if (q->closed) {
        close_now(q);
        return;
    }
    if (first && q->failed)
        fail_first(q, &q->err);
    else if (first)
        first->again = true;
    proceed(q);
}

static void fail(struct questions *q, const struct error *err)
{
    if (q->state != RUNNING)
        return;
    q->err = *err;
    questions_forget_cancelled(q);
    stop_watching(q);
    q->state = ENDING;
    q->work.data = q;
    uv_queue_work(q->loop, &q->work, end_process, on_ended);
}

static void start_process(uv_work_t *work)
{
    struct questions *q = work->data;
    q->failed = conversation_ensure(q->c, &q->err) != 0;
}

static void on_started(uv_work_t *work, int status)
{
    struct questions *q = work->data;
    (void)status;
    q->state = IDLE;
    if (q->closed) {
        close_now(q);
        return;
    }
    if (q->failed && q->first)
        fail_first(q, &q->err);
    proceed(q);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct questions *q)
{
    bool more = q->sent < q->out.len;
    uv_poll_start(q->poll, UV_READABLE | (more ? UV_WRITABLE : 0), on_ready);
}

static void pass_messages(struct questions *q)
{
    uint64_t now = clock_mono_ms();
    if (now - q->messages_ms < MESSAGES_EVERY_MS)
        return;
    q->messages_ms = now;
    child_pass_messages(&q->c->child, q->c->name, q->c->log);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct questions *q = poll->data;
    UNSET struct error err;
    (void)events;
    if (status < 0)
        error_set(&err, ERROR_UPSTREAM, "the other side is gone");
    if (status < 0 || questions_receive(q, &err) != 0) {
        if (!q->closed)
            fail(q, &err);
    } else if (!q->closed) {
        pass_messages(q);
        proceed(q);
    }
}

static void on_time(uv_timer_t *timer)
{
    struct questions *q = timer->data;
    UNSET struct error err;
    if (q->state == PAUSED)
        q->state = IDLE;
    /* An answer that has come already is in time: this process may have waited for its turn. */
    if (q->state == RUNNING && questions_receive(q, &err) != 0) {
        if (!q->closed)
            fail(q, &err);
        return;
    }
    if (q->closed)
        return;
    if (q->state == RUNNING && q->first && q->first->id &&
        clock_mono_ms() - q->turn_ms > limit_ms(q)) {
        error_set(&err, ERROR_TIMEOUT, "no answer in time");
        fail(q, &err);
        return;
    }
    give_up_waiting(q);
    if (!q->closed)
        proceed(q);
}

/* ---- what is next ---- */

static void wait_for(struct questions *q, uint64_t ms)
{
    q->state = PAUSED;
    uv_timer_start(q->timer, on_time, ms, ms);
}

/* Without a descriptor for it the questions wait: nobody is told before questions_ask returns. */
static void begin_watching(struct questions *q)
{
    int fd = fcntl(q->c->child.socket, F_DUPFD_CLOEXEC, 0); /* a worker closes the other one */
    q->poll = alloc_zero(1, sizeof *q->poll);
    if (fd < 0 || uv_poll_init(q->loop, q->poll, fd) != 0) {
        if (fd >= 0)
            close(fd);
        free(q->poll);
        q->poll = NULL;
        wait_for(q, SHORTAGE_MS);
        return;
    }
    q->poll->data = q;
    q->state = RUNNING;
    q->turn_ms = clock_mono_ms();
}

static void begin_start(struct questions *q)
{
    UNSET struct error err;
    uint64_t pause = health_pause_ms(&q->c->health);
    if (q->c->child.socket >= 0) {
        begin_watching(q);
    } else if (health_quarantined(&q->c->health)) {
        health_check(&q->c->health, &err);
        fail_all(q, &err);
    } else if (pause) {
        wait_for(q, pause);
    } else {
        q->state = STARTING;
        q->work.data = q;
        uv_queue_work(q->loop, &q->work, start_process, on_started);
    }
}

/* Between two events: asks what can be asked, and sets the clock for the first. */
static void proceed(struct questions *q)
{
    UNSET struct error err;
    if (q->closed || q->state == ENDING || q->state == STARTING || q->state == PAUSED)
        return;
    questions_forget_cancelled(q);
    if (q->state == IDLE && q->first)
        begin_start(q);
    if (q->state != RUNNING || q->closed)
        return;
    if (questions_send(q, &err) != 0) {
        fail(q, &err);
        return;
    }
    watch(q);
    if (q->first)
        uv_timer_start(q->timer, on_time, limit_ms(q) + 1, limit_ms(q) + 1);
    else
        uv_timer_stop(q->timer);
}

struct questions *questions_new(struct voter *voter, uv_loop_t *loop)
{
    struct questions *q = alloc_zero(1, sizeof *q);
    q->voter = voter;
    q->c = voter->ops->conversation(voter);
    q->loop = loop;
    return q;
}

static void open_timer(struct questions *q)
{
    if (q->timer)
        return;
    q->timer = alloc_zero(1, sizeof *q->timer);
    uv_timer_init(q->loop, q->timer);
    q->timer->data = q;
}

struct question *questions_ask(struct questions *q, const struct sluice_request *request,
                               bool may_change, struct arena *arena, question_answered *answered,
                               void *arg, struct error *err)
{
    if (q->n == QUESTIONS_MAX) {
        error_set(err, ERROR_TOO_LARGE, "%d questions wait for it already", QUESTIONS_MAX);
        return NULL;
    }
    if (q->state == IDLE && health_quarantined(&q->c->health)) {
        health_check(&q->c->health, err);
        return NULL;
    }
    struct question *question = alloc_zero(1, sizeof *question);
    *question = (struct question){.questions = q, .request = request, .arena = arena,
                                  .answered = answered, .arg = arg, .may_change = may_change,
                                  .asked_ms = clock_mono_ms()};
    if (q->last)
        q->last->next = question;
    else
        q->first = question;
    if (!q->n++)
        q->turn_ms = question->asked_ms;
    q->last = question;
    open_timer(q);
    proceed(q);
    return question;
}

bool questions_idle(const struct questions *q)
{
    return !q->first && (q->state == IDLE || q->state == RUNNING);
}

void question_cancel(struct question *question)
{
    question->answered = NULL;
}

/* ---- closing ---- */

static void on_closed_timer(uv_handle_t *handle)
{
    struct questions *q = handle->data;
    free(handle);
    q->timer = NULL;
    close_now(q);
}

static void close_now(struct questions *q)
{
    if (q->state == ENDING || q->state == STARTING)
        return;
    stop_watching(q);
    if (q->timer) {
        if (!uv_is_closing((uv_handle_t *)q->timer))
            uv_close((uv_handle_t *)q->timer, on_closed_timer);
        return;
    }
    while (q->first)
        free(questions_take_first(q));
    buf_free(&q->out);
    buf_free(&q->in);
    q->closed(q->closed_arg);
    free(q);
}

void questions_close(struct questions *q, void (*closed)(void *arg), void *arg)
{
    q->closed = closed;
    q->closed_arg = arg;
    close_now(q);
}
