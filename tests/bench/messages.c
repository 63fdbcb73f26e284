/* SPDX-License-Identifier: Apache-2.0 */
/* What reading a full policy costs: as JSON, and as OpenShell's message of the same policy.  And
 * what writing costs.
 *
 *     bench_messages POLICY.yaml [READS] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "doc/protobuf.h"
#include "doc/writer.h"
#include "policy/policy.h"

enum { READS = 4000, ROUNDS = 9 };

struct policy_text {
    struct buf json, message;
    struct doc_node *tree;
};

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e6 * (double)t.tv_sec + (double)t.tv_nsec / 1e3;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench_messages: %s\n", what);
    exit(1);
}

static void read_json(const struct policy_text *p)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    if (doc_parse(p->json.data, p->json.len, DOC_JSON, POLICY_BYTES_MAX, arena, &tree, &problems))
        fail("the JSON cannot be read");
    arena_free(arena);
}

static void read_message(const struct policy_text *p)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    if (protobuf_decode(&policy_schema, p->message.data, p->message.len, arena, &tree, &problems))
        fail("the message cannot be read");
    arena_free(arena);
}

static void write_json(const struct policy_text *p)
{
    struct buf out = {0};
    doc_print(p->tree, DOC_JSON, &out);
    buf_free(&out);
}

static void write_message(const struct policy_text *p)
{
    struct buf out = {0};
    struct problems problems = {0};
    if (protobuf_encode(&policy_schema, p->tree, PROTOBUF_ENUMS, &out, &problems))
        fail("the message cannot be written");
    buf_free(&out);
}

static double time_of(void (*work)(const struct policy_text *), const struct policy_text *p, int n)
{
    double begin = cpu_us();
    for (int i = 0; i < n; i++)
        work(p);
    return (cpu_us() - begin) / n;
}

/* Both in turns, the best round of each counts. */
static double compare(const char *what, void (*json)(const struct policy_text *),
                      void (*message)(const struct policy_text *), const struct policy_text *p,
                      int n)
{
    double best[2] = {1e9, 1e9};
    for (int round = 0; round < ROUNDS; round++) {
        double a = time_of(json, p, n), b = time_of(message, p, n);
        best[0] = a < best[0] ? a : best[0];
        best[1] = b < best[1] ? b : best[1];
    }
    printf("%-8s %10.1f us %10.1f us %8.2f\n", what, best[0], best[1], best[1] / best[0]);
    return best[1] / best[0];
}

static void load(const char *path, struct arena *arena, struct policy_text *out)
{
    char yaml[65536];
    struct problems problems = {0};
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(yaml, 1, sizeof yaml, file) : 0;
    struct policy *policy = policy_parse(yaml, len, DOC_YAML, &problems);
    if (!policy)
        fail("the policy cannot be read");
    fclose(file);
    struct doc_tree_writer writer;
    schema_write(&policy_schema, policy_model(policy), doc_tree_writer(&writer, arena, &problems));
    out->tree = doc_tree_writer_end(&writer);
    doc_print(out->tree, DOC_JSON, &out->json);
    if (protobuf_encode(&policy_schema, out->tree, PROTOBUF_ENUMS, &out->message, &problems) != 0)
        fail("the policy cannot be written as a message");
    policy_unref(policy);
}

int main(int argc, char **argv)
{
    struct arena *arena = arena_new();
    struct policy_text policy = {0};
    if (argc < 2)
        fail("name a policy");
    int n = argc > 2 ? atoi(argv[2]) : READS;
    load(argv[1], arena, &policy);
    printf("%zu bytes of JSON, %zu of the message; processor time, best of %d rounds\n\n"
           "%-8s %13s %13s %8s\n",
           policy.json.len, policy.message.len, ROUNDS, "", "JSON", "message", "ratio");
    double ratio = compare("read", read_json, read_message, &policy, n);
    compare("written", write_json, write_message, &policy, n);
    printf("\nreading a message takes at most as long as reading JSON: %s\n",
           ratio <= 1 ? "yes" : "NO");
    buf_free(&policy.json);
    buf_free(&policy.message);
    arena_free(arena);
    return 0;
}
