/* SPDX-License-Identifier: Apache-2.0 */
/* The effect of changes between generated WebSocket policies agrees with what the matcher lets
 * through: upgrades, text messages, GraphQL operations in them, binary messages. */
#include "support/policy_cases.h"

#include "base/glob.h"
#include "policy/effect/effect.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"

static uint64_t random_state;

static unsigned pick(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % n;
}

#define PICK(list) (list)[pick(sizeof(list) / sizeof *(list))]

/* ---- policies, as text ---- */

static const char *const rules_written[] = {
    "{method: GET, path: '**'}",       "{method: GET, path: /a}",
    "{method: GET, path: /a/**}",      "{method: '*', path: /a/**}",
    "{operation_type: query}",         "{operation_type: '*', fields: [a*]}",
    "{operation_type: mutation, operation_name: Get*}",
    "{operation_type: query, fields: [a, b]}",
};
static const char *const text_rules[] = {
    "{method: WEBSOCKET_TEXT, path: '**'}", "{method: WEBSOCKET_TEXT, path: /a}",
    "{method: '*', path: '**'}",            "{method: GET, path: /a/**}",
    "{method: GET, path: '**'}",
};

static void write_rules(struct buf *out, bool texts, unsigned n, bool deny)
{
    for (unsigned i = 0; i < n; i++)
        buf_printf(out, "%s%s%s%s", i ? ", " : "", deny ? "" : "{allow: ",
                   texts ? PICK(text_rules) : PICK(rules_written), deny ? "" : "}");
}

static void write_endpoint(struct buf *out)
{
    static const char *const selectors[] = {"", "", ", path: /a/**", ", path: /a"};
    static const char *const accesses[] = {"read-only", "read-write", "full"};
    bool texts = pick(2), access = pick(4) == 0;
    buf_printf(out, "{host: a.x.com, port: 443, protocol: websocket, enforcement: %s%s, ",
               pick(10) ? "enforce" : "audit", PICK(selectors));
    if (access) {
        buf_printf(out, "access: %s", PICK(accesses));
    } else {
        buf_puts(out, "rules: [");
        write_rules(out, texts, 1 + pick(3), false);
        buf_puts(out, "]");
    }
    if (!pick(3)) {
        buf_puts(out, ", deny_rules: [");
        write_rules(out, texts || access, 1 + pick(2), true);
        buf_puts(out, "]");
    }
    buf_puts(out, "}");
}

static void write_policy(struct buf *out)
{
    buf_puts(out, "{version: 1, network_policies: {a: {endpoints: [");
    for (unsigned i = 0, n = 1 + pick(2); i < n; i++) {
        buf_puts(out, i ? ", " : "");
        write_endpoint(out);
    }
    buf_puts(out, "], binaries: [{path: /x}]}}}");
}

static struct policy *random_policy(struct arena *arena)
{
    struct buf text = {0};
    struct problems problems = {0};
    struct doc_node *node;
    write_policy(&text);
    assert_int_equal(doc_parse(text.data, text.len, DOC_YAML, 1 << 20, arena, &node, &problems), 0);
    struct policy *policy = cases_policy(arena_str(arena, buf_str(&text)), node);
    buf_free(&text);
    return policy;
}

/* ---- what is sent ---- */

enum kind { UPGRADE, TEXT, OPERATION, BINARY, KINDS };

struct sent {
    enum kind kind;
    const char *path;
    struct policy_call call;
};

static bool decide(const struct policy_candidates *candidates, struct policy_http_request *request,
                   struct policy_http_decision *out)
{
    policy_http_decide(candidates, request, out, NULL);
    return out->allowed;
}

/* What the proxy would say of a message. */
static bool takes_message(const struct policy_candidates *candidates, const struct sent *sent)
{
    struct policy_call call = sent->call;
    struct policy_http_request request = {.method = POLICY_WEBSOCKET_TEXT, .path = sent->path,
                                          .query = "", .websocket = true, .message = true};
    struct policy_calls calls = {.protocol = "websocket", .items = &call, .n = 1};
    struct policy_http_decision decision;
    bool allowed = decide(candidates, &request, &decision);
    if (!decision.needs_body)
        return allowed || sent->kind == BINARY;
    calls.problem = sent->kind == TEXT ? "it is no operation" : NULL;
    request.calls = &calls;
    return sent->kind != BINARY && decide(candidates, &request, &decision);
}

static bool passes(const struct policy *policy, const struct sent *sent)
{
    struct policy_request connection = {.host = "a.x.com", .port = 443, .binary = "/x"};
    struct policy_http_request upgrade = {.method = "GET", .path = sent->path, .query = "",
                                          .websocket = true};
    struct policy_http_decision decision;
    struct policy_candidates candidates;
    policy_candidates_find(policy_model(policy), &connection, &candidates);
    bool allowed = decide(&candidates, &upgrade, &decision) &&
                   (sent->kind == UPGRADE || takes_message(&candidates, sent));
    policy_candidates_free(&candidates);
    return allowed;
}

/* An upgrade that is told covers what any message of its connection needs. */
static bool tells(const struct sluice_reach *r, const struct sent *sent)
{
    bool text = sent->kind == TEXT || sent->kind == OPERATION;
    bool method = !*r->method || policy_method_match(r->method, "GET") ||
                  (text && policy_method_match(r->method, POLICY_WEBSOCKET_TEXT));
    return method && (!*r->path || strcmp(r->path, "**") == 0 ||
                      glob_match(r->path, sent->path, '/', 0));
}

static bool any_tells(const struct sluice_reach *const *list, size_t n, const struct sent *sent)
{
    for (size_t i = 0; i < n; i++)
        if (tells(list[i], sent))
            return true;
    return false;
}

/* "METHOD PATH to ..." or "WEBSOCKET_TEXT PATH (TYPE NAME with FIELD,FIELD) to ...". */
static bool read_example(const char *example, const char *opening, struct arena *arena,
                         struct sent *out)
{
    char method[32], path[64], operation[96];
    if (strncmp(example, opening, strlen(opening)) != 0)
        return false;
    int n = sscanf(example + strlen(opening), "%31s %63s (%95[^)])", method, path, operation);
    if (n < 2)
        return false;
    *out = (struct sent){.kind = strcmp(method, "GET") == 0                     ? UPGRADE
                                 : strcmp(method, POLICY_WEBSOCKET_BINARY) == 0 ? BINARY
                                 : n == 3                                       ? OPERATION
                                                                                : TEXT,
                         .path = arena_str(arena, path)};
    char *fields = n == 3 ? strstr(operation, " with ") : NULL;
    if (fields) {
        *fields = '\0';
        policy_call_from_words(operation, fields + 6, arena, &out->call);
    }
    return true;
}

static size_t try_examples(const struct policy *with, const struct policy *without,
                           const struct sluice_reach *const *list, size_t n, const char *opening,
                           struct arena *arena)
{
    size_t tried = 0;
    for (size_t i = 0; i < n; i++) {
        struct sent sent;
        if (strstr(list[i]->example, "cannot be compared"))
            fail_msg("not compared: %s", list[i]->example);
        if (!read_example(list[i]->example, opening, arena, &sent))
            continue;
        if (!passes(with, &sent) || passes(without, &sent))
            fail_msg("no example: %s", list[i]->example);
        tried++;
    }
    return tried;
}

static void try_all(const struct policy *from, const struct policy *to,
                    const struct policy_effect *e, unsigned seed)
{
    static const char *const paths[] = {"/", "/a", "/a/b", "/b"};
    static const char *const types[] = {"query", "mutation", "subscription"};
    static const char *const names[] = {"", "GetX", "Z"};
    static const char *const fields[][2] = {{"a", "b"}, {"ab", "a"}, {"b", "c"}};
    for (unsigned i = 0; i < KINDS * 4 * 3 * 3 * 6; i++) {
        struct sent sent = {.kind = i % KINDS, .path = paths[i / KINDS % 4]};
        unsigned what = i / KINDS / 4;
        sent.call = (struct policy_call){
            .type = types[what % 3], .name = names[what / 3 % 3], .fields = fields[what / 9 % 3],
            .n_fields = 1 + what / 27 % 2, .method = "", .tool = ""};
        bool before = passes(from, &sent), after = passes(to, &sent);
        if ((after && !before && !any_tells(e->gained, e->n_gained, &sent)) ||
            (before && !after && !any_tells(e->lost, e->n_lost, &sent)))
            fail_msg("not told: kind %d %s %s %s (seed %u)", (int)sent.kind, sent.path,
                     sent.call.type, sent.call.name, seed);
    }
}

static void test_agrees_about_messages(void **state)
{
    (void)state;
    unsigned pairs = getenv("SLUICE_TEST_LONG") ? 20000 : 1000;
    size_t tried = 0;
    for (unsigned seed = 1; seed <= pairs; seed++) {
        struct arena *arena = arena_new();
        random_state = seed;
        struct policy *from = random_policy(arena), *to = random_policy(arena);
        const struct policy_effect *e = policy_effect(policy_model(from), policy_model(to), arena);
        assert_string_equal(e->note, "");
        try_all(from, to, e, seed);
        tried += try_examples(to, from, e->gained, e->n_gained, "/x may now send ", arena);
        tried += try_examples(from, to, e->lost, e->n_lost, "/x may no longer send ", arena);
        policy_unref(from);
        policy_unref(to);
        arena_free(arena);
    }
    assert_true(tried > pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_about_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
