/* SPDX-License-Identifier: Apache-2.0 */
/* "May this program send this?", asked of a policy before anything is sent: the decisions of the
 * proxy, in its order, without its look at the network.  Pure, any thread. */
#ifndef POLICY_MATCH_ASK_H
#define POLICY_MATCH_ASK_H

#include "policy/match/match.h"

struct policy_question {
    struct policy_request connection;               /* the host in any spelling */
    const char *method;                             /* "": the connection alone; WEBSOCKET_TEXT
                                                     * and WEBSOCKET_BINARY: after an upgrade */
    const char *path, *query;                       /* raw, as a client would send them */
    bool websocket;                                 /* a valid WebSocket upgrade */
    const char *accept;                             /* the header field; NULL: not sent */
    const char *body;                               /* NULL: none */
};

struct policy_answer {
    bool allowed;
    bool audited;                                   /* the log would say that rules are violated */
    const char *layer;                              /* "l4": the connection, "l7": the request */
    const char *rule;                               /* key of the rule that decided; "" if none */
    struct buf reason;                              /* of a denial, and of what is audited */
};

/* The caller frees the reason. */
void policy_ask(const struct sluice_policy *policy, const struct policy_question *question,
                struct policy_answer *out);

#endif
