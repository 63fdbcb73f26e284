/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: one list of the query parameters and header fields that routes take. */
#ifndef API_PARAMETERS_H
#define API_PARAMETERS_H

#include <jansson.h>

#include "base/log.h"
#include "store/words.h"

struct http_request;

/* id, name, where, JSON type, help */
#define API_PARAMETERS(X)                                                                        \
    X(DRY_RUN, "dry_run", "query", "boolean", "Decide, tell the outcome, and change nothing")    \
    X(REVISION, "revision", "query", "integer", "That of a revision; the newest when left out")  \
    X(WAIT_MS, "wait_ms", "query", "integer",                                                    \
      "Answer when the revision leaves pending or the main process has ended, or after so long") \
    X(LABEL, "label", "query", "string",                                                         \
      "KEY=VALUE that a sandbox must have; where there are several, all of them")                \
    X(STATUS, "status", "query", "string",                                                       \
      "Only chunks of one status:" STORE_DRAFT_STATUSES(STORE_EACH_WORD))                        \
    X(VERDICT, "verdict", "query", "string",                                                     \
      "Only requests with one verdict:" STORE_TRAFFIC_VERDICTS(STORE_EACH_WORD))                 \
    X(AFTER, "after", "query", "integer",                                                        \
      "Only what stands behind this: the next of an answer that left some out")                  \
    X(SANDBOX, "sandbox", "query", "string", "Only what concerns the sandbox of this name")      \
    X(LIMIT, "limit", "query", "integer", "At most so many, the newest; 0: all")                 \
    X(BEFORE, "before", "query", "integer",                                                      \
      "Only those whose number is smaller: the next of an answer that left some out")            \
    X(SINCE_MS, "since_ms", "query", "integer",                                                  \
      "Only what was since then, in milliseconds since 1970")                                    \
    X(CANDIDATE, "candidate", "query", "boolean",                                                \
      "With the policy that each was about; at most 100 at once")                                \
    X(HEAD, "head", "query", "string",                                                           \
      "A head that was noted earlier, which must be in the chain")                               \
    X(LEVEL, "level", "query", "string",                                                         \
      "Only lines of this level or a graver one:" LOG_LEVELS(LOG_EACH_WORD))                     \
    X(FOLLOW, "follow", "query", "boolean", "Whether to go on with what comes")                  \
    X(IF_MATCH, "If-Match", "header", "string",                                                  \
      "\"N\": only if the policy is still at revision N, else 412")                              \
    X(REASON, "Sluice-Reason", "header", "string", "Why, for the record")                        \
    X(OVERRIDE, "Sluice-Override", "header", "boolean",                                          \
      "Overrule overridable voters; needs a reason")                                             \
    X(SIGNATURE, "Sluice-Signature", "header", "string",                                         \
      "Of the policy's document, as `sluice policy sign` writes it")                             \
    X(REVIEW_TOKEN, "Sluice-Review-Token", "header", "string",                                   \
      "The review token, where the body has none")                                               \
    X(LAST_EVENT_ID, "Last-Event-ID", "header", "string", "Resume after this event")

enum api_parameter {
#define X(id, name, where, type, help) API_##id,
    API_PARAMETERS(X)
#undef X
};

/* A set of parameters. */
#define TAKES(id) (1U << API_##id)
#define TAKES_UPDATE (TAKES(DRY_RUN) | TAKES(IF_MATCH) | TAKES(REASON) | TAKES(OVERRIDE))
#define TAKES_DECISION (TAKES(REASON) | TAKES(OVERRIDE))

/* 0, or -1 after answering 400: a query parameter that the set does not have, one or a header field
 * twice, or a boolean that is none: nobody who asks for a trial gets the real thing. */
int api_check_parameters(struct http_request *req, unsigned takes);
/* Appends the set to a list of OpenAPI parameter objects. */
void api_describe_parameters(unsigned takes, json_t *list);

#endif
