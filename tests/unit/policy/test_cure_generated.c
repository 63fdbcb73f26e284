/* SPDX-License-Identifier: Apache-2.0 */
/* Cures of generated refusals, applied as the operations that they are written as: what was refused
 * passes, and nothing else does that did not before. */
#include "support/policy_cases.h"

#include "doc/writer.h"
#include "policy/cure/cure.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"

static uint64_t random_state = 20260101;

static unsigned pick(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % n;
}

#define PICK(list) (list)[pick(sizeof(list) / sizeof *(list))]

/* ---- policies ---- */

static const char *const hosts[] = {"a.x.com", "b.x.com", "'*.x.com'", "'**.x.com'"};
static const char *const programs[] = {"/bin/a", "/bin/b", "/bin/*", "/opt/a", "/**"};
static const char *const names[] = {"allow_a_x_com_443_a", "allow_a_x_com_443_a_2", "zz", "a"};
/* What an endpoint says beside its rules. */
static const char *const settings[] = {"", "", "", "", "", "allowed_ips: [10.0.0.0/8], ",
                                       "public_only: true, ", "allow_encoded_slash: true, "};
static const char *const selectors[] = {"", "", "", "path: /p, ", "path: /p/**, ", "path: /**, "};
static const char *const methods[] = {"GET", "POST", "'*'", "DELETE"};
static const char *const paths[] = {"/p", "/p/q", "/p/*", "/**", "/q", "'/p%2Fq'"};
static const char *const websocket_methods[] = {"GET", "WEBSOCKET_TEXT", "'*'"};
static const char *const types[] = {"query", "mutation"};
static const char *const fields[] = {"[a]", "[a, b]", "['*']", "[b]"};
static const char *const rpc_methods[] = {"ping", "add", "tools/call", "tools/list"};
static const char *const tools[] = {"read", "write", "'r*'"};

/* What a rule of that protocol is about. */
static const char *random_requests(struct arena *arena, const char *protocol)
{
    if (strcmp(protocol, "rest") == 0)
        return arena_printf(arena, "method: %s, path: %s%s", PICK(methods), PICK(paths),
                            pick(4) ? "" : ", query: {k: '1'}");
    if (strcmp(protocol, "websocket") == 0)
        return arena_printf(arena, "method: %s, path: %s", PICK(websocket_methods), PICK(paths));
    if (strcmp(protocol, "graphql") == 0)
        return arena_printf(arena, "operation_type: %s, fields: %s", PICK(types), PICK(fields));
    if (strcmp(protocol, "mcp") == 0)
        return arena_printf(arena, "method: tools/call, tool: %s", PICK(tools));
    return arena_printf(arena, "method: %s", PICK(rpc_methods));
}

static const char *random_endpoint(struct arena *arena)
{
    static const char *const protocols[] = {"rest", "rest", "rest", "graphql", "json-rpc", "mcp",
                                            "websocket"};
    const char *protocol = PICK(protocols);
    const char *at = arena_printf(arena, "host: %s, port: 443, %s%s", PICK(hosts), PICK(selectors),
                                  PICK(settings));
    if (pick(8) == 0)
        return arena_printf(arena, "{%s}", at);
    const char *allowed = "access: read-only";
    if (strcmp(protocol, "rest") != 0 || pick(3))
        allowed = arena_printf(arena, "rules: [{allow: {%s}}]", random_requests(arena, protocol));
    const char *denied =
        pick(4) ? ""
                : arena_printf(arena, ", deny_rules: [{%s}]", random_requests(arena, protocol));
    return arena_printf(arena, "{%sprotocol: %s, enforcement: %s, %s%s}", at, protocol,
                        pick(10) ? "enforce" : "audit", allowed, denied);
}

static struct policy *random_policy(struct arena *arena)
{
    struct problems problems = {0};
    const char *rules = "";
    for (unsigned i = 0, n = pick(4); i < n; i++) {
        const char *endpoints = random_endpoint(arena);
        if (pick(3) == 0)
            endpoints = arena_printf(arena, "%s, %s", endpoints, random_endpoint(arena));
        rules = arena_printf(arena, "%s%s: {binaries: [{path: %s}], endpoints: [%s]}, ", rules,
                             pick(4) ? arena_printf(arena, "r%u", i) : PICK(names),
                             PICK(programs), endpoints);
    }
    const char *text = arena_printf(arena, "{version: 1, network_policies: {%s}}", rules);
    struct policy *policy =
        policy_keep(policy_parse(text, strlen(text), DOC_YAML, &problems), arena);
    problems_free(&problems);
    return policy;
}

/* ---- requests ---- */

struct sent {
    const char *program, *host, *method, *path, *query, *body;
    const char *parent;                             /* NULL: none that matters */
    bool websocket;
};

static const char *const bodies[] = {
    "{\"query\":\"{ a }\"}",
    "{\"query\":\"query Q { a b }\"}",
    "{\"query\":\"mutation { b }\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"name\":\"x\"}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"read\"}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"write\"}}",
    "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\"},"
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"sub\"}]",
};

static struct sent random_request(void)
{
    static const char *const sent_hosts[] = {"a.x.com", "b.x.com", "c.x.com", "d.com"};
    static const char *const sent_methods[] = {"GET", "POST", "POST", "HEAD", "DELETE"};
    static const char *const sent_paths[] = {"/p", "/p/q", "/q", "/", "/p%2Fq"};
    static const char *const sent_programs[] = {"/bin/a", "/bin/b", "/opt/a", "/opt/c"};
    static const char *const queries[] = {"", "", "k=1", "k=2"};
    struct sent sent = {.program = PICK(sent_programs), .host = PICK(sent_hosts),
                        .method = PICK(sent_methods), .path = PICK(sent_paths),
                        .query = PICK(queries), .body = PICK(bodies)};
    sent.parent = pick(4) ? NULL : "/bin/b";
    sent.websocket = pick(5) == 0;
    if (sent.websocket)
        sent.method = "GET";
    return sent;
}

/* A request as the proxy judges it. */
struct judged {
    struct policy_request caller;
    struct policy_candidates candidates;
    struct policy_calls calls;
    struct policy_http_request request;
    struct policy_decision connection;
    bool allowed;
};

static void judge(const struct policy *policy, const struct sent *sent, struct judged *out)
{
    struct policy_http_decision decision;
    *out = (struct judged){
        .caller = {.host = sent->host, .port = 443, .binary = sent->program,
                   .ancestors = &sent->parent, .n_ancestors = sent->parent ? 1 : 0},
        .request = {.method = sent->method, .path = sent->path, .query = sent->query,
                    .websocket = sent->websocket}};
    policy_match(policy_model(policy), &out->caller, &out->connection, NULL);
    policy_candidates_find(policy_model(policy), &out->caller, &out->candidates);
    out->allowed = out->connection.allowed;
    if (!out->allowed)
        return;
    policy_http_decide(&out->candidates, &out->request, &decision, NULL);
    if (decision.needs_body) {
        policy_calls_read(decision.endpoint, &out->request, sent->body, strlen(sent->body),
                          &out->calls);
        out->request.calls = &out->calls;
        policy_http_decide(&out->candidates, &out->request, &decision, NULL);
    }
    out->allowed = decision.allowed;
}

static void judged_free(struct judged *judged)
{
    policy_candidates_free(&judged->candidates);
    policy_calls_free(&judged->calls);
}

static bool is_allowed(const struct policy *policy, const struct sent *sent)
{
    struct judged judged;
    judge(policy, sent, &judged);
    judged_free(&judged);
    return judged.allowed;
}

/* ---- what a cure opens ---- */

/* As a client would send it to the gateway. */
static struct policy *apply(const struct policy *policy, const struct policy_cure *cure,
                            struct arena *arena)
{
    struct buf json = {0};
    struct doc_json_writer writer;
    struct doc_writer *w = doc_json_writer(&writer, &json);
    struct problems problems = {0}, warnings = {0};
    struct doc_node *tree;
    struct policy_operations operations;
    doc_write_open(w, DOC_MAP);
    policy_cure_write(cure, w);
    doc_write_close(w, DOC_MAP);
    assert_int_equal(doc_parse(json.data, json.len, DOC_JSON, 1 << 20, arena, &tree, &problems), 0);
    /* The effect stands beside them. */
    tree->n = 1;
    assert_int_equal(policy_operations_decode(tree, arena, &operations, &problems), 0);
    struct policy *to = policy_merge(policy, &operations, &problems, &warnings);
    cases_print(buf_str(&json), &problems);
    assert_non_null(to);
    problems_free(&problems);
    problems_free(&warnings);
    buf_free(&json);
    return policy_keep(to, arena);
}

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool call_is_of(const struct policy_call *probe, const struct policy_call *refused)
{
    if (!same(probe->method, refused->method) || !same(probe->tool, refused->tool) ||
        !same(probe->type, refused->type) ||
        (*refused->name && !same(probe->name, refused->name)))
        return false;
    for (size_t i = 0, j = 0; i < probe->n_fields; i++) {
        while (j < refused->n_fields && !same(refused->fields[j], probe->fields[i]))
            j++;
        if (j == refused->n_fields)
            return false;
    }
    return true;
}

/* The cure opens every request that its rule cannot tell from the refused one: any query, HEAD
 * beside GET, a batch of some of its calls, some of its fields, and an operation of another name
 * where it had none. */
static bool is_of_cure(const struct judged *probe, const struct judged *refused)
{
    bool is_head = same(probe->request.method, "HEAD") && same(refused->request.method, "GET");
    bool by_parent = probe->caller.n_ancestors &&
                     same(probe->caller.ancestors[0], refused->caller.binary);
    if ((!by_parent && !same(probe->caller.binary, refused->caller.binary)) ||
        !same(probe->caller.host, refused->caller.host) ||
        !same(probe->request.path, refused->request.path))
        return false;
    if (!refused->request.calls)
        return is_head || same(probe->request.method, refused->request.method);
    for (size_t i = 0; i < probe->calls.n; i++) {
        size_t j = 0;
        while (j < refused->calls.n &&
               !call_is_of(&probe->calls.items[i], &refused->calls.items[j]))
            j++;
        if (j == refused->calls.n)
            return false;
    }
    return true;
}

static void fail_with(const char *what, const struct policy *policy, const struct sent *sent,
                      const struct policy_cure *cure)
{
    struct buf json = {0};
    struct doc_json_writer writer;
    schema_write(&policy_rule_schema, cure->operation.rule, doc_json_writer(&writer, &json));
    fail_msg("%s: %s of %s %s %s%s?%s %s\nby %s: %s\nof %s", what, sent->program,
             sent->parent ? sent->parent : "none", sent->method,
             sent->host, sent->path, sent->query, sent->body, cure->operation.rule_name,
             buf_str(&json), policy_json(policy));
}

/* Which addresses the host may stand for. */
static bool same_addresses(const struct policy_decision *a, const struct policy_decision *b)
{
    const struct sluice_endpoint *x = a->endpoint, *y = b->endpoint;
    return x->n_allowed_ips == y->n_allowed_ips &&
           (x->n_allowed_ips || a->exact_host == b->exact_host);
}

static void check_probes(const struct policy *policy, const struct policy *to,
                         const struct judged *refused, const struct policy_cure *cure)
{
    enum { PROBES = 24 };
    for (int i = 0; i < PROBES; i++) {
        struct sent sent = random_request();
        if (pick(2)) {
            sent.host = refused->caller.host;
            sent.program = refused->caller.binary;
        }
        struct judged probe, first;
        judge(to, &sent, &probe);
        judge(policy, &sent, &first);
        bool before = first.allowed;
        if (refused->connection.allowed && first.connection.allowed && !sent.parent &&
            !same_addresses(&first.connection, &probe.connection))
            fail_with("addresses", policy, &sent, cure);
        /* A rule is also asked about its program's children, which may have been let through
         * without a question. */
        if (before && !probe.allowed && !sent.parent)
            fail_with("lost", policy, &sent, cure);
        if (!before && probe.allowed && !is_of_cure(&probe, refused))
            fail_with("opened", policy, &sent, cure);
        judged_free(&probe);
        judged_free(&first);
    }
}

/* ---- the tests ---- */

struct counts {
    unsigned refused, cured;
};

static void try_one(struct counts *counts)
{
    struct arena *arena = arena_new();
    struct policy *policy = random_policy(arena);
    struct sent sent = random_request();
    struct judged judged;
    struct policy_refused refused;
    struct policy_cure cure;
    if (!policy || is_allowed(policy, &sent)) {
        arena_free(arena);
        return;
    }
    judge(policy, &sent, &judged);
    assert_int_equal(policy_refused_connection(sent.host, 443, sent.program, arena, &refused), 0);
    assert_int_equal(policy_refused_request(&refused, sent.method, sent.path, arena), 0);
    const char *why = policy_cure(policy_model(policy), &judged.caller, &refused, &judged.request,
                                  arena, &cure);
    counts->refused++;
    counts->cured += !why;
    if (!why) {
        struct policy *to = apply(policy, &cure, arena);
        if (!is_allowed(to, &sent))
            fail_with("still refused", policy, &sent, &cure);
        if (cure.effect->n_lost || cure.effect->n_gained == 0)
            fail_with("effect", policy, &sent, &cure);
        check_probes(policy, to, &judged, &cure);
    }
    judged_free(&judged);
    arena_free(arena);
}

static void a_cure_opens_what_was_refused_and_no_more(void **state)
{
    struct counts counts = {0};
    unsigned wanted = getenv("SLUICE_TEST_LONG") ? 10000 : 1000;
    (void)state;
    while (counts.refused < wanted)
        try_one(&counts);
    print_message("%u refused, %u cured\n", counts.refused, counts.cured);
    assert_true(counts.cured > wanted / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cure_opens_what_was_refused_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
