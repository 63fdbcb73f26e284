/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a connection that endpoints match, and whether one way of treating it lets more
 * through than another. */
#include <string.h>

#include "base/buf.h"
#include "base/ipaddr.h"
#include "policy/effect/effect_parts.h"
#include "policy/policy.h"

void effect_treatments_init(struct effect_treatments *t, struct arena *arena,
                            struct effect_budget *budget)
{
    *t = (struct effect_treatments){
        .arena = arena, .budget = budget, .keys.arena = arena, .opaque.arena = arena,
        .orders.arena = arena, .chains.arena = arena, .places.arena = arena,
        .verdicts.arena = arena};
    effect_intern(&t->chains, "", 0);               /* the empty chain has number 0 */
}

static bool is_inspected(const struct sluice_endpoint *e)
{
    return *e->protocol && strcmp(e->protocol, "tcp") != 0;
}

static bool has_credentials(const struct sluice_endpoint *e)
{
    return *e->credential_provider || *e->credential_signing || *e->signing_service ||
           *e->signing_region || e->websocket_credential_rewrite ||
           e->request_body_credential_rewrite || e->allow_uninspected_credentials;
}

/* The endpoint without what says where it is, and without what means nothing to it. */
static struct sluice_endpoint bare(const struct sluice_endpoint *e)
{
    struct sluice_endpoint b = *e;
    b.host = "";
    b.public_only = false;                          /* is_exact tells */
    b.ports = NULL;
    b.n_ports = 0;
    b.tls = strcmp(e->tls, "skip") == 0 ? "skip" : "";
    b.enforcement = strcmp(e->enforcement, "enforce") == 0 ? "enforce" : "";
    if (is_inspected(e))
        return b;
    b.path = b.enforcement = b.access = b.persisted_queries = "";
    b.rules = b.deny_rules = NULL;
    b.graphql_persisted_queries = NULL;
    b.n_rules = b.n_deny_rules = b.n_graphql_persisted_queries = 0;
    b.graphql_max_body_bytes = 0;
    b.allow_encoded_slash = false;
    b.json_rpc = NULL;
    b.mcp = NULL;
    return b;
}

/* And without what is compared piece by piece. */
static struct sluice_endpoint opaque_part(struct sluice_endpoint b)
{
    b.protocol = b.path = b.enforcement = b.access = "";
    b.allow_encoded_slash = false;
    b.rules = b.deny_rules = NULL;
    b.n_rules = b.n_deny_rules = 0;
    b.allowed_ips = NULL;
    b.n_allowed_ips = 0;
    return b;
}

static uint32_t number_of(struct effect_treatments *t, struct effect_interner *in,
                          const struct sluice_endpoint *e, char mark)
{
    struct buf text = {0};
    buf_putc(&text, mark);
    schema_encode_json(&policy_endpoint_schema, e, &text);
    uint32_t id = effect_intern(in, text.data, text.len);
    effect_spend(t->budget, text.len);
    buf_free(&text);
    return id;
}

/* The usual endpoint: a host and its ports. */
static bool is_plain(const struct sluice_endpoint *e)
{
    return !*e->protocol && !*e->tls && !e->n_allowed_ips && !has_credentials(e);
}

/* Whether the host may resolve to internal addresses. */
static bool is_exact(const struct sluice_endpoint *e)
{
    return *e->host && !strchr(e->host, '*') && !e->public_only;
}

/* Of those that ask for more, the first is obeyed.  Inspected ones add up, addresses apart. */
static void note_order(struct effect_treatments *t, const struct effect_treatment *item)
{
    struct buf key = {0};
    if (!item->asks_more)
        return;
    buf_printf(&key, "%d %u", item->inspected, item->inspected ? 0 : item->opaque);
    for (size_t i = 0; i < item->endpoint->n_allowed_ips; i++)
        buf_printf(&key, " %s", item->endpoint->allowed_ips[i]);
    effect_intern(&t->orders, key.data, key.len);
    buf_free(&key);
}

/* Nothing but tls. */
static bool is_ordinary(const struct sluice_endpoint *e)
{
    return !has_credentials(e) && !*e->persisted_queries && !e->n_graphql_persisted_queries &&
           !e->graphql_max_body_bytes && !e->json_rpc && !e->mcp;
}

/* What of the options is more than which methods pass; NULL: nothing. */
static const struct sluice_mcp *opaque_mcp(const struct sluice_mcp *options,
                                           struct sluice_mcp *scratch)
{
    if (!options || (!options->max_body_bytes && options->strict_tool_names))
        return NULL;
    *scratch = *options;
    scratch->allow_all_known_mcp_methods = false;
    return scratch;
}

/* The usual ones are not worth a document. */
static uint32_t opaque_number(struct effect_treatments *t, const struct sluice_endpoint *b)
{
    struct sluice_endpoint rest = opaque_part(*b);
    struct sluice_mcp scratch;
    struct buf text = {0};
    rest.mcp = opaque_mcp(b->mcp, &scratch);
    if (!is_ordinary(&rest))
        return number_of(t, &t->opaque, &rest, '{');
    buf_puts(&text, b->tls);
    uint32_t id = effect_intern(&t->opaque, text.data, text.len);
    buf_free(&text);
    return id;
}

static void describe(struct effect_treatments *t, const struct sluice_endpoint *e,
                     const struct sluice_endpoint *b, uint32_t id)
{
    t->items = arena_grow(t->arena, t->items, id, &t->cap, sizeof *t->items);
    t->items[id] = (struct effect_treatment){
        .endpoint = e, .exact = is_exact(e), .inspected = is_inspected(e),
        .asks_more = is_inspected(e) || *e->tls || e->n_allowed_ips,
        .credentials = has_credentials(e), .opaque = opaque_number(t, b)};
    note_order(t, &t->items[id]);
}

uint32_t effect_treatment(struct effect_treatments *t, const struct sluice_endpoint *e)
{
    struct sluice_endpoint b = bare(e);
    size_t known = t->keys.n;
    /* A tls that is written asks for more, whatever it says. */
    char mark = (char)('0' + is_exact(e) + 2 * (*e->tls != '\0'));
    uint32_t id = is_plain(e) ? effect_intern(&t->keys, &mark, 1)
                              : number_of(t, &t->keys, &b, mark);
    if (id >= known)
        describe(t, e, &b, id);
    return id;
}

/* ---- addresses ---- */

static bool covers(const struct sluice_endpoint *e, const struct ipaddr_block *block,
                   struct effect_budget *budget);

static bool halves_covered(const struct sluice_endpoint *e, const struct ipaddr_block *block,
                           struct effect_budget *budget)
{
    struct ipaddr_block half = *block;
    unsigned bit = half.prefix++;
    if (!covers(e, &half, budget))
        return false;
    half.base.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    return covers(e, &half, budget);
}

/* Whether the allowed_ips have the whole block, alone or together. */
static bool covers(const struct sluice_endpoint *e, const struct ipaddr_block *block,
                   struct effect_budget *budget)
{
    bool below = false;
    if (!effect_spend(budget, e->n_allowed_ips * 8))
        return false;
    for (size_t i = 0; i < e->n_allowed_ips; i++) {
        struct ipaddr_block own;
        if (ipaddr_block_parse(e->allowed_ips[i], &own) != 0)
            continue;
        if (own.prefix <= block->prefix && ipaddr_block_contains(&own, &block->base))
            return true;
        below |= own.prefix > block->prefix && ipaddr_block_contains(block, &own.base);
    }
    return below && halves_covered(e, block, budget);
}

/* What a name may stand for: see egress/destination/destination.c. */
enum reach { REACH_NOTHING, REACH_LISTED, REACH_PUBLIC, REACH_ANY };

struct addresses {
    enum reach reach;
    const struct sluice_endpoint *listed;
};

/* The control plane of a cluster is reached through wildcards alone, at public addresses. */
static bool control_plane(uint16_t port)
{
    return port == 2379 || port == 2380 || port == 6443 || port == 10250 || port == 10255;
}

/* One entry that is no block closes the whole list. */
static bool is_list(const struct sluice_endpoint *e)
{
    struct ipaddr_block block;
    for (size_t i = 0; i < e->n_allowed_ips; i++)
        if (ipaddr_block_parse(e->allowed_ips[i], &block) != 0)
            return false;
    return true;
}

/* A host that is an address stands for itself alone. */
static struct addresses one_address(struct addresses a, const struct ipaddr *address,
                                    struct effect_budget *budget)
{
    struct ipaddr_block block = {*address, address->family == AF_INET ? 32 : 128};
    bool in = a.reach == REACH_ANY || (a.reach == REACH_LISTED && covers(a.listed, &block, budget))
           || (a.reach == REACH_PUBLIC && ipaddr_classify(address) == IPADDR_PUBLIC);
    return (struct addresses){in ? REACH_ANY : REACH_NOTHING, NULL};
}

struct chain {
    const struct effect_treatment **items;
    uint32_t *ids;
    size_t n;
    const struct effect_treatment *first;           /* the one to obey */
    bool exact;
};

static struct addresses addresses_of(struct effect_treatments *t, const struct chain *chain,
                                     const struct effect_place *place)
{
    const struct sluice_endpoint *e = chain->first->endpoint;
    struct addresses a = {e->n_allowed_ips ? REACH_LISTED : chain->exact ? REACH_ANY : REACH_PUBLIC,
                          e};
    struct ipaddr address;
    if (a.reach == REACH_LISTED &&
        (!effect_spend(t->budget, e->n_allowed_ips * 8) || !is_list(e)))
        a.reach = REACH_NOTHING;
    if (a.reach != REACH_PUBLIC && control_plane(place->port))
        a.reach = REACH_NOTHING;
    return ipaddr_parse(place->host, &address) == 0 ? one_address(a, &address, t->budget) : a;
}

static bool all_listed(const struct sluice_endpoint *a, const struct sluice_endpoint *b,
                       struct effect_budget *budget)
{
    for (size_t i = 0; i < a->n_allowed_ips; i++) {
        struct ipaddr_block block;
        if (ipaddr_block_parse(a->allowed_ips[i], &block) == 0 && !covers(b, &block, budget))
            return false;
    }
    return true;
}

/* Whether a is known to have no address that b has not.  How much of a list is public is not
 * looked at. */
static bool within(const struct addresses *a, const struct addresses *b,
                   struct effect_budget *budget)
{
    if (a->reach == REACH_NOTHING || b->reach == REACH_ANY)
        return true;
    if (a->reach == REACH_LISTED && b->reach == REACH_LISTED)
        return all_listed(a->listed, b->listed, budget);
    return a->reach == REACH_PUBLIC && b->reach == REACH_PUBLIC;
}

/* ---- chains ---- */

struct link {
    uint32_t before, treatment;
};

static const struct link *link_of(const struct effect_treatments *t, uint32_t chain)
{
    return t->chains.keys[chain].bytes;
}

uint32_t effect_chain(struct effect_treatments *t, uint32_t chain, uint32_t treatment)
{
    for (uint32_t c = chain; c; c = link_of(t, c)->before) {
        const struct link *link = link_of(t, c);
        if (!effect_spend(t->budget, 1) || link->treatment == treatment)
            return chain;
        if (t->items[treatment].inspected && t->items[link->treatment].inspected)
            break;
    }
    struct link link = {chain, treatment};
    return effect_intern(&t->chains, &link, sizeof link);
}

static struct chain read_chain(const struct effect_treatments *t, uint32_t id)
{
    struct chain chain = {0};
    for (uint32_t c = id; c; c = link_of(t, c)->before)
        chain.n++;
    chain.items = arena_alloc(t->arena, (chain.n + 1) * sizeof *chain.items);
    chain.ids = arena_alloc(t->arena, (chain.n + 1) * sizeof *chain.ids);
    size_t at = chain.n;
    for (uint32_t c = id; c; c = link_of(t, c)->before)
        chain.ids[--at] = link_of(t, c)->treatment;
    for (size_t i = 0; i < chain.n; i++) {
        const struct effect_treatment *item = chain.items[i] = &t->items[chain.ids[i]];
        chain.exact |= item->exact;
        if (!chain.first || (!chain.first->asks_more && item->asks_more))
            chain.first = item;
    }
    return chain;
}

size_t effect_chain_endpoints(struct effect_treatments *t, uint32_t id,
                              const struct sluice_endpoint *const **out)
{
    struct chain chain = read_chain(t, id);
    const struct sluice_endpoint **list = arena_alloc(t->arena, (chain.n + 1) * sizeof *list);
    for (size_t i = 0; i < chain.n; i++)
        list[i] = chain.items[i]->endpoint;
    *out = list;
    return chain.n;
}

size_t effect_chain_methods(struct effect_treatments *t, uint32_t from, uint32_t to,
                            const char ***out)
{
    struct chain before = read_chain(t, from), after = read_chain(t, to);
    struct effect_side was = {before.ids, before.n, before.first && before.first->inspected},
                       is = {after.ids, after.n, after.first && after.first->inspected};
    return effect_gained_methods(t, &was, &is, out);
}

/* ---- verdicts ---- */

void effect_add_line(struct arena *arena, struct effect_lines *lines, struct effect_line line)
{
    lines->items = arena_grow(arena, lines->items, lines->n, &lines->cap, sizeof line);
    lines->items[lines->n++] = line;
}

static void add_plain(struct effect_treatments *t, struct effect_lines *lines,
                      enum effect_kind kind)
{
    effect_add_line(t->arena, lines,
                    (struct effect_line){kind, EFFECT_SENT_NOTHING, EFFECT_SENT_NOTHING});
}

static void add_both(struct effect_treatments *t, struct effect_verdict *out, enum effect_kind kind)
{
    add_plain(t, &out->gained, kind);
    add_plain(t, &out->lost, kind);
}

/* Whether each that decides is among the others as far as it cannot be compared. */
static bool same_ways(const struct chain *a, const struct chain *b)
{
    for (size_t i = 0; i < a->n; i++) {
        bool found = a->items[i]->inspected != a->first->inspected;
        for (size_t j = 0; j < b->n && !found; j++)
            found = b->items[j]->inspected == a->first->inspected &&
                    a->items[i]->opaque == b->items[j]->opaque;
        if (!found)
            return false;
    }
    return true;
}

static bool has_secrets(const struct chain *chain)
{
    for (size_t i = 0; i < chain->n; i++)
        if (chain->items[i]->credentials)
            return true;
    return false;
}

static bool is_tcp(const struct chain *chain)
{
    return strcmp(chain->first->endpoint->protocol, "tcp") == 0;
}

/* Uninspected, anything may be said; inspected, no more than requests. */
static void compare_inspection(struct effect_treatments *t, const struct chain *from,
                               const struct chain *to, struct effect_verdict *out)
{
    if (has_secrets(from) || has_secrets(to) || is_tcp(from) || is_tcp(to))
        add_both(t, out, EFFECT_UNKNOWN);
    else
        add_plain(t, to->first->inspected ? &out->lost : &out->gained, EFFECT_ANYTHING);
}

static void compare_chains(struct effect_treatments *t, const struct chain *from,
                           const struct chain *to, const struct effect_place *place,
                           struct effect_verdict *out)
{
    struct addresses before = addresses_of(t, from, place), after = addresses_of(t, to, place);
    if (!within(&after, &before, t->budget))
        add_plain(t, &out->gained, EFFECT_ADDRESSES);
    if (!within(&before, &after, t->budget))
        add_plain(t, &out->lost, EFFECT_ADDRESSES);
    if (from->first->inspected != to->first->inspected)
        compare_inspection(t, from, to, out);
    else if (!same_ways(from, to) || !same_ways(to, from))
        add_both(t, out, EFFECT_UNKNOWN);
    else if (from->first->inspected)
        effect_compare_requests(t, from->ids, from->n, to->ids, to->n, out);
}

/* All that a chain lets through: its requests, if all of them can be named. */
static void add_whole(struct effect_treatments *t, const struct chain *chain,
                      struct effect_lines *lines)
{
    struct effect_verdict all = {0};
    bool named = chain->first->inspected;
    if (named)
        effect_compare_requests(t, NULL, 0, chain->ids, chain->n, &all);
    for (size_t i = 0; i < all.gained.n; i++)
        named &= all.gained.items[i].kind == EFFECT_REQUEST;
    if (named && all.gained.n)
        *lines = all.gained;
    else
        add_plain(t, lines, EFFECT_WHOLE);
}

static void compare(struct effect_treatments *t, uint32_t from, uint32_t to,
                    const struct effect_place *place, struct effect_verdict *out)
{
    struct chain before = read_chain(t, from), after = read_chain(t, to);
    if (!effect_spend(t->budget, 64 + before.n * after.n))
        return;
    if (before.n && after.n)
        compare_chains(t, &before, &after, place, out);
    else if (before.n)
        add_whole(t, &before, &out->lost);
    else
        add_whole(t, &after, &out->gained);
}

uint32_t effect_place_number(struct effect_treatments *t, const struct effect_place *place)
{
    struct ipaddr address = {0};
    unsigned char key[sizeof address.bytes + 2] = {control_plane(place->port)};
    if (ipaddr_parse(place->host, &address) == 0) {
        key[1] = address.family == AF_INET ? 4 : 6;
        memcpy(key + 2, address.bytes, address.family == AF_INET ? 4 : 16);
    }
    return effect_intern(&t->places, key, sizeof key);
}

const struct effect_verdict *effect_compare(struct effect_treatments *t, uint32_t from, uint32_t to,
                                            const struct effect_place *place)
{
    uint32_t key[] = {from, to, effect_place_number(t, place)};
    size_t known = t->verdicts.n;
    uint32_t id = effect_intern(&t->verdicts, key, sizeof key);
    if (id < known)
        return t->by_verdict[id];
    t->by_verdict = arena_grow(t->arena, t->by_verdict, id, &t->cap_verdicts,
                                sizeof *t->by_verdict);
    struct effect_verdict *verdict = arena_zalloc(t->arena, sizeof *verdict);
    t->by_verdict[id] = verdict;
    compare(t, from, to, place, verdict);
    return verdict;
}
