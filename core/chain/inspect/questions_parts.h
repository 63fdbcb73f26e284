/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the questions share: questions.c starts and ends the process, traffic.c
 * talks to it. */
#ifndef CHAIN_INSPECT_QUESTIONS_PARTS_H
#define CHAIN_INSPECT_QUESTIONS_PARTS_H

#include "chain/inspect/questions.h"
#include "chain/process/conversation.h"

struct question {
    struct question *next;
    struct questions *questions;
    const struct sluice_request *request;
    struct arena *arena;
    question_answered *answered;                    /* NULL: nobody waits for it any more */
    void *arg;
    int64_t id;                                     /* 0: not sent to this process */
    uint64_t asked_ms;
    bool may_change;
    bool again; /* it was asked already when a process ended in order */
};

enum state {
    IDLE,                                           /* no process is watched */
    RUNNING,                                        /* the process is watched */
    ENDING,                                         /* a worker ends the process */
    PAUSED,                                         /* until the process may be started again */
    STARTING,                                       /* a worker starts the process */
};

struct questions {
    struct voter *voter;
    struct conversation *c;                         /* a worker's while ENDING and STARTING */
    uv_loop_t *loop;
    enum state state;
    struct question *first, *last;
    size_t n;
    int64_t ids;
    struct buf out, in;
    size_t sent;
    uint64_t turn_ms;                               /* since when it is the first one's turn */
    uint64_t messages_ms;                           /* when its stderr was looked at */
    uv_poll_t *poll;                                /* NULL: the process is not watched */
    uv_timer_t *timer;                              /* made by the first question */
    uv_work_t work;
    struct error err;                               /* of the work */
    bool failed;                                    /* the same */
    void (*closed)(void *arg);                      /* NULL: it is in use */
    void *closed_arg;
};

static inline bool questions_running(const struct questions *q)
{
    return q->state == RUNNING && !q->closed;
}

/* questions.c: takes the first out of the list; drops those at its head that nobody waits for and
 * the process does not have; tells whoever waits, and frees it. */
struct question *questions_take_first(struct questions *q);
void questions_forget_cancelled(struct questions *q);
void questions_tell(struct question *question, const struct ballot *ballot,
                    const struct error *err);

/* traffic.c: sends what the socket takes; takes the answers that have come.  -1: the process has
 * failed.  Whoever is told may ask again, or close the questions. */
int questions_send(struct questions *q, struct error *err);
int questions_receive(struct questions *q, struct error *err);

#endif
