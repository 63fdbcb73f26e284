/* SPDX-License-Identifier: Apache-2.0 */
/* Reads GraphQL documents from stdin, each ended by a NUL byte, and prints a line for each: its
 * type and root fields, or "error".  With the argument "time" it prints how much processor time a
 * decision about each as the query of a request takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "policy/match/ask.h"
#include "policy/match/graphql_document.h"
#include "policy/policy.h"

static void print_document(const char *text, const struct sluice_policy *policy)
{
    struct arena *arena = arena_new();
    struct graphql_operation operation;
    (void)policy;
    if (graphql_document_read(text, "", arena, &operation))
        fputs("error", stdout);
    else
        fputs(operation.type, stdout);
    for (size_t i = 0; i < operation.n_fields; i++)
        printf(" %s", operation.fields[i]);
    putchar('\n');
    arena_free(arena);
}

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void time_document(const char *text, const struct sluice_policy *policy)
{
    enum { ROUNDS = 20000 };
    struct buf body = {0};
    bool allowed = false;
    buf_puts(&body, "{\"query\":");
    text_json_quote(&body, text);
    buf_puts(&body, "}");
    const struct policy_question question = {
        .connection = {.host = "api.test", .port = 443, .binary = "/usr/bin/curl"},
        .method = "POST", .path = "/graphql", .query = "", .body = body.data};
    double from = cpu_us();
    for (int i = 0; i < ROUNDS; i++) {
        struct policy_answer answer;
        policy_ask(policy, &question, &answer);
        allowed = answer.allowed;
        buf_free(&answer.reason);
    }
    printf("%zu bytes, %s: %.2f us\n", body.len, allowed ? "allowed" : "denied",
           (cpu_us() - from) / ROUNDS);
    buf_free(&body);
}

int main(int argc, char **argv)
{
    static const char yaml[] =
        "version: 1\nnetwork_policies: {api: {binaries: [{path: /usr/bin/curl}], endpoints: [{"
        "host: api.test, port: 443, path: /graphql, protocol: graphql, enforcement: enforce, "
        "rules: [{allow: {operation_type: query}}, {allow: {operation_type: mutation, fields: "
        "[create*]}}], deny_rules: [{operation_type: mutation, fields: [delete*]}]}]}}\n";
    bool timing = argc > 1 && strcmp(argv[1], "time") == 0;
    struct problems problems = {0};
    struct policy *policy = policy_parse(yaml, strlen(yaml), DOC_YAML, &problems);
    char *text = NULL;
    size_t size = 0;
    while (policy && getdelim(&text, &size, '\0', stdin) > 0)
        (timing ? time_document : print_document)(text, policy_model(policy));
    free(text);
    policy_unref(policy);
    problems_free(&problems);
    return policy ? 0 : 1;
}
