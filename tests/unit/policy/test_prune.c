/* SPDX-License-Identifier: Apache-2.0 */
#include "support/learning.h"

#include "policy/learn/prune.h"

static const char before[] =
    "version: 1\n"
    "network_policies:\n"
    "  api:\n"
    "    endpoints:\n"
    "      - {host: a.test.com, port: 443, protocol: rest, enforcement: enforce, rules: [\n"
    "          {allow: {method: GET, path: '/x/*'}}, {allow: {method: POST, path: /y}},\n"
    "          {allow: {method: GET, path: /q, query: {k: v}}}],\n"
    "         deny_rules: [{method: GET, path: /x/secret}]}\n"
    "      - {host: a.test.com, port: 443, path: /mcp, protocol: mcp, enforcement: enforce,\n"
    "         rules: [{allow: {method: initialize}}, {allow: {method: tools/call, tool: 's*'}}]}\n"
    "      - {host: '*.b.test.com', port: 443}\n"
    "      - {host: c.test.com, port: 443, protocol: rest, access: read-only}\n"
    "    binaries: [{path: /bin/a}, {path: '/opt/*'}]\n"
    "  never:\n"
    "    endpoints: [{host: n.test.com, port: 443}]\n"
    "    binaries: [{path: /bin/a}]\n";

struct pruning {
    struct learning l;
    struct policy_pruned pruned;
    const struct sluice_policy *before[2];
    size_t n_before;
};

static struct pruning pruning_new(void)
{
    struct pruning p = {.l = learning_new(before), .n_before = 1};
    p.before[0] = policy_model(p.l.ceiling);
    return p;
}

static void assert_pruned(struct pruning *p, const char *unused, const char *young)
{
    struct buf got[2] = {{0}, {0}};
    const struct policy_pruning pruning = {policy_model(p->l.ceiling), p->l.seen, p->l.n,
                                           p->before, p->n_before};
    if (policy_prune(&pruning, p->l.arena, &p->pruned, &p->l.err) != 0)
        fail_msg("%s", p->l.err.text);
    for (size_t i = 0; i < p->pruned.n_unused; i++)
        buf_printf(&got[0], "%s\n", p->pruned.unused[i]);
    for (size_t i = 0; i < p->pruned.n_young; i++)
        buf_printf(&got[1], "%s\n", p->pruned.young[i]);
    assert_string_equal(buf_str(&got[0]), unused);
    assert_string_equal(buf_str(&got[1]), young);
    buf_free(&got[0]);
    buf_free(&got[1]);
}

static void what_nothing_needed_goes(void **state)
{
    struct pruning p = pruning_new();
    (void)state;
    learning_see(&p.l, "/bin/a", "a.test.com", "CONNECT", "");
    learning_see(&p.l, "/bin/a", "a.test.com", "GET", "/x/1");
    struct policy_seen *s = learning_see(&p.l, "/bin/a", "a.test.com", "POST", "/mcp");
    s->rpc_method = "tools/call", s->tool = "search";
    learning_see(&p.l, "/bin/a", "w.b.test.com", "TCP", "");
    learning_see(&p.l, "/bin/b", "n.test.com", "GET", "/");          /* by no rule of ours */
    assert_pruned(&p,
                  "network_policies.api.endpoints[0].rules[1].allow: "
                  "{\"method\":\"POST\",\"path\":\"/y\"}\n"
                  "network_policies.api.endpoints[0].rules[2].allow: "
                  "{\"method\":\"GET\",\"path\":\"/q\",\"query\":{\"k\":\"v\"}}\n"
                  "network_policies.api.endpoints[1].rules[0].allow: {\"method\":\"initialize\"}\n"
                  "network_policies.api.endpoints[3]: c.test.com:443\n"
                  "network_policies.api.binaries[1]: /opt/*\n"
                  "network_policies.never\n",
                  "");
    const struct sluice_policy *policy = policy_model(p.pruned.policy);
    assert_int_equal(policy->n_rules, 1);
    assert_int_equal(policy->rules[0]->n_endpoints, 3);
    assert_int_equal(policy->rules[0]->endpoints[0]->n_rules, 1);
    assert_int_equal(policy->rules[0]->endpoints[0]->n_deny_rules, 1);
    assert_int_equal(policy->rules[0]->n_binaries, 1);
    learning_free(&p.l);
}

static void a_query_that_is_not_on_record_may_have_been_any(void **state)
{
    struct pruning p = pruning_new();
    (void)state;
    learning_see(&p.l, "/opt/a", "a.test.com", "GET", "/q");
    assert_pruned(&p,
                  "network_policies.api.endpoints[0].rules[0].allow: "
                  "{\"method\":\"GET\",\"path\":\"/x/*\"}\n"
                  "network_policies.api.endpoints[0].rules[1].allow: "
                  "{\"method\":\"POST\",\"path\":\"/y\"}\n"
                  "network_policies.api.endpoints[1]: a.test.com:443/mcp\n"
                  "network_policies.api.endpoints[2]: *.b.test.com:443\n"
                  "network_policies.api.endpoints[3]: c.test.com:443\n"
                  "network_policies.api.binaries[0]: /bin/a\n"
                  "network_policies.never\n",
                  "");
    learning_free(&p.l);
}

static void what_is_not_on_record_as_it_was_sent_may_have_been_anything(void **state)
{
    struct pruning p = pruning_new();
    (void)state;
    learning_see(&p.l, "/opt/a", "a.test.com", "GET", "/long")->problem = "too long";
    learning_see(&p.l, "/bin/a", "c.test.com", "CONNECT", "");       /* and no request */
    learning_see(&p.l, "/bin/a", "x.b.test.com", "CONNECT", "");
    assert_pruned(&p, "network_policies.never\n", "");
    learning_free(&p.l);
}

/* Entry, endpoint, program and rule: each was not there all the time. */
static void what_was_not_there_all_the_time_stays(void **state)
{
    struct pruning p = pruning_new();
    struct policy *older = learning_parse(
        "version: 1\n"
        "network_policies:\n"
        "  api:\n"
        "    endpoints:\n"
        "      - {host: a.test.com, port: 443, protocol: rest, enforcement: enforce, rules: [\n"
        "          {allow: {method: GET, path: '/x/*'}},\n"
        "          {allow: {method: GET, path: /q, query: {k: v}}}],\n"
        "         deny_rules: [{method: GET, path: /x/secret}]}\n"
        "      - {host: c.test.com, port: 443, protocol: rest, access: full}\n"
        "    binaries: [{path: /bin/a}]\n",
        p.l.arena);
    (void)state;
    p.before[p.n_before++] = policy_model(older);
    learning_see(&p.l, "/bin/a", "a.test.com", "GET", "/x/1");
    assert_pruned(&p,
                  "network_policies.api.endpoints[0].rules[2].allow: "
                  "{\"method\":\"GET\",\"path\":\"/q\",\"query\":{\"k\":\"v\"}}\n",
                  "network_policies.api.endpoints[0].rules[1].allow: "
                  "{\"method\":\"POST\",\"path\":\"/y\"}\n"
                  "network_policies.api.endpoints[1]: a.test.com:443/mcp\n"
                  "network_policies.api.endpoints[2]: *.b.test.com:443\n"
                  "network_policies.api.endpoints[3]: c.test.com:443\n"
                  "network_policies.api.binaries[1]: /opt/*\n"
                  "network_policies.never\n");
    learning_free(&p.l);
}

static void without_a_record_everything_stays(void **state)
{
    struct pruning p = pruning_new();
    (void)state;
    p.n_before = 0;
    assert_pruned(&p, "", "network_policies.api\nnetwork_policies.never\n");
    assert_string_equal(policy_hash(p.pruned.policy), policy_hash(p.l.ceiling));
    learning_free(&p.l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nothing_needed_goes),
        cmocka_unit_test(a_query_that_is_not_on_record_may_have_been_any),
        cmocka_unit_test(what_is_not_on_record_as_it_was_sent_may_have_been_anything),
        cmocka_unit_test(what_was_not_there_all_the_time_stays),
        cmocka_unit_test(without_a_record_everything_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
