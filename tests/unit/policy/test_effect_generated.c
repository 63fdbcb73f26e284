/* SPDX-License-Identifier: Apache-2.0 */
/* The effect of changes between generated policies agrees with what the matcher lets through. */
#include "support/policy_cases.h"

#include "base/ipaddr.h"
#include "policy/effect/effect.h"
#include "policy/match/match.h"

/* ---- generated policies ---- */

static uint64_t random_state;

static unsigned pick(unsigned n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % n;
}

#define PICK(list) (list)[pick(sizeof(list) / sizeof *(list))]

static const char *const labels[] = {"a", "b", "ab", "ba", "aab", "c-1", "1", "0xa"};
static const char *const label_globs[] = {"*", "a*", "*b", "a*b", "*a*", "b*a", "*b*b*", "*1"};
static const char *const tops[] = {"com", "a.com", "b.com", "b.a.com", "com."};
static const char *const addresses[] = {"10.1.2.3", "8.8.8.8", "[2606:4700::1]", "2606:4700:0::1"};
static const char *const parts[] = {"usr", "bin", "a", "b", "ab", "x.y"};
static const char *const part_globs[] = {"*",  "**", "a*",   "*b",       "?",
                                         "a?", "**", "a**b", "\xc3\xa9*"};
static const char *const lists[][2] = {{"10.0.0.0/8"},
                                       {"10.1.0.0/16"},
                                       {"10.0.0.0/9", "10.128.0.0/9"},
                                       {"8.8.8.8"},
                                       {"10.1.2.3", "192.168.0.0/16"}};

static const char *random_pattern(struct arena *arena)
{
    switch (pick(8)) {
    case 0:  return PICK(addresses);
    case 1:  return arena_printf(arena, "**.%s", PICK(tops));
    case 2:
        return arena_printf(arena, "%s.*.%s", pick(2) ? PICK(labels) : PICK(label_globs),
                            PICK(tops));
    case 3:
    case 4:  return arena_printf(arena, "%s.%s", PICK(labels), PICK(tops));
    case 5:  return arena_printf(arena, "A%s.B.%s", PICK(label_globs), PICK(tops));
    default: return arena_printf(arena, "%s.%s", PICK(label_globs), PICK(tops));
    }
}

static const char *random_path(struct arena *arena, bool globs)
{
    const char *path = globs && pick(6) == 0 ? "**" : "";
    for (unsigned n = 1 + pick(3); n > 0; n--)
        path =
            arena_printf(arena, "%s/%s", path, globs && pick(2) ? PICK(part_globs) : PICK(parts));
    return path;
}

static const struct sluice_endpoint *random_endpoint(struct arena *arena)
{
    struct sluice_endpoint *e = arena_alloc(arena, sizeof *e);
    uint16_t *ports = arena_alloc(arena, 2 * sizeof *ports);
    *e = (struct sluice_endpoint){.size = sizeof *e,
                                  .doc_path = "",
                                  .host = random_pattern(arena),
                                  .path = "",
                                  .protocol = "",
                                  .tls = "",
                                  .enforcement = "",
                                  .access = "",
                                  .persisted_queries = "",
                                  .credential_signing = "",
                                  .signing_service = "",
                                  .signing_region = "",
                                  .credential_provider = "",
                                  .ports = ports,
                                  .n_ports = 1 + pick(2)};
    ports[0] = (uint16_t)(1 + pick(2));
    ports[1] = pick(4) ? 2 : 6443;
    if (pick(8) == 0) {
        const char *const *list = lists[pick(sizeof lists / sizeof *lists)];
        e->allowed_ips = list;
        e->n_allowed_ips = list[1] ? 2 : 1;
    }
    if (pick(16) == 0)
        e->host = "";
    return e;
}

static const struct sluice_rule *random_rule(struct arena *arena, unsigned number)
{
    struct sluice_rule *r = arena_zalloc(arena, sizeof *r);
    const struct sluice_endpoint **endpoints = arena_alloc(arena, 4 * sizeof *endpoints);
    const struct sluice_binary **binaries = arena_alloc(arena, 3 * sizeof *binaries);
    r->size = sizeof *r;
    r->key = r->name = r->doc_path = arena_printf(arena, "r%u", number);
    for (r->n_endpoints = 0; r->n_endpoints < 1 + pick(3);)
        endpoints[r->n_endpoints++] = random_endpoint(arena);
    for (unsigned n = pick(8) ? 1 + pick(2) : 0; r->n_binaries < n;) {
        struct sluice_binary *b = arena_alloc(arena, sizeof *b);
        *b = (struct sluice_binary){sizeof *b, random_path(arena, true), ""};
        binaries[r->n_binaries++] = b;
    }
    r->endpoints = endpoints;
    r->binaries = binaries;
    return r;
}

static const struct sluice_policy *make_policy(struct arena *arena,
                                               const struct sluice_rule *const *rules, size_t n)
{
    struct sluice_policy *p = arena_zalloc(arena, sizeof *p);
    p->size = sizeof *p;
    p->version = 1;
    p->rules = rules;
    p->n_rules = n;
    return p;
}

static const struct sluice_policy *random_policy(struct arena *arena)
{
    unsigned n = pick(5);
    const struct sluice_rule **rules = arena_alloc(arena, (n + 1) * sizeof *rules);
    for (unsigned i = 0; i < n; i++)
        rules[i] = random_rule(arena, i);
    return make_policy(arena, rules, n);
}

/* Another order, and each rule kept, left out, split by its endpoints or binaries, or replaced. */
static const struct sluice_policy *mutated(struct arena *arena, const struct sluice_policy *from)
{
    const struct sluice_rule **rules = arena_alloc(arena, (from->n_rules * 2 + 2) * sizeof *rules);
    size_t n = 0, start = from->n_rules ? pick((unsigned)from->n_rules) : 0;
    for (size_t i = 0; i < from->n_rules; i++) {
        const struct sluice_rule *old = from->rules[(start + i) % from->n_rules];
        struct sluice_rule *one = arena_alloc(arena, sizeof *one),
                           *two = arena_alloc(arena, sizeof *two);
        *one = *two = *old;
        switch (pick(6)) {
        case 0:
            one->n_endpoints = two->n_endpoints = old->n_endpoints / 2;
            two->n_endpoints = old->n_endpoints - one->n_endpoints;
            two->endpoints += one->n_endpoints;
            rules[n++] = one;
            rules[n++] = two;
            break;
        case 1:
            one->n_binaries = old->n_binaries / 2;
            two->n_binaries = old->n_binaries - one->n_binaries;
            two->binaries += one->n_binaries;
            rules[n++] = one;
            rules[n++] = two;
            break;
        case 2:
            if (pick(3))
                rules[n] = random_rule(arena, (unsigned)n), n++;
            break;
        default:
            rules[n++] = old;
        }
    }
    if (pick(3) == 0)
        rules[n] = random_rule(arena, (unsigned)n), n++;
    return make_policy(arena, rules, n);
}

/* ---- what the proxy would say ---- */

struct request {
    const char *host;
    uint16_t port;
    const char *binary;
    const char *address;                            /* that the host stands for */
};

static bool is_listed(const struct sluice_endpoint *e, const struct ipaddr *address)
{
    struct ipaddr_block block;
    for (size_t i = 0; i < e->n_allowed_ips; i++)
        if (ipaddr_block_parse(e->allowed_ips[i], &block) == 0 &&
            ipaddr_block_contains(&block, address))
            return true;
    return false;
}

static bool matches(const struct sluice_policy *policy, const struct request *r,
                    struct policy_decision *d)
{
    struct policy_request request = {.host = r->host, .port = r->port, .binary = r->binary};
    policy_match(policy, &request, d, NULL);
    return d->allowed;
}

/* policy_match() and then the addresses, as egress/destination/destination.c has it. */
static bool lets_through(const struct sluice_policy *policy, const struct request *r)
{
    struct policy_decision d;
    struct ipaddr address;
    if (!matches(policy, r, &d))
        return false;
    assert_int_equal(ipaddr_parse(r->address, &address), 0);
    bool listed = d.endpoint->n_allowed_ips;
    if ((listed || d.exact_host) && r->port == 6443)
        return false;
    if (listed)
        return is_listed(d.endpoint, &address);
    return d.exact_host || ipaddr_classify(&address) == IPADDR_PUBLIC;
}

static bool covers(const struct sluice_reach *const *list, size_t n, const struct request *r)
{
    for (size_t i = 0; i < n; i++)
        if ((strcmp(list[i]->host, "**") == 0 || policy_host_match(list[i]->host, r->host)) &&
            (!list[i]->port || list[i]->port == r->port) &&
            policy_binary_match(list[i]->binary, r->binary))
            return true;
    return false;
}

static const char *random_host(struct arena *arena)
{
    static const char *const names[] = {"com", "a.com", "b.com", "b.a.com", "c.com"};
    switch (pick(6)) {
    case 0:  return pick(2) ? "10.1.2.3" : "8.8.8.8";
    case 1:  return "2606:4700::1";
    case 2:  return arena_printf(arena, "%s.%s.%s", PICK(labels), PICK(labels), PICK(names));
    default: return arena_printf(arena, "%s.%s", PICK(labels), PICK(names));
    }
}

static void check_requests(struct arena *arena, const struct sluice_policy *from,
                           const struct sluice_policy *to, const struct policy_effect *e)
{
    static const char *const stands_for[] = {"8.8.8.8", "9.9.9.9", "10.1.2.3", "10.200.0.1",
                                             "192.168.0.1"};
    for (int i = 0; i < 60; i++) {
        struct ipaddr own;
        struct request r = {random_host(arena), (uint16_t)(pick(8) ? 1 + pick(2) : 6443),
                            random_path(arena, false), PICK(stands_for)};
        if (ipaddr_parse(r.host, &own) == 0)
            r.address = r.host;
        bool before = lets_through(from, &r), after = lets_through(to, &r);
        if (after && !before && !covers(e->gained, e->n_gained, &r))
            fail_msg("gained, and not told: %s %s:%u (%s)", r.binary, r.host, r.port, r.address);
        if (before && !after && !covers(e->lost, e->n_lost, &r))
            fail_msg("lost, and not told: %s %s:%u (%s)", r.binary, r.host, r.port, r.address);
    }
}

/* "BINARY may now reach HOST:PORT[ at …]", taken apart. */
static bool read_example(struct arena *arena, const char *text, const char *middle,
                         struct request *r)
{
    char canonical[IPADDR_HOST_SIZE];
    const char *at = strstr(text, middle), *host = at + strlen(middle);
    assert_non_null(at);
    size_t len = strcspn(host, " ");
    bool whole = host[len] == '\0';
    while (host[len] != ':')
        len--;
    assert_int_equal(ipaddr_canonical_host(host, len, canonical), 0);
    *r = (struct request){arena_str(arena, canonical), (uint16_t)atoi(host + len + 1),
                          arena_strn(arena, text, (size_t)(at - text)), NULL};
    return whole;
}

/* Each example is let through on one side alone; at other addresses, on both sides. */
static void check_examples(struct arena *arena, const struct sluice_policy *with,
                           const struct sluice_policy *without,
                           const struct sluice_reach *const *list, size_t n, const char *middle)
{
    struct policy_decision d;
    for (size_t i = 0; i < n; i++) {
        struct request r;
        bool whole = read_example(arena, list[i]->example, middle, &r);
        assert_true(covers(&list[i], 1, &r));
        assert_true(matches(with, &r, &d));
        if (matches(without, &r, &d) == whole)
            fail_msg("no example: %s", list[i]->example);
    }
}

static void check_pair(struct arena *arena, const struct sluice_policy *from,
                       const struct sluice_policy *to)
{
    const struct policy_effect *e = policy_effect(from, to, arena);
    assert_string_equal(e->note, "");
    assert_int_equal(e->relation, (e->n_gained > 0) * SLUICE_LOOSENS + (e->n_lost > 0));
    check_requests(arena, from, to, e);
    check_examples(arena, to, from, e->gained, e->n_gained, " may now reach ");
    check_examples(arena, from, to, e->lost, e->n_lost, " may no longer reach ");
}

static void test_agrees_with_the_matcher(void **state)
{
    (void)state;
    unsigned pairs = getenv("SLUICE_TEST_LONG") ? 120000 : 6000;
    for (unsigned seed = 1; seed <= pairs; seed++) {
        struct arena *arena = arena_new();
        random_state = seed;
        const struct sluice_policy *from = random_policy(arena);
        const struct sluice_policy *to = pick(3) ? mutated(arena, from) : random_policy(arena);
        check_pair(arena, from, to);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_the_matcher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
