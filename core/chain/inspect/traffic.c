/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/unset.h"
#include "chain/inspect/questions_parts.h"
#include "chain/process/frame.h"

enum {
    AHEAD = 256 * 1024, /* bytes that are encoded before they are sent */
    READ = 64 * 1024,
};

/* ---- answers ---- */

/* The answer to the first question; -1: it is none. */
static int take_answer(struct questions *q, const char *json, size_t len, struct error *err)
{
    struct arena *arena = arena_new();
    struct message message;
    UNSET struct ballot ballot;
    UNSET struct error why;
    questions_forget_cancelled(q);
    struct question *first = q->first;
    int rc = message_decode(json, len, arena, &message, err);
    bool voted = rc == 0 && message.type == MESSAGE_VOTED && first && first->id
              && message.voted->id == first->id && message_verdict(message.voted->verdict) >= 0;
    bool failed = rc == 0 && message.type == MESSAGE_FAILED && first && first->id
               && message.failed->id == first->id;
    if (rc == 0 && !voted && !failed)
        rc = error_set(err, ERROR_MALFORMED, "no ballot on this request");
    if (rc != 0) {
        arena_free(arena);
        return -1;
    }
    health_answered(&q->c->health);
    questions_take_first(q);
    if (!first->answered) {
        free(first);
        arena_free(arena);
        return 0;
    }
    ballot_begin(&ballot, first->arena, q->voter->codes);
    ballot.may_change = first->may_change;
    if (failed)
        error_set(&why, ERROR_INTERNAL, "%s", message.failed->text);
    else
        failed = conversation_cast(message.voted, &ballot.face, &why) != 0;
    arena_free(arena);
    questions_tell(first, failed ? NULL : &ballot, &why);
    return 0;
}

/* What has come.  1: there may be more; 0: no more now. */
static int receive(struct questions *q, struct error *err)
{
    buf_reserve(&q->in, READ);
    ssize_t n = recv(q->c->child.socket, q->in.data + q->in.len, READ, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return error_set(err, ERROR_UPSTREAM, "the other side is gone");
    q->in.len += (size_t)n;
    q->in.data[q->in.len] = '\0';
    return n == READ;
}

static size_t answer_max(const struct questions *q)
{
    return q->first && q->first->may_change ? FRAME_MAX : FRAME_ANSWER_MAX;
}

int questions_receive(struct questions *q, struct error *err)
{
    size_t used = 0, len = 0;
    int more, whole = 0;
    do {
        more = receive(q, err);
        if (more < 0)
            return -1;
        struct buf rest = {q->in.data, q->in.len, q->in.cap};
        while (questions_running(q) && (whole = frame_whole(&rest, answer_max(q), &len)) > 0) {
            if (take_answer(q, rest.data + FRAME_HEADER, len, err) != 0)
                return -1;
            used = FRAME_HEADER + len;
            rest.data += used;
            rest.len -= used;
        }
        if (!questions_running(q))
            return 0;
        buf_consume(&q->in, q->in.len - rest.len);
        if (whole < 0)
            return error_set(err, ERROR_TOO_LARGE, "an answer of %zu bytes", len);
    } while (more);
    return 0;
}

/* ---- asking ---- */

static void encode(struct questions *q)
{
    for (struct question *at = q->first; at && q->out.len - q->sent < AHEAD; at = at->next) {
        if (at->id || !at->answered)
            continue;
        at->id = ++q->ids;
        const struct message_inspect message = {at->id, at->request, at->may_change};
        message_encode(MESSAGE_INSPECT, &message, &q->out);
    }
}

int questions_send(struct questions *q, struct error *err)
{
    int rc;
    do {
        encode(q);
        rc = frame_write(q->c->child.socket, &q->out, &q->sent, err);
        if (rc > 0) {
            buf_clear(&q->out);
            q->sent = 0;
        }
    } while (rc > 0 && q->last && !q->last->id && q->last->answered);
    return rc < 0 ? -1 : 0;
}

