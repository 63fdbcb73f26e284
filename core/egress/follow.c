/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/follow.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "egress/judge.h"

struct follow {
    uv_work_t work;
    struct client *client;                          /* held by its count of handles */
    struct policy *policy;                          /* in force when the work began */
    void (*go_on)(struct client *c);
};

/* The client is not read meanwhile. */
static const struct client_state following_state = {0};

/* The loop does not touch the route meanwhile. */
static void work(uv_work_t *req)
{
    const struct follow *follow = req->data;
    struct client *c = follow->client;
    int root = c->proxy->root;
    struct policy_request request = egress_route_request(&c->route, &c->caller);
    struct policy_decision decision;
    egress_links_find(&c->route.links, root, follow->policy, &request, false);
    request = egress_route_request(&c->route, &c->caller);
    policy_match(policy_model(follow->policy), &request, &decision, NULL);
    if (!decision.allowed)
        egress_links_explain(root, follow->policy, &request, &c->route.hint);
}

static void followed(uv_work_t *req, int status)
{
    struct follow *follow = req->data;
    struct client *c = follow->client;
    (void)status;                                   /* it is not cancelled */
    if (c->state == &following_state)
        follow->go_on(c);
    policy_unref(follow->policy);
    free(follow);
    egress_client_release(c);
}

/* Most of what is refused goes where no rule leads, and then there is nothing to look up. */
static bool has_paths(const struct client *c)
{
    const struct policy_request request = egress_route_request(&c->route, &c->caller);
    return egress_links_concern(c->proxy->policy, &request);
}

void egress_follow_links(struct client *c, void (*go_on)(struct client *c))
{
    if (c->unidentified || egress_judge_as_it_stands(c) || !has_paths(c)) {
        go_on(c);
        return;
    }
    struct follow *follow = alloc_zero(1, sizeof *follow);
    *follow = (struct follow){.client = c, .policy = policy_ref(c->proxy->policy), .go_on = go_on};
    follow->work.data = follow;
    c->state = &following_state;
    c->handles++;
    egress_client_expect(c, 0);
    uv_queue_work(c->proxy->loop, &follow->work, work, followed);
}
