/* SPDX-License-Identifier: Apache-2.0 */
/* How long it takes to learn a policy from 100,000 different requests, proofs and document
 * included, in processor time.
 *
 * learn [RUNS] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "policy/learn/learn.h"

enum { REQUESTS = 100000, RUNS_MAX = 21, TARGET_MS = 1000 };

static const char ceiling[] =
    "version: 1\n"
    "network_policies:\n"
    "  web: {endpoints: [{host: '*.example.com', port: 443}], binaries: [{path: '/usr/bin/*'}]}\n"
    "  api:\n"
    "    endpoints:\n"
    "      - {host: api.example.org, port: 443, protocol: rest, enforcement: enforce,\n"
    "         access: full, deny_rules: [{method: GET, path: '/secret/**'}]}\n"
    "      - {host: api.example.org, port: 443, path: /graphql, protocol: graphql,\n"
    "         enforcement: enforce, access: full}\n"
    "    binaries: [{path: '/usr/bin/*'}]\n";

static const char *const programs[] = {"/usr/bin/curl", "/usr/bin/git", "/usr/bin/node",
                                       "/usr/bin/python3.11"};

/* Half of it to one host, the rest to many. */
static struct policy_seen make_seen(unsigned i, struct arena *arena)
{
    struct policy_seen seen = {
        .host = i % 2 ? "api.example.org" : arena_printf(arena, "h%u.example.com", i / 2 % 50),
        .port = 443, .program = programs[i / 4 % 4], .method = i % 3 ? "GET" : "POST",
        .path = arena_printf(arena, "/repos/%u/issues/%u", i % 997, i),
        .operation = "", .field = "", .rpc_method = "", .tool = "", .problem = "",
        .evidence = {1, i, i}};
    if (i % 100 == 1) {
        seen.method = "POST";
        seen.path = "/graphql";
        seen.operation = arena_printf(arena, "query Q%u", i % 500);
        seen.field = "viewer";
    }
    return seen;
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double measure(const struct policy_learning *learning, size_t *bytes)
{
    struct arena *arena = arena_new();
    struct policy_learned learned;
    struct buf text = {0};
    struct error err;
    double start = now_ms();
    if (policy_learn(learning, arena, &learned, &err) != 0 ||
        policy_learned_print(&learned, &text) != 0) {
        fprintf(stderr, "learn: %s\n", err.text);
        exit(1);
    }
    double ms = now_ms() - start;
    *bytes = text.len;
    buf_free(&text);
    arena_free(arena);
    return ms;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const size_t max_paths[] = {1, 10, 100};
    int runs = argc > 1 ? atoi(argv[1]) : 5;
    struct arena *arena = arena_new();
    struct policy *policy = policy_parse(ceiling, strlen(ceiling), DOC_YAML, NULL);
    struct policy_seen *seen = arena_alloc(arena, REQUESTS * sizeof *seen);
    runs = runs < 1 ? 1 : runs > RUNS_MAX ? RUNS_MAX : runs;
    for (unsigned i = 0; i < REQUESTS; i++)
        seen[i] = make_seen(i, arena);
    for (size_t m = 0; m < sizeof max_paths / sizeof *max_paths; m++) {
        const struct policy_learning learning = {
            .seen = seen,
            .n = REQUESTS,
            .ceiling = policy_model(policy),
            .max_paths = max_paths[m],
        };
        double ms[RUNS_MAX];
        size_t bytes;
        for (int i = 0; i < runs; i++)
            ms[i] = measure(&learning, &bytes);
        qsort(ms, (size_t)runs, sizeof *ms, by_value);
        printf("%d requests, at most %3zu paths  p50 %7.1f ms  p50 <= %d ms %-8s %zu bytes\n",
               REQUESTS, max_paths[m], ms[runs / 2], TARGET_MS,
               ms[runs / 2] <= TARGET_MS ? "met" : "not met", bytes);
    }
    policy_unref(policy);
    arena_free(arena);
    return 0;
}
