/* SPDX-License-Identifier: Apache-2.0 */
/* The decision about one HTTP request on a connection whose endpoints are inspected.
 *
 * Which endpoints those are depends on the connection alone, so they are collected once.  Of them
 * the request's path selects one, the route, which says how the request is treated; then the rules
 * of all endpoints of its protocol are taken together, and one rule that denies outweighs every
 * rule that allows.
 *
 * Pure, any thread.  What is collected and decided points into the policy. */
#ifndef POLICY_MATCH_HTTP_H
#define POLICY_MATCH_HTTP_H

#include "policy/match/match.h"
#include "policy/match/target.h"

struct policy_call;
struct policy_calls;

/* How rules call what a client sends over WebSocket, which has no method of its own. */
#define POLICY_WEBSOCKET_TEXT "WEBSOCKET_TEXT"
#define POLICY_WEBSOCKET_BINARY "WEBSOCKET_BINARY"
/* Why a binary message is refused where operations in messages are judged. */
#define POLICY_BINARY_REFUSED "operations of GraphQL are judged in text messages alone"

struct policy_candidate {
    const struct sluice_rule *rule;
    const struct sluice_endpoint *endpoint;
};

/* The inspected endpoints that serve the connection, in the policy's order. */
struct policy_candidates {
    struct policy_candidate *items;
    size_t n;
};

struct policy_http_request {
    const char *method;
    const char *path;                               /* canonical: policy_target_path */
    const char *query;                              /* raw, without "?"; "" when there is none */
    bool websocket;                                 /* it is a valid WebSocket upgrade */
    bool message; /* after such a one: a text message (method POLICY_WEBSOCKET_TEXT) */
    const char *accept;                             /* the field's value; NULL: not sent */
    bool form;                                      /* by its Content-Type the body is a form */
    const struct policy_calls *calls;     /* of its body; NULL: not read */
};

struct policy_http_decision {
    bool allowed;
    bool audited;                                   /* allowed, as the route does not enforce */
    bool hard;                                      /* denied, and audit does not change that */
    bool needs_body;                                /* denied as yet: the route judges calls */
    const struct policy_call *call;       /* that is denied or audited; NULL: no one */
    const struct sluice_rule *rule; /* of what decided, else of the route; or NULL */
    const struct sluice_endpoint *endpoint;         /* the route; NULL: no path matches */
};

void policy_candidates_find(const struct sluice_policy *policy,
                            const struct policy_request *connection,
                            struct policy_candidates *out);
void policy_candidates_free(struct policy_candidates *candidates);

/* An endpoint's path that ends with a whole segment of two stars, such as for all below /x, selects
 * what stands before it, /x, too: that pattern.  False: the path is no such one. */
bool policy_path_top(const char *selector, char top[POLICY_TARGET_PATH_MAX + 1]);

/* Whether the endpoint's rules are asked about requests for the path. */
bool policy_endpoint_rules_path(const struct sluice_endpoint *e, const char *path);

/* Whether a matcher of a query, a tool or a name takes the value: one of its globs does. */
bool policy_value_matches(const struct sluice_matcher *m, const char *value);

/* How many characters of an endpoint's path are no stars: of the endpoints that a request's path
 * selects, the one with most is the route, and the last of those. */
size_t policy_path_specificity(const char *selector);
/* A rule's method against a request's: * is any, and GET is HEAD, too. */
bool policy_method_match(const char *written, const char *method);
/* Whether the rule is about requests, and not about the calls inside a body. */
bool policy_rule_is_about_requests(const struct sluice_l7_rule *r);

/* Whether %2F in a path is acceptable to some endpoint; policy_http_decide asks the route. */
bool policy_candidates_keep_encoded_slash(const struct policy_candidates *candidates);

/* Appends the reason of a denial or of what is audited (NULL: not wanted).  Without candidates
 * nothing is inspected: everything is allowed.  A decision that needs the body is not one yet: the
 * caller reads the calls (calls.h) and asks again. */
void policy_http_decide(const struct policy_candidates *candidates,
                        const struct policy_http_request *request,
                        struct policy_http_decision *out, struct buf *reason);

#endif
