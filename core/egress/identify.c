/* SPDX-License-Identifier: Apache-2.0 */
/* Who is calling, asked on a worker thread: a workload with many processes and descriptors makes a
 * look take long, and the loop has policies to enforce meanwhile.  One look at a time; whoever asks
 * during it waits for the next, which serves them all. */
#include "egress/connection.h"

#include "base/alloc.h"

#include <stdlib.h>

struct look {
    uv_work_t work;
    struct egress_proxy *proxy;
    struct connection **connections;                /* each held by its count of handles */
    struct egress_question *questions;
    size_t n;
};

static void work(uv_work_t *req)
{
    struct look *look = req->data;
    egress_identify(&look->proxy->identity, look->questions, look->n);
}

static void answered(struct connection *c, struct egress_question *q)
{
    c->flow.caller = q->caller;
    if (c->state == CONNECTION_IDENTIFYING && q->answered)
        egress_decide(c);
    else if (c->state == CONNECTION_IDENTIFYING)
        egress_decide_unidentified(c, &q->err);
    egress_connection_handle_closed(c);
}

static void begin(struct egress_proxy *proxy);

static void looked(uv_work_t *req, int status)
{
    struct look *look = req->data;
    (void)status;                                   /* looks are not cancelled */
    look->proxy->looking = false;
    if (look->proxy->asking)
        begin(look->proxy);
    for (size_t i = 0; i < look->n; i++)            /* the last one may end the proxy */
        answered(look->connections[i], &look->questions[i]);
    free(look->connections);
    free(look->questions);
    free(look);
}

static void begin(struct egress_proxy *proxy)
{
    struct look *look = alloc_zero(1, sizeof *look);
    for (struct connection *c = proxy->asking; c; c = c->next_asking)
        look->n++;
    look->proxy = proxy;
    look->work.data = look;
    look->connections = alloc_zero(look->n, sizeof(struct connection *));
    look->questions = alloc_zero(look->n, sizeof *look->questions);
    size_t i = 0;
    for (struct connection *c = proxy->asking; c; c = c->next_asking, i++) {
        look->connections[i] = c;
        look->questions[i].ends = c->ends;
    }
    proxy->asking = NULL;
    proxy->looking = true;
    proxy->looks++;
    uv_queue_work(proxy->loop, &look->work, work, looked);
}

void egress_ask_caller(struct connection *c)
{
    struct egress_proxy *proxy = c->proxy;
    c->state = CONNECTION_IDENTIFYING;
    c->handles++;
    c->next_asking = proxy->asking;
    proxy->asking = c;
    egress_connection_expect(c, 0);
    if (!proxy->looking)
        begin(proxy);
}
