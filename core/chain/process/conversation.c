/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "chain/process/conversation_parts.h"
#include "chain/process/frame.h"

/* ---- failures ---- */

void conversation_note_failure(struct conversation *c, const char *how)
{
    bool before = health_quarantined(&c->health);
    health_failed(&c->health);
    log_warn(c->log, "voter %s: its process failed, %u in a row: %s", c->name, c->health.failures,
             how);
    if (before || !health_quarantined(&c->health))
        return;
    log_error(c->log, "voter %s is quarantined until the chain is reloaded", c->name);
    voter_changed(c->voter, how);
}

static bool end_child(struct conversation *c, struct buf *how)
{
    for (int i = 0; i < MESSAGE_ROLES_COUNT; i++)
        buf_free(&c->known[i]);
    return child_end(&c->child, how);
}

bool conversation_end_process(struct conversation *c, struct buf *how)
{
    child_pass_messages(&c->child, c->name, c->log);
    return end_child(c, how);
}

/* The process has ended; err says why it is no longer trusted, and how what it did itself. */
static int report_failure(struct conversation *c, const char *verb, uint32_t limit_ms,
                          const struct buf *how, struct error *err)
{
    struct error cause = *err;
    /* chain.c takes these two kinds as: the process died over the request. */
    if (cause.kind == ERROR_TIMEOUT)
        error_set(err, ERROR_TIMEOUT, "it did not %s within %u ms and was killed", verb, limit_ms);
    else if (cause.kind == ERROR_UPSTREAM)
        error_set(err, ERROR_UPSTREAM, "%s", buf_str(how));
    else
        error_set(err, ERROR_UPSTREAM, "it answered with what is no answer and was killed: %s",
                  cause.text);
    conversation_note_failure(c, err->text);
    return -1;
}

bool conversation_fail(struct conversation *c, const char *verb, bool may_end, struct error *err)
{
    struct buf how = {0};
    bool failed = !conversation_end_process(c, &how) || !may_end || err->kind != ERROR_UPSTREAM;
    if (failed)
        report_failure(c, verb, c->config.timeout_ms, &how, err);
    buf_free(&how);
    return failed;
}

/* ---- sending ---- */

/* Appends the policies that the process does not have, and the request. */
static void append_frames(struct conversation *c, const struct encoded_request *request,
                          struct buf *frames)
{
    for (int i = 0; i < MESSAGE_ROLES_COUNT; i++) {
        const struct buf *policy = &request->policies[i];
        struct buf *known = &c->known[i];
        if (!policy->len)
            continue;                               /* a request has none */
        if (known->len == policy->len && memcmp(buf_str(known), buf_str(policy), policy->len) == 0)
            continue;
        buf_add(frames, policy->data, policy->len);
        buf_clear(known);
        buf_add(known, policy->data, policy->len);
    }
    buf_add(frames, request->request.data, request->request.len);
}

void conversation_tell(struct conversation *c, const struct encoded_request *request,
                       uint32_t limit_ms)
{
    struct buf frames = {0}, how = {0};
    struct error err;
    if (conversation_ensure(c, &err) != 0)
        return;
    append_frames(c, request, &frames);
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)limit_ms * 1000000u;
    if (frame_send(c->child.socket, &frames, deadline_ns, &err) != 0) {
        conversation_end_process(c, &how);
        report_failure(c, "observe", limit_ms, &how, &err);
    }
    buf_free(&frames);
    buf_free(&how);
}

static void end_question(struct conversation *c)
{
    buf_free(&c->question.out);
    buf_free(&c->question.in);
    c->question = (struct conversation_question){0};
}

void conversation_ask(struct conversation *c, const struct encoded_request *request,
                      uint32_t limit_ms)
{
    struct conversation_question *q = &c->question;
    *q = (struct conversation_question){.request = request, .limit_ms = limit_ms,
                           .left_ns = (uint64_t)limit_ms * 1000000u};
    q->unasked = conversation_ensure(c, &q->err) != 0;
    if (!q->unasked)
        append_frames(c, request, &q->out);
    q->failed = q->ended =
        q->unasked || frame_write(c->child.socket, &q->out, &q->sent, &q->err) < 0;
}

/* ---- waiting ---- */

/* Sends and receives what is possible without waiting; true: the question has ended. */
static bool advance(struct conversation *c)
{
    struct conversation_question *q = &c->question;
    int rc = 0;
    if (!q->ended && (rc = frame_write(c->child.socket, &q->out, &q->sent, &q->err)) > 0)
        rc = frame_read(c->child.socket, FRAME_ANSWER_MAX, &q->in, &q->err);
    q->ended = q->ended || rc != 0;
    q->failed = q->failed || rc < 0;
    return q->ended;
}

static struct conversation_question *soonest(struct conversation *const *list, size_t n)
{
    struct conversation_question *out = NULL;
    for (size_t i = 0; i < n; i++) {
        struct conversation_question *q = list[i] ? &list[i]->question : NULL;
        if (q && !q->ended && (!out || q->left_ns < out->left_ns))
            out = q;
    }
    return out;
}

/* Waits until one of them can go on, or the first is out of time, which ends it. */
static void wait_for_any(struct conversation *const *list, size_t n, struct pollfd *fds)
{
    struct conversation_question *first = soonest(list, n);
    uint64_t left = first->left_ns;
    const struct timespec wait = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
    for (size_t i = 0; i < n; i++) {
        const struct conversation_question *q = list[i] ? &list[i]->question : NULL;
        fds[i] = (struct pollfd){.fd = q && !q->ended ? list[i]->child.socket : -1,
                                 .events = q && q->sent < q->out.len ? POLLOUT : POLLIN};
    }
    if (left) {
        ppoll(fds, (nfds_t)n, &wait, NULL);
    } else {
        first->ended = first->failed = true;
        error_set(&first->err, ERROR_TIMEOUT, "no answer in time");
    }
}

static void charge(struct conversation *const *list, size_t n, uint64_t *since_ns)
{
    uint64_t now = clock_mono_ns(), spent = now - *since_ns;
    *since_ns = now;
    for (size_t i = 0; i < n; i++) {
        struct conversation_question *q = list[i] ? &list[i]->question : NULL;
        if (q)
            q->left_ns -= q->left_ns < spent ? q->left_ns : spent;
    }
}

/* Advances all of them.  True: there is nothing to wait for, out is one that is answered or, where
 * all have failed, one that has failed. */
static bool advance_all(struct conversation *const *list, size_t n, size_t *out)
{
    bool open = false;
    for (size_t i = 0; i < n; i++) {
        bool ended = list[i] && advance(list[i]);
        if (ended)
            *out = i;
        if (ended && !list[i]->question.failed)
            return true;
        open = open || (list[i] && !ended);
    }
    return !open;
}

size_t conversation_await(struct conversation *const *list, size_t n)
{
    struct pollfd *fds = alloc_zero(n, sizeof *fds);
    uint64_t since_ns = clock_mono_ns();
    size_t out = n;
    while (!advance_all(list, n, &out)) {
        wait_for_any(list, n, fds);
        charge(list, n, &since_ns);
    }
    free(fds);
    return out;
}

/* ---- the answer ---- */

static int read_vote(const struct conversation_question *q, struct arena *arena,
                     struct message *out, struct error *err)
{
    int64_t id = q->request->id;
    *err = q->err;
    if (q->failed)
        return -1;
    if (message_decode(q->in.data + FRAME_HEADER, q->in.len - FRAME_HEADER, arena, out, err) != 0)
        return -1;
    bool fits = (out->type == MESSAGE_VOTED && out->voted->id == id &&
                 message_verdict(out->voted->verdict) >= 0) ||
                (out->type == MESSAGE_FAILED && out->failed->id == id);
    return fits ? 0 : error_set(err, ERROR_MALFORMED, "no ballot of this vote");
}

/* again: the process may be asked once more if it ended in order instead of answering. */
static int take_answer(struct conversation *c, bool again, struct arena *arena,
                       struct message *out, struct error *err)
{
    struct conversation_question *q = &c->question;
    const struct encoded_request *request = q->request;
    uint32_t limit_ms = q->limit_ms;
    conversation_await(&c, 1);
    int rc = read_vote(q, arena, out, err);
    bool unasked = q->unasked;
    end_question(c);
    if (rc == 0) {
        child_pass_messages(&c->child, c->name, c->log);
        health_answered(&c->health);
        return 0;
    }
    if (unasked)
        return -1;
    struct buf how = {0};
    if (conversation_end_process(c, &how) && err->kind == ERROR_UPSTREAM && again) {
        conversation_ask(c, request, limit_ms);
        rc = take_answer(c, false, arena, out, err);
    } else {
        report_failure(c, "vote", c->config.timeout_ms, &how, err);
    }
    buf_free(&how);
    return rc;
}

int conversation_take(struct conversation *c, struct arena *arena, struct message *out,
                      struct error *err)
{
    return take_answer(c, true, arena, out, err);
}

void conversation_close(struct conversation *c)
{
    end_question(c);
    child_finish(&c->child);
    end_child(c, NULL);
    arena_free(c->arena);
}
