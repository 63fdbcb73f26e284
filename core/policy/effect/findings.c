/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts and programs are sorted into the classes of effect.c, made finer by the places of
 * credentials and by the programs that speak more than HTTP.  So what is found of one host and one
 * program of their classes holds for all of them. */
#include "policy/effect/findings.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/ipaddr.h"
#include "policy/effect/run.h"
#include "policy/match/match.h"

/* Programs that speak more than HTTP.  Git asks by programs of its own. */
static const char *const bypassing[] = {"/**/git", "/**/git-remote-*", "/**/ssh", "/**/nc",
                                        "/**/nc.*"};
enum { N_BYPASSING = sizeof bypassing / sizeof *bypassing };

static const char *const words[] = {
#define X(id, word, meaning) [SLUICE_RISK_##id] = word,
    SLUICE_RISKS(X)
#undef X
};

struct found {
    enum sluice_risk risk;
    const char *host, *binary, *method, *credential, *doc_path;
    uint16_t port;
    size_t order;                                   /* of the method */
};

struct methods {
    const char **items;
    size_t n;
};

struct effect_finder {
    const struct policy_credential_places *places;
    uint32_t bypass[N_BYPASSING];                   /* patterns */
    struct effect_interner seen, pairs;             /* pairs of chains */
    struct methods *by_pair;
    struct found *items;
    size_t n, cap, cap_pairs;
    const char *further;                            /* host of a gain that is no finding */
};

/* One class of programs at a host and port. */
struct spot {
    const struct effect_place *place;
    const struct item *item;                        /* that opens it */
    uint32_t class, pattern, from, to;              /* class and pattern of programs; chains */
};

/* ---- what an endpoint is about ---- */

static bool uses_credential(const struct sluice_endpoint *e)
{
    return *e->credential_provider || *e->credential_signing || e->websocket_credential_rewrite ||
           e->request_body_credential_rewrite;
}

static bool lists_near(const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_allowed_ips; i++) {
        struct ipaddr_block block;
        if (ipaddr_block_parse(e->allowed_ips[i], &block) == 0 &&
            ipaddr_block_overlaps_blocked(&block))
            return true;
    }
    return false;
}

static bool is_near(struct effect_run *run, uint32_t chain, const struct effect_place *place)
{
    const struct sluice_endpoint *const *endpoints;
    size_t n = effect_chain_endpoints(&run->treatments, chain, &endpoints);
    if (n && ipaddr_pattern_blocked(place->host))
        return true;
    for (size_t i = 0; i < n; i++)
        if (lists_near(endpoints[i]))
            return true;
    return false;
}

static bool covers(const struct policy_credential_place *p, const struct effect_place *place)
{
    return p->port == place->port && policy_host_match(p->host, place->host);
}

/* ---- telling ---- */

static const char *host_of(const struct effect_run *run, const struct spot *s)
{
    const char *host = s->item->endpoint->host;
    const struct policy_credential_places *places = run->finder->places;
    if (*host && !strchr(host, '*'))
        return s->place->host;
    for (size_t i = 0; i < places->n; i++)
        if (covers(&places->items[i], s->place) && (!*host || !strchr(places->items[i].host, '*')))
            return places->items[i].host;
    return *host ? host : "**";
}

static bool is_bypassing(const struct effect_run *run, uint32_t class)
{
    const struct effect_class *c = &run->paths.classes[class];
    for (size_t i = 0; i < c->n; i++)
        for (size_t j = 0; j < N_BYPASSING; j++)
            if (c->members[i] == run->finder->bypass[j])
                return true;
    return false;
}

/* A program that speaks more than HTTP is named itself, also where a pattern lets it through. */
static const char *binary_of(const struct effect_run *run, const struct spot *s)
{
    const char *pattern = run->paths.patterns[s->pattern].text;
    return is_bypassing(run, s->class) ? run->paths.classes[s->class].example : pattern;
}

static void tell(struct effect_run *run, const struct spot *s, enum sluice_risk risk,
                 const char *method, size_t order, const char *credential)
{
    struct effect_finder *f = run->finder;
    struct found found = {risk, arena_str(run->result, host_of(run, s)),
                          arena_str(run->result, binary_of(run, s)),
                          arena_str(run->result, method), arena_str(run->result, credential),
                          s->item->endpoint->doc_path, s->place->port, order};
    struct buf key = {0};
    buf_printf(&key, "%d %s %u %s %s", risk, found.host, found.port, found.binary, method);
    size_t known = f->seen.n;
    bool new = effect_intern(&f->seen, key.data, key.len) >= known;
    effect_spend(&run->budget, key.len);
    buf_free(&key);
    if (!new || f->n > POLICY_FINDINGS_MAX)
        return;
    f->items = arena_grow(run->arena, f->items, f->n, &f->cap, sizeof *f->items);
    f->items[f->n++] = found;
}

/* ---- credentials ---- */

struct credentials {
    const char **items;
    size_t n;
};

/* Those that are used there by a chain. */
static struct credentials list_credentials(struct effect_run *run, uint32_t chain,
                                           const struct effect_place *place)
{
    const struct policy_credential_places *places = run->finder->places;
    const struct sluice_endpoint *const *endpoints;
    size_t n = effect_chain_endpoints(&run->treatments, chain, &endpoints);
    struct credentials list = {arena_alloc(run->arena, (n + places->n + 1) * sizeof(char *)), 0};
    for (size_t i = 0; n && i < places->n; i++)
        if (covers(&places->items[i], place))
            list.items[list.n++] = places->items[i].provider;
    for (size_t i = 0; i < n; i++)
        if (uses_credential(endpoints[i]))
            list.items[list.n++] = endpoints[i]->credential_provider;
    effect_spend(&run->budget, n + places->n);
    return list;
}

static bool has_credential(const struct credentials *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], name) == 0)
            return true;
    return false;
}

static const struct methods *gained_methods(struct effect_run *run, uint32_t from, uint32_t to)
{
    struct effect_finder *f = run->finder;
    uint32_t key[] = {from, to};
    size_t known = f->pairs.n;
    uint32_t id = effect_intern(&f->pairs, key, sizeof key);
    f->by_pair = arena_grow(run->arena, f->by_pair, id, &f->cap_pairs, sizeof *f->by_pair);
    if (id >= known)
        f->by_pair[id].n = effect_chain_methods(&run->treatments, from, to, &f->by_pair[id].items);
    return &f->by_pair[id];
}

static void weigh_credentials(struct effect_run *run, const struct spot *s)
{
    struct credentials before = list_credentials(run, s->from, s->place),
                       after = list_credentials(run, s->to, s->place);
    bool bypass = is_bypassing(run, s->class), told = false;
    for (size_t i = 0; i < after.n; i++) {
        if (has_credential(&before, after.items[i]))
            continue;
        tell(run, s, bypass ? SLUICE_RISK_BYPASS : SLUICE_RISK_CREDENTIAL, "", 0, after.items[i]);
        told = true;
    }
    if (told || !after.n)
        return;
    if (!run->finder->further)
        run->finder->further = arena_str(run->result, host_of(run, s));
    if (bypass)
        return;
    const struct methods *methods = gained_methods(run, s->from, s->to);
    for (size_t i = 0; i < methods->n; i++)
        tell(run, s, SLUICE_RISK_CAPABILITY, methods->items[i], i, after.items[0]);
}

static void weigh_class(struct effect_run *run, const struct spot *s)
{
    if (s->from == s->to || !s->to)
        return;
    if (is_near(run, s->to, s->place) && !is_near(run, s->from, s->place))
        tell(run, s, SLUICE_RISK_LINK_LOCAL, "", 0, "");
    else
        weigh_credentials(run, s);
}

/* ---- meetings ---- */

void effect_add_marks(struct effect_run *run)
{
    struct effect_finder *f = run->finder;
    for (size_t i = 0; i < N_BYPASSING; i++)
        f->bypass[i] = effect_pattern(&run->paths, bypassing[i]);
    for (size_t i = 0; i < f->places->n; i++)
        effect_pattern(&run->hosts, f->places->items[i].host);
}

static bool is_of_interest(const struct effect_run *run, const struct meeting *m,
                           const struct effect_place *place)
{
    const struct policy_credential_places *places = run->finder->places;
    if (ipaddr_pattern_blocked(place->host))
        return true;
    for (size_t i = 0; i < places->n; i++)
        if (covers(&places->items[i], place))
            return true;
    for (size_t i = 0; i < m->n[TO]; i++)
        if (uses_credential(m->items[TO][i]->endpoint) || lists_near(m->items[TO][i]->endpoint))
            return true;
    return false;
}

void effect_weigh(struct effect_run *run, const struct meeting *m, const struct effect_place *place)
{
    struct list touched = {0};
    effect_spend(&run->budget, m->n[FROM] + m->n[TO] + run->finder->places->n);
    if (!is_of_interest(run, m, place))
        return;
    for (unsigned side = 0; side < SIDES; side++)
        effect_meet(run, m, side, &touched);
    for (size_t i = 0; i < touched.n; i++) {
        uint32_t class = touched.items[i];
        struct spot spot = {place, NULL, class, run->openers[TO][class].pattern,
                            run->chains[FROM][class], run->chains[TO][class]};
        run->chains[FROM][class] = run->chains[TO][class] = 0;
        if (!spot.to || run->budget.spent)
            continue;
        spot.item = m->items[TO][run->openers[TO][class].item];
        weigh_class(run, &spot);
    }
}

/* ---- all of it ---- */

static bool may_find(const struct sluice_policy *to, const struct policy_credential_places *places)
{
    bool any = places->n > 0;
    for (size_t i = 0; i < to->n_rules && !any; i++)
        for (size_t j = 0; j < to->rules[i]->n_endpoints && !any; j++) {
            const struct sluice_endpoint *e = to->rules[i]->endpoints[j];
            any = uses_credential(e) || lists_near(e) || ipaddr_pattern_blocked(e->host);
        }
    return any;
}

static int compare_numbers(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int by_gravity(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int order = compare_numbers(x->risk, y->risk);
    order = order ? order : strcmp(x->host, y->host);
    order = order ? order : strcmp(x->binary, y->binary);
    order = order ? order : compare_numbers(x->port, y->port);
    return order ? order : compare_numbers(x->order, y->order);
}

static const struct sluice_finding *describe(const struct found *found, struct arena *arena)
{
    struct sluice_finding *out = arena_alloc(arena, sizeof *out);
    bool v6 = strchr(found->host, ':');
    *out = (struct sluice_finding){
        .size = sizeof *out, .category = words[found->risk], .host = found->host,
        .port = found->port, .binary = found->binary, .method = found->method,
        .credential = found->credential, .doc_path = found->doc_path,
        .text = arena_printf(arena, "%s: %s%s%s%s%s:%u via %s", words[found->risk], found->method,
                             *found->method ? " on " : "", v6 ? "[" : "", found->host,
                             v6 ? "]" : "", found->port, found->binary)};
    return out;
}

/* What is not known counts as the worst that a credential can meet. */
static const struct sluice_finding *anything(const char *why, struct arena *arena)
{
    struct sluice_finding *out = arena_alloc(arena, sizeof *out);
    *out = (struct sluice_finding){
        .size = sizeof *out, .category = words[SLUICE_RISK_CREDENTIAL], .host = "**",
        .binary = "**", .method = "", .credential = "", .doc_path = "",
        .text = arena_printf(arena, "%s: %s", words[SLUICE_RISK_CREDENTIAL], why)};
    return out;
}

static struct policy_findings collect(struct effect_finder *f, bool complete, struct arena *arena)
{
    size_t n = f->n < POLICY_FINDINGS_MAX ? f->n : POLICY_FINDINGS_MAX;
    const struct sluice_finding **list = arena_alloc(arena, (n + 2) * sizeof *list);
    struct policy_findings out = {list, 0, f->further};
    if (!complete) {
        list[out.n++] = anything("the policies are too large, or their patterns too entangled, to "
                                 "be compared: anything may be gained", arena);
        return out;
    }
    if (f->n)
        qsort(f->items, f->n, sizeof *f->items, by_gravity);
    for (size_t i = 0; i < n; i++)
        list[out.n++] = describe(&f->items[i], arena);
    if (f->n > n)
        list[out.n++] = anything("and more than can be listed", arena);
    return out;
}

struct policy_findings policy_find(const struct sluice_policy *from, const struct sluice_policy *to,
                                   const struct policy_credential_places *places,
                                   struct arena *arena)
{
    if (!may_find(to, places))
        return (struct policy_findings){0};
    struct arena *scratch = arena_new();
    struct effect_finder finder = {.places = places, .seen.arena = scratch,
                                   .pairs.arena = scratch};
    struct effect_run run;
    effect_run_init(&run, scratch, arena);
    run.finder = &finder;
    bool complete = effect_run_policies(&run, from, to);
    struct policy_findings out = collect(&finder, complete, arena);
    arena_free(scratch);
    return out;
}
