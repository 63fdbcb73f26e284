/* SPDX-License-Identifier: Apache-2.0 */
/* How long the effect of a change takes at its worst: 256 rules of 16 endpoints each, in shapes
 * that are hard in different ways.  Prints the time of each, and whether it was decided or given
 * up.  Then what is usual: one of 64 inspected rules changes, and the cure of a request that 64
 * rules refuse.
 *
 * effect [RUNS] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "policy/cure/cure.h"
#include "policy/effect/effect.h"
#include "policy/match/http.h"
#include "policy/policy.h"

enum { RULES = 256, ENDPOINTS = 16, RUNS_MAX = 21, TARGET_MS = 50 };

typedef void write_endpoint(struct buf *out, unsigned rule, unsigned endpoint, bool after);

/* Each host its own; a single one moves. */
static void one_moves(struct buf *out, unsigned rule, unsigned endpoint, bool after)
{
    unsigned host =
        rule * ENDPOINTS + endpoint + (after && rule == 7 && endpoint == 7 ? 100000 : 0);
    buf_printf(out, "{host: h%u.example.com, port: 443}", host);
}

static void all_move(struct buf *out, unsigned rule, unsigned endpoint, bool after)
{
    buf_printf(out, "{host: h%u.%s.com, port: 443}", rule * ENDPOINTS + endpoint,
               after ? "b" : "a");
}

/* The same hosts in another order of rules: nothing is gained or lost. */
static void shuffled(struct buf *out, unsigned rule, unsigned endpoint, bool after)
{
    unsigned n = rule * ENDPOINTS + endpoint;
    buf_printf(out, "{host: h%u.example.com, port: 443}",
               after ? n * 1021 % (RULES * ENDPOINTS) : n);
}

/* Wildcards that overlap in many ways. */
static void entangled(struct buf *out, unsigned rule, unsigned endpoint, bool after)
{
    unsigned n = rule * ENDPOINTS + endpoint;
    buf_printf(out, "{host: \"%c*%c*%c%u.e%u.com\", port: 443}", 'a' + n % 7, 'a' + n / 7 % 11,
               'a' + n % 5, n % 13, n / 256 + (after ? 1 : 0));
}

static void one_domain(struct buf *out, unsigned rule, unsigned endpoint, bool after)
{
    unsigned n = rule * ENDPOINTS + endpoint;
    buf_printf(out, "{host: \"*%x*%x*.example.com\", port: %u}", n % 61, n % 67,
               1 + n % 3 + (after ? 1 : 0));
}

static void requests(struct buf *out, unsigned rule, unsigned endpoint, bool after)
{
    unsigned n = rule * ENDPOINTS + endpoint;
    if (endpoint < 4)
        buf_printf(out,
                   "{host: h%u.com, port: 443, protocol: rest, enforcement: enforce, rules: "
                   "[{allow: {method: GET, path: /%c/*/x%u%s}}]}",
                   n % 97, 'a' + n % 3, n, after ? "/**" : "");
    else
        buf_printf(out, "{host: h%u.com, port: 80}", n);
}

static const struct shape {
    const char *name;
    write_endpoint *write;
    const char *binaries;
} shapes[] = {
    {"one host of 4096 moves", one_moves, "[{path: /usr/bin/curl}]"},
    {"all hosts move", all_move, "[{path: /usr/bin/curl}]"},
    {"all hosts move, ten binaries", all_move,
     "[{path: /a/*}, {path: /b/**}, {path: /c/d}, {path: /a/b*}, {path: /**/e}, {path: /f*/g}, "
     "{path: /h}, {path: /i/*}, {path: /j}, {path: /k/**/l}]"},
    {"the same hosts in other rules", shuffled, "[{path: /usr/bin/curl}]"},
    {"wildcards of 16 domains", entangled, "[{path: /usr/bin/curl}, {path: /opt/**}]"},
    {"wildcards of one domain", one_domain, "[{path: /usr/bin/curl}]"},
    {"inspected requests", requests, "[{path: /usr/bin/curl}]"},
};

static struct policy *make(const struct shape *shape, bool after)
{
    struct buf text = {0};
    struct problems problems = {0};
    buf_puts(&text, "version: 1\nnetwork_policies:\n");
    for (unsigned rule = 0; rule < RULES; rule++) {
        buf_printf(&text, " r%u:\n  binaries: %s\n  endpoints: [", rule, shape->binaries);
        for (unsigned i = 0; i < ENDPOINTS; i++) {
            buf_puts(&text, i ? "," : "");
            shape->write(&text, rule, i, after);
        }
        buf_puts(&text, "]\n");
    }
    struct policy *policy = policy_parse(text.data, text.len, DOC_YAML, &problems);
    if (!policy) {
        fprintf(stderr, "effect: %s: %s (%zu bytes)\n", shape->name, problems.items[0].message,
                text.len);
        exit(1);
    }
    buf_free(&text);
    return policy;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const struct shape *shape, int runs)
{
    struct policy *before = make(shape, false), *after = make(shape, true);
    double ms[RUNS_MAX];
    const char *relation = "", *note = "";
    for (int i = 0; i < runs; i++) {
        struct arena *arena = arena_new();
        uint64_t start = clock_mono_ns();
        const struct policy_effect *effect =
            policy_effect(policy_model(before), policy_model(after), arena);
        ms[i] = (double)(clock_mono_ns() - start) / 1e6;
        relation = policy_relation_word(effect->relation);
        note = *effect->note ? ", given up" : "";
        arena_free(arena);
    }
    qsort(ms, (size_t)runs, sizeof *ms, by_value);
    printf("%-32s p50 %6.2f ms  max %6.2f ms  p50 <= %d ms %-8s %s%s\n", shape->name, ms[runs / 2],
           ms[runs - 1], TARGET_MS, ms[runs / 2] <= TARGET_MS ? "met" : "not met", relation, note);
    policy_unref(before);
    policy_unref(after);
}

/* ---- what is usual ---- */

enum { USUAL_RULES = 64, USUAL_RUNS = 2000 };

/* Each rule another host; of one host: they all have the same. */
static struct policy *make_usual(bool one_host, int changed)
{
    struct buf text = {0};
    struct problems problems = {0};
    buf_puts(&text, "version: 1\nnetwork_policies:\n");
    for (int i = 0; i < USUAL_RULES; i++)
        buf_printf(&text,
                   "  r%d:\n    binaries: [{path: /usr/bin/curl}, {path: /usr/bin/git}]\n"
                   "    endpoints:\n"
                   "      - {host: h%d.example.com, port: 443, protocol: rest, enforcement: "
                   "enforce, rules: [{allow: {method: GET, path: /a/**}}, {allow: {method: POST, "
                   "path: /b/%d/*}}]}\n"
                   "      - {host: \"*.x%d.example.com\", port: 443, protocol: rest, enforcement: "
                   "enforce, access: %s}\n",
                   i, one_host ? 0 : i, i, i, i == changed ? "read-write" : "read-only");
    struct policy *policy = policy_parse(text.data, text.len, DOC_YAML, &problems);
    buf_free(&text);
    return policy;
}

static void print_usual(const char *name, double *us)
{
    enum { TARGET_US = 1000 };
    qsort(us, USUAL_RUNS, sizeof *us, by_value);
    double p99 = us[USUAL_RUNS * 99 / 100];
    printf("%-32s p50 %6.0f us  p99 %6.0f us  p99 <= %d us %s\n", name, us[USUAL_RUNS / 2], p99,
           TARGET_US, p99 <= TARGET_US ? "met" : "not met");
}

static void measure_change(void)
{
    static double us[USUAL_RUNS];
    struct policy *before = make_usual(false, -1), *after = make_usual(false, 7);
    for (int i = 0; i < USUAL_RUNS; i++) {
        struct arena *arena = arena_new();
        uint64_t start = clock_mono_ns();
        policy_effect(policy_model(before), policy_model(after), arena);
        us[i] = (double)(clock_mono_ns() - start) / 1e3;
        arena_free(arena);
    }
    print_usual("one of 64 rules changes", us);
    policy_unref(before);
    policy_unref(after);
}

static void measure_cure(const char *name, bool one_host)
{
    static double us[USUAL_RUNS];
    static const struct policy_request caller = {
        .host = "h0.example.com", .port = 443, .binary = "/usr/bin/curl"};
    static const struct policy_http_request request = {.method = "PUT", .path = "/c", .query = ""};
    struct policy *policy = make_usual(one_host, -1);
    for (int i = 0; i < USUAL_RUNS; i++) {
        struct arena *arena = arena_new();
        struct policy_refused refused;
        struct policy_cure cure;
        uint64_t start = clock_mono_ns();
        policy_refused_connection(caller.host, caller.port, caller.binary, arena, &refused);
        policy_refused_request(&refused, request.method, request.path, arena);
        const char *why =
            policy_cure(policy_model(policy), &caller, &refused, &request, arena, &cure);
        us[i] = (double)(clock_mono_ns() - start) / 1e3;
        if (why) {
            fprintf(stderr, "effect: %s: %s\n", name, why);
            exit(1);
        }
        arena_free(arena);
    }
    print_usual(name, us);
    policy_unref(policy);
}

int main(int argc, char **argv)
{
    int runs = argc > 1 ? atoi(argv[1]) : RUNS_MAX;
    if (runs < 1 || runs > RUNS_MAX)
        return 2;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        measure(&shapes[i], runs);
    measure_change();
    measure_cure("cure, 64 rules of 64 hosts", false);
    measure_cure("cure, 64 rules of one host", true);
    return 0;
}
