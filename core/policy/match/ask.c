/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/ask.h"

#include <string.h>
#include <strings.h>

#include "base/ipaddr.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"
#include "policy/match/target.h"

static void deny(struct policy_answer *out, const char *reason)
{
    out->allowed = false;
    buf_clear(&out->reason);
    buf_puts(&out->reason, reason);
}

/* The same with what the body asks for, which decides. */
static void decide_body(const struct policy_candidates *candidates,
                        const struct policy_question *question, struct policy_http_request *request,
                        struct policy_http_decision *decision, struct buf *reason)
{
    const char *body = question->body ? question->body : "";
    struct policy_calls calls;
    policy_calls_read(decision->endpoint, request, body, strlen(body), &calls);
    request->calls = &calls;
    policy_http_decide(candidates, request, decision, reason);
    policy_calls_free(&calls);
}

static void decide(const struct policy_candidates *candidates,
                   const struct policy_question *question, struct policy_http_request request,
                   struct policy_answer *out)
{
    struct policy_http_decision decision;
    policy_http_decide(candidates, &request, &decision, &out->reason);
    if (decision.needs_body)
        decide_body(candidates, question, &request, &decision, &out->reason);
    out->allowed = decision.allowed;
    out->audited = decision.audited;
    out->rule = decision.rule ? decision.rule->key : "";
}

/* A text message passes where rules allow it and the request that opens its connection. */
static void decide_text(const struct policy_candidates *candidates,
                        const struct policy_question *question,
                        struct policy_http_request upgrade, struct policy_answer *out)
{
    struct policy_http_request text = upgrade;
    struct policy_answer opening = {.layer = out->layer};
    text.method = POLICY_WEBSOCKET_TEXT;
    text.message = true;
    decide(candidates, question, text, out);
    decide(candidates, question, upgrade, &opening);
    bool closed = out->allowed && !opening.allowed;
    buf_free(closed ? &out->reason : &opening.reason);
    if (closed)
        *out = opening;
}

/* A binary message passes where its upgrade does, but where operations in messages are judged. */
static void decide_binary(const struct policy_candidates *candidates,
                          const struct policy_question *question,
                          struct policy_http_request upgrade, struct policy_answer *out)
{
    struct policy_http_request text = upgrade;
    struct policy_http_decision decision;
    text.method = POLICY_WEBSOCKET_TEXT;
    text.message = true;
    decide(candidates, question, upgrade, out);
    policy_http_decide(candidates, &text, &decision, NULL);
    if (out->allowed && decision.needs_body)
        deny(out, POLICY_BINARY_REFUSED);
}

static void decide_request(const struct policy_candidates *candidates,
                           const struct policy_question *question, const char *path,
                           struct policy_answer *out)
{
    struct policy_http_request request = {.method = question->method, .path = path,
                                          .query = question->query,
                                          .websocket = question->websocket,
                                          .accept = question->accept};
    bool text = strcasecmp(question->method, POLICY_WEBSOCKET_TEXT) == 0;
    bool binary = strcasecmp(question->method, POLICY_WEBSOCKET_BINARY) == 0;
    if (text || binary) {
        request.method = "GET";
        request.websocket = true;
    }
    if (text)
        decide_text(candidates, question, request, out);
    else if (binary)
        decide_binary(candidates, question, request, out);
    else
        decide(candidates, question, request, out);
}

/* The connection is allowed: is the request?  Where no rules are about requests, none is read. */
static void ask_request(const struct sluice_policy *policy, const struct policy_request *connection,
                        const struct policy_question *question, struct policy_answer *out)
{
    struct policy_candidates candidates;
    struct buf path = {0};
    policy_candidates_find(policy, connection, &candidates);
    if (!candidates.n)
        return;
    const char *why = policy_target_path(question->path, strlen(question->path),
                                         policy_candidates_keep_encoded_slash(&candidates), &path);
    if (!why)
        why = policy_query_check(question->query);
    out->layer = "l7";
    if (why)
        deny(out, why);
    else
        decide_request(&candidates, question, path.data, out);
    policy_candidates_free(&candidates);
    buf_free(&path);
}

void policy_ask(const struct sluice_policy *policy, const struct policy_question *question,
                struct policy_answer *out)
{
    char host[IPADDR_HOST_SIZE];
    struct policy_request connection = question->connection;
    struct policy_decision decision;
    *out = (struct policy_answer){.layer = "l4", .rule = ""};
    if (ipaddr_canonical_host(connection.host, strlen(connection.host), host) != 0) {
        deny(out, "the host is neither a name nor an address");
        return;
    }
    connection.host = host;
    policy_match(policy, &connection, &decision, &out->reason);
    out->allowed = decision.allowed;
    if (!decision.allowed)
        return;
    out->rule = decision.rule->key;
    if (*question->method && strcmp(decision.endpoint->tls, "skip") != 0)
        ask_request(policy, &connection, question, out);
}
