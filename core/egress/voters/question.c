/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/question.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "egress/voters/facts.h"

static void leave(struct exchange_question *face)
{
    question_leave((struct question *)face);
}

static void free_question(struct exchange_question *face)
{
    struct question *q = (struct question *)face;
    question_leave(q);
    question_count(q, 0);
    inspectors_unref(q->set);
    policy_unref(q->policy);
    buf_free(&q->held);
    buf_free(&q->body);
    buf_free(&q->approvals);
    free(q);
}

struct question *question_now(const struct client *c)
{
    return (struct question *)c->exchange.question;
}

/* A new policy may select other middlewares. */
static void select_stages(struct question *q)
{
    const struct client *c = q->c;
    const char *host = c->route.target.host;
    if (q->generation == c->proxy->generation)
        return;
    policy_unref(q->policy);
    q->policy = policy_ref(c->proxy->policy);
    q->generation = c->proxy->generation;
    q->passed = false;
    egress_stages_select(policy_model(q->policy), host, &q->stages);
    q->needs = (struct inspect_needs){.any = q->stages.n > 0};
    if (q->set)
        inspectors_needs(q->set, host, egress_facts_protocol(c), q->stages.items, q->stages.n,
                         &q->needs);
}

struct question *question_of_server(const struct client *c)
{
    return (struct question *)c->exchange.server_question;
}

static struct question *find(struct client *c, bool of_server)
{
    struct exchange_question **at =
        of_server ? &c->exchange.server_question : &c->exchange.question;
    const struct egress_proxy *proxy = c->proxy;
    struct question *q = (struct question *)*at;
    if (!q && !proxy->inspectors && !policy_model(proxy->policy)->n_middlewares)
        return NULL;
    if (!q) {
        q = alloc_zero(1, sizeof *q);
        q->face = (struct exchange_question){leave, free_question};
        q->c = c;
        q->of_server = of_server;
        q->set = proxy->inspectors ? inspectors_ref(proxy->inspectors) : NULL;
        *at = &q->face;
    }
    select_stages(q);
    return q->needs.any ? q : NULL;
}

struct question *question_of(struct client *c)
{
    return find(c, false);
}

struct question *question_of_message(struct client *c, bool of_server)
{
    struct question *q = of_server ? question_of_server(c) : question_now(c);
    struct inspectors *now = c->proxy->inspectors;
    if (q)
        question_leave(q);
    if (q && q->set != now) {
        inspectors_unref(q->set);
        q->set = now ? inspectors_ref(now) : NULL;
        q->generation = 0;
    }
    return find(c, of_server);
}

struct arena *question_begin(struct question *q)
{
    question_leave(q);
    q->arena = arena_new();
    return q->arena;
}

static void drop_arena(struct question *q)
{
    if (q->arena)
        arena_free(q->arena);
    q->arena = NULL;
}

static void answered(void *arg, const struct inspect_verdict *verdict)
{
    struct question *q = arg;
    struct arena *arena = q->arena;                 /* the verdict is in it */
    q->under_way = NULL;
    q->arena = NULL;
    q->c->proxy->n_questions--;
    q->c->handles++;                                /* it outlives what follows */
    struct client *c = q->c;
    q->answered(c, verdict);
    arena_free(arena);
    egress_client_release(c);
}

bool question_ask(struct question *q, const struct sluice_request *request,
                  void (*fn)(struct client *c, const struct inspect_verdict *verdict),
                  struct inspect_verdict *out)
{
    q->answered = fn;
    q->under_way = inspect_begin(q->set, request, q->stages.items, q->stages.n, q->arena,
                                 answered, q, out);
    q->c->proxy->n_questions += q->under_way != NULL;
    return q->under_way == NULL;
}

void question_leave(struct question *q)
{
    if (q->under_way) {
        inspect_cancel(q->under_way);
        q->c->proxy->n_questions--;
    }
    q->under_way = NULL;
    drop_arena(q);
}

bool question_count(struct question *q, size_t bytes)
{
    size_t *all = &q->c->proxy->questions_bytes;
    *all = *all - q->counted + bytes;
    q->counted = bytes;
    return !bytes || *all <= QUESTION_BODIES_MAX;
}

void question_forget_body(const struct client *c)
{
    struct question *q = question_now(c);
    if (q)
        question_count(q, 0);
}
