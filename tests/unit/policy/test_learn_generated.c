/* SPDX-License-Identifier: Apache-2.0 */
/* Policies learned from generated traffic, judged from without: what was recorded passes, what the
 * ceiling refuses does not, and no part can be taken out, each of them tried on its own. */
#include "support/learning.h"

#include "policy/effect/effect.h"
#include "policy/match/ask.h"

static uint64_t random_state = 20261130;

static unsigned pick(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % n;
}

#define PICK(list) (list)[pick(sizeof(list) / sizeof *(list))]

static const char *const hosts[] = {"a.x.com", "b.x.com", "c.y.com"};
static const char *const programs[] = {"/bin/a", "/bin/b", "/opt/a"};
static const char *const methods[] = {"GET", "HEAD", "POST", "put"};
static const char *const segments[] = {"a", "b", "c", "d", "", "a%2Fb", "e.f", "secret"};

/* What an endpoint of the ceiling is, beside its host. */
static const char *const ways[] = {
    "",
    ", protocol: rest, enforcement: enforce, access: full",
    ", protocol: rest, access: read-only",
    ", protocol: rest, enforcement: enforce, allow_encoded_slash: true, "
    "rules: [{allow: {method: '*', path: '/**'}}], "
    "deny_rules: [{method: '*', path: '/**/secret'}, {method: GET, path: /a, query: {k: v}}]",
    ", protocol: rest, enforcement: enforce, rules: [{allow: {method: GET, path: '/a/**'}}, "
    "{allow: {method: POST, path: '/*'}}]",
    ", protocol: mcp, path: '/a/**', mcp: {allow_all_known_mcp_methods: true}",
    ", protocol: graphql, path: '/b/*', enforcement: enforce, access: full",
    ", protocol: json-rpc, path: /c, enforcement: enforce, rules: [{allow: {method: '*'}}]",
};
static const char *const places[] = {"a.x.com", "'*.x.com'", "'**.x.com'", "b.x.com", "c.y.com"};
static const char *const who[] = {"/bin/a", "'/bin/*'", "'/**'"};

static struct learning random_learning(void)
{
    struct arena *arena = arena_new();
    const char *rules = "";
    for (unsigned i = 0, n = 1 + pick(3); i < n; i++) {
        const char *place = PICK(places), *endpoints = "";
        for (unsigned j = 0, m = 1 + pick(2); j < m; j++)
            endpoints = arena_printf(arena, "%s{host: %s, port: 443%s}, ", endpoints, place,
                                     PICK(ways));
        rules = arena_printf(arena, "%sr%u: {binaries: [{path: %s}], endpoints: [%s]}, ", rules, i,
                             PICK(who), endpoints);
    }
    struct learning l = learning_new(arena_printf(
        arena, "{version: 1, network_policies: {%s}}", rules));
    arena_free(arena);
    return l;
}

static const char *random_path(struct arena *arena)
{
    const char *path = arena_printf(arena, "/%s", segments[pick(4)]);
    for (unsigned i = 0, n = pick(4); i < n; i++) {
        const char *segment = PICK(segments);
        bool slash = path[strlen(path) - 1] == '/';
        path = slash ? path : arena_printf(arena, "%s/%s", path, segment);
    }
    return path;
}

static const char *body_of(const struct policy_seen *s, struct arena *arena)
{
    if (*s->operation)
        return arena_printf(arena, "{\"query\": \"%s { %s }\"}", s->operation, s->field);
    if (*s->tool)
        return arena_printf(arena, "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"tools/call\", "
                                   "\"params\": {\"name\": \"%s\"}}", s->tool);
    return *s->rpc_method ? arena_printf(arena, "{\"jsonrpc\": \"2.0\", \"id\": 1, "
                                                "\"method\": \"%s\"}", s->rpc_method)
                          : NULL;
}

/* By another way than the proofs: the decision about what a client would send. */
static bool passes(const struct sluice_policy *policy, const struct policy_seen *s,
                   const char *query)
{
    struct arena *arena = arena_new();
    struct policy_answer answer;
    const struct policy_question question = {
        .connection = {.host = s->host, .port = s->port, .binary = s->program},
        .method = *s->path ? s->method : "", .path = *s->path ? s->path : "/", .query = query,
        .body = body_of(s, arena)};
    policy_ask(policy, &question, &answer);
    buf_free(&answer.reason);
    arena_free(arena);
    return answer.allowed;
}

/* Whether what passes is a call, in whose words it would be on record. */
static void see_random(struct learning *l)
{
    static const char *const operations[] = {"query", "query Q", "mutation"};
    static const char *const fields[] = {"one", "two", "one,two"};
    static const char *const tools[] = {"search", "fetch", "drop"};
    static const char *const calls[] = {"initialize", "tools/list", "add"};
    struct policy_seen *s = learning_see(l, PICK(programs), PICK(hosts), PICK(methods),
                                         random_path(l->arena));
    unsigned kind = pick(8);
    if (kind == 0) {
        s->method = "CONNECT", s->path = "";
    } else if (kind == 1) {
        s->method = "POST", s->operation = PICK(operations), s->field = PICK(fields);
    } else if (kind == 2) {
        s->method = "POST", s->rpc_method = PICK(calls);
    } else if (kind == 3) {
        s->method = "POST", s->rpc_method = "tools/call", s->tool = PICK(tools);
    }
    if (!passes(policy_model(l->ceiling), s, ""))
        l->n--;
}

static bool is_left_out(const struct learning *l, const struct policy_seen *s)
{
    for (size_t i = 0; i < l->learned.n_left_out; i++)
        if (l->learned.left_out[i].seen == s)
            return true;
    return false;
}

/* The first on record that does not pass; NULL: all do. */
static const struct policy_seen *first_lost(const struct learning *l,
                                            const struct sluice_policy *policy)
{
    for (size_t i = 0; i < l->n; i++)
        if (!is_left_out(l, &l->seen[i]) && !passes(policy, &l->seen[i], ""))
            return &l->seen[i];
    return NULL;
}

/* ---- every part taken out ---- */

static void without_entry(const struct learning *l, const struct sluice_policy *learned, size_t i,
                          size_t j, size_t k)
{
    struct sluice_policy policy = *learned;
    struct sluice_rule rule = *learned->rules[i];
    struct sluice_endpoint e = *rule.endpoints[j];
    const struct sluice_l7_rule *entries[256];
    const struct sluice_endpoint *endpoints[256];
    const struct sluice_rule *rules[16];
    memcpy(endpoints, rule.endpoints, rule.n_endpoints * sizeof *endpoints);
    memcpy(rules, learned->rules, learned->n_rules * sizeof *rules);
    memcpy(entries, e.rules, k * sizeof *entries);
    memcpy(entries + k, e.rules + k + 1, (e.n_rules - k - 1) * sizeof *entries);
    e.rules = entries;
    e.n_rules--;
    endpoints[j] = &e;
    rule.endpoints = endpoints;
    rules[i] = &rule;
    policy.rules = rules;
    if (!first_lost(l, &policy))
        fail_msg("nothing is lost without %s", learned->rules[i]->endpoints[j]->rules[k]->doc_path);
}

static void without_endpoint(const struct learning *l, const struct sluice_policy *learned,
                             size_t i, size_t j)
{
    struct sluice_policy policy = *learned;
    struct sluice_rule rule = *learned->rules[i];
    const struct sluice_endpoint *endpoints[256];
    const struct sluice_rule *rules[16];
    memcpy(rules, learned->rules, learned->n_rules * sizeof *rules);
    memcpy(endpoints, rule.endpoints, j * sizeof *endpoints);
    memcpy(endpoints + j, rule.endpoints + j + 1,
           (rule.n_endpoints - j - 1) * sizeof *endpoints);
    rule.endpoints = endpoints;
    rule.n_endpoints--;
    rules[i] = &rule;
    policy.rules = rules;
    if (!first_lost(l, &policy))
        fail_msg("nothing is lost without %s", learned->rules[i]->endpoints[j]->doc_path);
}

static void assert_minimal(const struct learning *l, const struct sluice_policy *learned)
{
    for (size_t i = 0; i < learned->n_rules; i++) {
        const struct sluice_rule *rule = learned->rules[i];
        assert_int_equal(rule->n_binaries, 1);
        for (size_t j = 0; j < rule->n_endpoints; j++) {
            without_endpoint(l, learned, i, j);
            for (size_t k = 0; k < rule->endpoints[j]->n_rules; k++)
                without_entry(l, learned, i, j, k);
        }
    }
}

/* What was not recorded, with any query, passes only where the ceiling lets it. */
static void assert_within(const struct learning *l, const struct sluice_policy *learned)
{
    struct learning other = {.arena = l->arena, .ceiling = l->ceiling};
    for (unsigned i = 0; i < 60; i++) {
        struct policy_seen *s = learning_see(&other, PICK(programs), PICK(hosts), PICK(methods),
                                             random_path(l->arena));
        const char *query = pick(2) ? "k=v" : "";
        if (passes(learned, s, query) && !passes(policy_model(l->ceiling), s, query))
            fail_msg("beyond the ceiling: %s?%s", policy_seen_name(s, l->arena), query);
    }
    struct arena *arena = arena_new();
    const struct policy_effect *effect = policy_effect(policy_model(l->ceiling), learned, arena);
    if (effect->n_gained)
        fail_msg("gained: %s %s", effect->gained[0]->example, effect->note);
    arena_free(arena);
}

static void print_learning(const struct learning *l)
{
    struct buf text = {0};
    policy_print(l->ceiling, DOC_YAML, &text);
    for (size_t i = 0; i < l->n; i++)
        buf_printf(&text, "%s\n", policy_seen_name(&l->seen[i], l->arena));
    print_error("%s\n", l->err.text);
    print_error("%s\n", text.data);
    buf_free(&text);
}

struct tally {
    unsigned learned, entries, patterns, beyond;
};

static void learn_once(struct learning *l, struct tally *tally)
{
    if (learning_run(l) != 0) {
        /* A pattern may reach further than the ceiling; nothing else may fail. */
        if (!l->max_paths || !strstr(l->err.text, "would allow more than the ceiling does")) {
            print_learning(l);
            fail();
        }
        tally->beyond++;
        return;
    }
    const struct sluice_policy *learned = policy_model(l->learned.policy);
    const struct policy_seen *lost = first_lost(l, learned);
    if (lost)
        fail_msg("lost: %s", policy_seen_name(lost, l->arena));
    assert_minimal(l, learned);
    assert_within(l, learned);
    tally->learned += learned->n_rules > 0;
    for (size_t i = 0; i < learned->n_rules; i++)
        for (size_t j = 0; j < learned->rules[i]->n_endpoints; j++) {
            const struct sluice_endpoint *e = learned->rules[i]->endpoints[j];
            tally->entries += e->n_rules;
            for (size_t k = 0; k < e->n_rules; k++)
                tally->patterns += strchr(e->rules[k]->path, '*') != NULL;
        }
}

static void the_smallest_policy_within_the_ceiling_is_learned(void **state)
{
    struct tally tally = {0};
    (void)state;
    for (unsigned i = 0; i < 150; i++) {
        struct learning l = random_learning();
        for (unsigned j = 0, n = 5 + pick(40); j < n; j++)
            see_random(&l);
        learn_once(&l, &tally);
        l.max_paths = 1 + pick(4);
        learn_once(&l, &tally);
        learning_free(&l);
    }
    /* Else it was not tried. */
    assert_true(tally.learned > 150);
    assert_true(tally.entries > 800);
    assert_true(tally.patterns > 100);
    print_message("%u learned, %u entries, %u patterns, %u beyond the ceiling\n", tally.learned,
                  tally.entries, tally.patterns, tally.beyond);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_policy_within_the_ceiling_is_learned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
