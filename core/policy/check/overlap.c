/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that overlap must agree on how a connection is treated, or nobody could say which of
 * them decides.  What they allow may differ, since that adds up. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/glob.h"
#include "base/ipaddr.h"
#include "policy/check/check_parts.h"
#include "policy/match/match.h"

typedef const char *aspect_text(const struct sluice_endpoint *e, struct arena *arena);

/* Aspects as texts, with what is not written filled in. */

static const char *transport(const struct sluice_endpoint *e, struct arena *arena)
{
    (void)arena;
    return check_is(e->protocol, "tcp") ? "tcp" : "proxy";
}

static const char *tls(const struct sluice_endpoint *e, struct arena *arena)
{
    (void)arena;
    return check_is(e->tls, "skip") ? "skip" : "auto";
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *block_text(const char *written, struct arena *arena)
{
    struct ipaddr_block block;
    char text[IPADDR_TEXT_SIZE];
    if (ipaddr_block_parse(written, &block) != 0)
        return written;
    return arena_printf(arena, "%s/%u", ipaddr_text(&block.base, text), block.prefix);
}

static const char *allowed_ips(const struct sluice_endpoint *e, struct arena *arena)
{
    struct buf set = {0};
    const char **blocks = arena_alloc(arena, (e->n_allowed_ips + 1) * sizeof *blocks);
    for (size_t i = 0; i < e->n_allowed_ips; i++)
        blocks[i] = block_text(e->allowed_ips[i], arena);
    qsort(blocks, e->n_allowed_ips, sizeof *blocks, by_text);
    for (size_t i = 0; i < e->n_allowed_ips; i++)
        if (i == 0 || strcmp(blocks[i], blocks[i - 1]) != 0)
            buf_printf(&set, "%s%s", i ? "," : "", blocks[i]);
    const char *text = arena_printf(arena, "[%s]", buf_str(&set));
    buf_free(&set);
    return text;
}

static const char *protocol(const struct sluice_endpoint *e, struct arena *arena)
{
    (void)arena;
    return e->protocol;
}

static const char *enforcement(const struct sluice_endpoint *e, struct arena *arena)
{
    (void)arena;
    return *e->enforcement ? e->enforcement : "audit";
}

static const char *signing(const struct sluice_endpoint *e, struct arena *arena)
{
    return arena_printf(arena, "%s:%s:%s", e->credential_signing, e->signing_service,
                        e->signing_region);
}

static const char *binding(const struct sluice_endpoint *e, struct arena *arena)
{
    (void)arena;
    return e->credential_provider;
}

static const char *flag(bool value)
{
    return value ? "true" : "false";
}

static const char *encoded_slash(const struct sluice_endpoint *e, struct arena *arena)
{
    (void)arena;
    return flag(e->allow_encoded_slash);
}

static const char *websocket_rewrite(const struct sluice_endpoint *e, struct arena *arena)
{
    (void)arena;
    return flag(e->websocket_credential_rewrite);
}

static const char *body_rewrite(const struct sluice_endpoint *e, struct arena *arena)
{
    (void)arena;
    return flag(e->request_body_credential_rewrite);
}

static const char *strict_tools(const struct sluice_endpoint *e, struct arena *arena)
{
    (void)arena;
    return flag(!e->mcp || e->mcp->strict_tool_names);
}

static const char *bytes(uint32_t written, struct arena *arena)
{
    enum { BODY_BYTES = 65536 };
    return arena_printf(arena, "%u", written ? written : BODY_BYTES);
}

static const char *graphql_bytes(const struct sluice_endpoint *e, struct arena *arena)
{
    return bytes(e->graphql_max_body_bytes, arena);
}

static const char *rpc_bytes(const struct sluice_endpoint *e, struct arena *arena)
{
    return bytes(e->mcp        ? e->mcp->max_body_bytes
                 : e->json_rpc ? e->json_rpc->max_body_bytes
                               : 0,
                 arena);
}

/* The first ones must agree wherever endpoints overlap, the others only where a request can be
 * taken by either. */
enum { ALWAYS = 3 };

static const struct {
    const char *name;
    aspect_text *text;
} aspects[] = {
    {"transport", transport},
    {"tls", tls},
    {"allowed_ips", allowed_ips},
    {"protocol", protocol},
    {"enforcement", enforcement},
    {"allow_encoded_slash", encoded_slash},
    {"websocket_credential_rewrite", websocket_rewrite},
    {"request_body_credential_rewrite", body_rewrite},
    {"credential_signing", signing},
    {"credential_binding", binding},
    {"graphql_max_body_bytes", graphql_bytes},
    {"max_body_bytes", rpc_bytes},
    {"strict_tool_names", strict_tools},
};

enum { ASPECTS = sizeof aspects / sizeof aspects[0] };

/* One endpoint, prepared for being compared with all others. */
struct entry {
    const struct sluice_rule *rule;
    const struct sluice_endpoint *e;
    char host[IPADDR_HOST_SIZE];                    /* canonical; "" is every host */
    bool wildcard;                                  /* the host is a pattern */
    const char *values[ASPECTS];
    const char *all_values;                         /* joined; the same pointer for equal ones */
    uint16_t *ports;                                /* in order */
};

static int by_port(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void set_host(struct entry *entry)
{
    const char *host = entry->e->host;
    size_t len = strlen(host);
    entry->wildcard = strchr(host, '*') != NULL;
    if (ipaddr_canonical_host(host, len, entry->host) == 0 || len >= sizeof entry->host)
        return;
    memcpy(entry->host, host, len + 1);
    if (len > 1 && host[len - 1] == '.')
        entry->host[len - 1] = '\0';
}

/* Equal values share one text, so that most pairs are told apart by a glance. */
static const char *interned(const struct entry *entries, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (i == 0 || entries[i].all_values != entries[i - 1].all_values)
            if (check_is(entries[i].all_values, text))
                return entries[i].all_values;
    return text;
}

static void prepare(struct check *c, struct entry *entries, size_t n)
{
    struct entry *entry = &entries[n];
    const struct sluice_endpoint *e = entry->e;
    struct buf all = {0};
    set_host(entry);
    entry->ports = arena_alloc(c->arena, (e->n_ports + 1) * sizeof *entry->ports);
    if (e->n_ports)
        memcpy(entry->ports, e->ports, e->n_ports * sizeof *entry->ports);
    qsort(entry->ports, e->n_ports, sizeof *entry->ports, by_port);
    for (size_t i = 0; i < ASPECTS; i++) {
        entry->values[i] = aspects[i].text(e, c->arena);
        buf_printf(&all, "%s\n", entry->values[i]);
    }
    entry->all_values = interned(entries, n, arena_str(c->arena, buf_str(&all)));
    buf_free(&all);
}

static struct entry *all_entries(struct check *c, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < c->policy->n_rules; i++)
        *n += c->policy->rules[i]->n_endpoints;
    struct entry *entries = arena_zalloc(c->arena, (*n + 1) * sizeof *entries);
    size_t at = 0;
    for (size_t i = 0; i < c->policy->n_rules; i++) {
        const struct sluice_rule *rule = c->policy->rules[i];
        for (size_t j = 0; j < rule->n_endpoints; j++) {
            entries[at].rule = rule;
            entries[at].e = rule->endpoints[j];
            if (*rule->endpoints[j]->host || rule->endpoints[j]->n_allowed_ips)
                prepare(c, entries, at++);          /* others are wrong as they stand */
        }
    }
    *n = at;
    return entries;
}

static bool share_port(const struct entry *a, const struct entry *b)
{
    size_t i = 0, j = 0;
    while (i < a->e->n_ports && j < b->e->n_ports) {
        if (a->ports[i] == b->ports[j])
            return true;
        if (a->ports[i] < b->ports[j])
            i++;
        else
            j++;
    }
    return false;
}

/* The common ports as text, each once. */
static void common_ports(const struct entry *a, const struct entry *b, struct buf *out)
{
    size_t i = 0, j = 0;
    uint16_t last = 0;
    while (i < a->e->n_ports && j < b->e->n_ports) {
        if (a->ports[i] == b->ports[j] && a->ports[i] != last) {
            last = a->ports[i];
            buf_printf(out, "%s%u", out->len ? "," : "", last);
        }
        if (a->ports[i] <= b->ports[j])
            i++;
        else
            j++;
    }
}

static bool hosts_overlap(const struct entry *a, const struct entry *b, size_t *effort)
{
    if (!*a->host || !*b->host)
        return true;
    if (!a->wildcard && !b->wildcard)
        return strcasecmp(a->host, b->host) == 0;
    if (a->wildcard && b->wildcard)
        return glob_overlap(a->host, b->host, '.', GLOB_FOLD_CASE | GLOB_RUN_NOT_EMPTY, effort);
    return a->wildcard ? policy_host_match(a->host, b->host) : policy_host_match(b->host, a->host);
}

/* Says something about requests, and not only that a connection may be made. */
static bool is_rich(const struct sluice_endpoint *e)
{
    return check_is_inspected(e) || e->n_allowed_ips || *e->tls || *e->credential_provider;
}

static size_t specificity(const char *path)
{
    size_t n = 0;
    for (; *path; path++)
        n += *path != '*';
    return n;
}

static bool all_paths(const char *path)
{
    return !*path || check_is(path, "**") || check_is(path, "/**");
}

/* Without a separator, * crosses every boundary: too much rather than too little. */
static bool paths_overlap(const char *a, const char *b, size_t *effort)
{
    return all_paths(a) || all_paths(b) || glob_overlap(a, b, '\0', 0, effort);
}

static bool may_take_same_request(const struct sluice_endpoint *a,
                                  const struct sluice_endpoint *b, size_t *effort)
{
    return is_rich(a) && is_rich(b) && specificity(a->path) == specificity(b->path)
        && paths_overlap(a->path, b->path, effort);
}

static void add_conflicts(const struct entry *a, const struct entry *b, struct buf *out,
                          size_t *effort)
{
    size_t n = may_take_same_request(a->e, b->e, effort) ? ASPECTS : ALWAYS;
    for (size_t i = 0; i < n; i++)
        if (!check_is(a->values[i], b->values[i]))
            buf_printf(out, "%s%s=%s vs %s", out->len ? "; " : "", aspects[i].name,
                       *a->values[i] ? a->values[i] : "none",
                       *b->values[i] ? b->values[i] : "none");
}

static const char *place(struct check *c, const struct entry *entry)
{
    /* Its own count: what cannot be read of a document is not in the rule. */
    return arena_printf(c->arena, "'%s' endpoint%s (%s%s%s)", check_shown(c, entry->rule->key),
                        strrchr(entry->e->doc_path, '['),
                        *entry->host ? check_shown(c, entry->host) : "any host",
                        *entry->e->path ? " " : "", check_shown(c, entry->e->path));
}

static void compare(struct check *c, const struct entry *a, const struct entry *b, size_t *effort)
{
    struct buf ports = {0}, conflicts = {0};
    if (!share_port(a, b) || !hosts_overlap(a, b, effort))
        return;
    common_ports(a, b, &ports);
    add_conflicts(a, b, &conflicts, effort);
    if (conflicts.len)
        check_problem(c, b->e->doc_path, "",
                      "network policies %s and %s overlap on port(s) %s with "
                      "conflicting metadata: %s",
                      place(c, a), place(c, b), check_shown(c, buf_str(&ports)),
                      buf_str(&conflicts));
    buf_free(&ports);
    buf_free(&conflicts);
}

static bool is_full(const struct problems *problems)
{
    return problems && problems->truncated;
}

/* Every pair is looked at.  The effort that comparing wildcards may take is bounded: a thousand
 * endpoints as people write them stay far below, and what is made to be slow is refused. */
void check_overlaps(struct check *c)
{
    enum { EFFORT_MAX = 50 * 1000 * 1000 };
    size_t n, effort = 0;
    struct entry *entries = all_entries(c, &n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n && !is_full(c->problems) && effort <= EFFORT_MAX; j++) {
            if (entries[i].all_values == entries[j].all_values)
                continue;
            compare(c, &entries[i], &entries[j], &effort);
        }
    }
    if (effort > EFFORT_MAX)
        check_problem(c, "", "network_policies",
                      "there are too many endpoints with too many wildcards to "
                      "see whether they agree; write fewer or simpler host patterns");
}
