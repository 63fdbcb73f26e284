/* SPDX-License-Identifier: Apache-2.0 */
/* A request on record as a question to the rules. */
#include <string.h>

#include "policy/learn/learn_parts.h"

/* The record does not tell for which protocol its calls were read: it is asked as a client of the
 * route's protocol.  A request without a call to such a route opens its stream, or ends it. */
struct policy_http_decision learn_decide(const struct policy_candidates *candidates,
                                         const struct learn_item *item)
{
    struct policy_http_decision decision;
    bool message = strcmp(item->method, POLICY_WEBSOCKET_TEXT) == 0;
    struct policy_call call = item->call;
    struct policy_calls calls = {.items = &call, .n = item->has_call, .pass = !item->has_call};
    struct policy_http_request request = {.method = item->method, .path = item->seen->path,
                                          .query = "", .websocket = true, .message = message};
    policy_http_decide(candidates, &request, &decision, NULL);
    if (decision.needs_body) {
        calls.protocol = decision.endpoint->protocol;
        request.calls = &calls;
        policy_http_decide(candidates, &request, &decision, NULL);
    }
    return decision;
}
