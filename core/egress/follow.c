/* SPDX-License-Identifier: Apache-2.0 */
/* What the paths of the policy lead to, asked on a worker thread: the file system is the workload's,
 * and may take its time. */
#include "egress/connection.h"

#include "base/alloc.h"

#include <stdlib.h>

struct follow {
    uv_work_t work;
    struct connection *connection;                  /* held by its count of handles */
    struct policy *policy;                          /* in force when the work began */
};

/* The loop does not touch the flow meanwhile. */
static void work(uv_work_t *req)
{
    const struct follow *follow = req->data;
    struct flow *flow = &follow->connection->flow;
    int root = follow->connection->proxy->root;
    struct policy_request request = egress_flow_request(flow);
    struct policy_decision decision;
    egress_links_find(&flow->links, root, follow->policy, &request, false);
    request = egress_flow_request(flow);
    policy_match(policy_model(follow->policy), &request, &decision, NULL);
    if (!decision.allowed)
        egress_links_explain(root, follow->policy, &request, &flow->hint);
}

static void followed(uv_work_t *req, int status)
{
    struct follow *follow = req->data;
    struct connection *c = follow->connection;
    (void)status;                                   /* it is not cancelled */
    if (c->state == CONNECTION_FOLLOWING)
        egress_decide(c);
    policy_unref(follow->policy);
    free(follow);
    egress_connection_handle_closed(c);
}

static bool is_allowed_as_it_stands(const struct connection *c)
{
    struct policy_request request = egress_flow_request(&c->flow);
    struct policy_decision decision;
    policy_match(policy_model(c->proxy->policy), &request, &decision, NULL);
    return decision.allowed;
}

void egress_follow_links(struct connection *c)
{
    if (c->unidentified || is_allowed_as_it_stands(c)) {
        egress_decide(c);
        return;
    }
    struct follow *follow = alloc_zero(1, sizeof *follow);
    follow->work.data = follow;
    follow->connection = c;
    follow->policy = policy_ref(c->proxy->policy);
    c->state = CONNECTION_FOLLOWING;
    c->handles++;
    egress_connection_expect(c, 0);
    uv_queue_work(c->proxy->loop, &follow->work, work, followed);
}
