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
    struct policy *policy;                          /* in force when the look began */
    struct connection **connections;                /* each held by its count of handles */
    struct egress_question *questions;
    size_t n;
};

/* What the policy's paths lead to, where no path or glob of it allows the request as it stands.
 * The loop does not touch a flow while its caller is asked for. */
static void look_up_paths(const struct look *look, struct flow *flow)
{
    struct policy_request request = egress_flow_request(flow);
    struct policy_decision decision;
    policy_match(policy_model(look->policy), &request, &decision, NULL);
    if (decision.allowed)
        return;
    egress_links_find(&flow->links, look->proxy->root, look->policy, &request, false);
    request = egress_flow_request(flow);
    policy_match(policy_model(look->policy), &request, &decision, NULL);
    if (!decision.allowed)
        egress_links_explain(look->proxy->root, look->policy, &request, &flow->hint);
}

static void work(uv_work_t *req)
{
    struct look *look = req->data;
    egress_identify(&look->proxy->identity, look->questions, look->n);
    for (size_t i = 0; i < look->n; i++) {
        look->connections[i]->flow.caller = look->questions[i].caller;
        if (look->questions[i].answered)
            look_up_paths(look, &look->connections[i]->flow);
    }
}

static void answered(struct connection *c, struct egress_question *q)
{
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
    policy_unref(look->policy);
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
    look->policy = policy_ref(proxy->policy);
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
