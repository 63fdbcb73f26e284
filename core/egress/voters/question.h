/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a question to the voters about an exchange: its request, then its answer, or the
 * messages after it.  One set of voters judges a request and its answer; each message is judged by
 * the set of its time.  For the egress folder; loop thread only. */
#ifndef EGRESS_VOTERS_QUESTION_H
#define EGRESS_VOTERS_QUESTION_H

#include "chain/inspect/inspect.h"
#include "egress/client.h"
#include "egress/voters/message_verdict.h"
#include "egress/voters/stages.h"

enum {
    QUESTION_WAITING_MAX = 2048,                    /* of all clients; one more is refused */
    QUESTION_CALLS_MAX = 256,                       /* in one body, each of which is asked about */
    QUESTION_BODIES_MAX = 64 * 1024 * 1024,         /* bytes of bodies, of all clients */
};

struct question {
    struct exchange_question face;
    struct client *c;
    bool of_server;                                 /* about messages of the server */
    struct inspectors *set;                         /* a reference; NULL: there are no voters */
    struct egress_stages stages;                    /* of the policy of generation */
    uint64_t generation;
    struct policy *policy;                          /* which they borrow from */
    struct inspect_needs needs;
    struct arena *arena;                            /* of the question under way, or NULL */
    struct inspection *under_way;
    void (*answered)(struct client *c, const struct inspect_verdict *verdict);
    size_t call;                                    /* of those in the body: asked about now */
    bool passed;                                    /* the request */
    struct buf approvals; /* that let it pass and are not counted yet (approvals.h) */
    bool transformed;                               /* its body is a middleware's */
    bool partial;                                   /* enough of its body is here */
    size_t counted;                                 /* bytes on the proxy's account */
    const struct client_state *back;                /* what the client was doing */
    void (*go_on)(struct client *c);
    egress_message_answered *message_answered;
    /* The answer: */
    struct buf held, body;                          /* as the client gets it; what it says */
    bool complete, answer_passed;
    bool answer_begun;                              /* the client has got some of it */
    void (*pass)(struct client *c, struct buf *out, bool complete);
};

/* Whether anybody is concerned with requests of the client: the question, with what they need, or
 * NULL.  The same one for a request and its answer. */
struct question *question_of(struct client *c);
/* The same for a message after the upgrade, which the voters and middlewares of now judge.  Those
 * of the server have a question of their own, as both sides send at any time. */
struct question *question_of_message(struct client *c, bool of_server);
/* The one that there is already, or NULL. */
struct question *question_now(const struct client *c);
struct question *question_of_server(const struct client *c);

/* Asks.  True: out has the verdict.  False: answered is called with it later. */
bool question_ask(struct question *q, const struct sluice_request *request,
                  void (*answered)(struct client *c, const struct inspect_verdict *verdict),
                  struct inspect_verdict *out);
/* The arena of the next question. */
struct arena *question_begin(struct question *q);
/* What is under way is given up. */
void question_leave(struct question *q);
/* Nothing of the request's body is held any more. */
void question_forget_body(const struct client *c);
/* So many bytes are held for it.  False: there is no room for them. */
bool question_count(struct question *q, size_t bytes);

#endif
