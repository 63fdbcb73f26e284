/* SPDX-License-Identifier: Apache-2.0 */
/* Approval mode auto: what needs no person, and why the rest needs one.
 *
 * A request is judged by where it would have gone: by the addresses that the proxy resolved.  The
 * rule says public_only, so that it opens no other addresses later either.  A workload can be
 * refused for ever new hosts, so rules that nobody approved are limited in number and rate. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ipaddr.h"
#include "drafts/drafts_parts.h"
#include "drafts/rules.h"

static const char by_itself[] = "auto-approval";

/* ---- where it leads ---- */

static bool is_public(const char *text)
{
    struct ipaddr address;
    return ipaddr_parse(text, &address) == 0 && ipaddr_classify(&address) == IPADDR_PUBLIC &&
           !ipaddr_is_own(&address);
}

static bool ends_in(const char *host, const char *suffix)
{
    size_t len = strlen(host), n = strlen(suffix);
    return len > n && strcmp(host + len - n, suffix) == 0 && host[len - n - 1] == '.';
}

/* Names that mean another machine in every network. */
static bool is_local_name(const char *host)
{
    static const char *const suffixes[] = {"internal", "local",     "localhost",    "localdomain",
                                           "lan",      "home",      "corp",         "intranet",
                                           "private",  "home.arpa", "in-addr.arpa", "ip6.arpa"};
    struct ipaddr address;
    if (ipaddr_parse(host, &address) == 0)
        return false;
    if (!strchr(host, '.'))
        return true;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (ends_in(host, suffixes[i]))
            return true;
    return false;
}

static const char *judge_host(const char *written, struct arena *arena)
{
    char host[IPADDR_HOST_SIZE];
    struct ipaddr address;
    if (ipaddr_canonical_host(written, strlen(written), host) != 0)
        return arena_printf(arena, "'%s' is no host name", written);
    if (is_local_name(host))
        return arena_printf(arena, "'%s' is a name of a local network", host);
    if (ipaddr_parse(host, &address) == 0 && !is_public(host))
        return arena_printf(arena, "%s is an internal address", host);
    return NULL;
}

static const char *judge_addresses(const struct store_draft *draft, struct arena *arena)
{
    json_t *list = *draft->addresses_json ? json_loads(draft->addresses_json, 0, NULL) : NULL,
           *item;
    const char *why = NULL;
    size_t i;
    if (json_array_size(list) == 0)
        why = arena_printf(arena, "what %s resolves to is not known", draft->host);
    json_array_foreach(list, i, item)
        if (!why && !is_public(json_string_value(item)))
            why = arena_printf(arena, "%s resolves to internal address %s", draft->host,
                               json_string_value(item));
    json_decref(list);
    return why;
}

static const char *judge_rule(const struct store_draft *draft, struct arena *arena)
{
    struct error err;
    const struct sluice_rule *rule = drafts_rule_decode(draft->rule_json, arena, &err);
    const char *why = rule ? NULL : arena_str(arena, err.text);
    for (size_t i = 0; rule && !why && i < rule->n_endpoints; i++) {
        const struct sluice_endpoint *e = rule->endpoints[i];
        why = e->n_allowed_ips ? "it has allowed_ips" : judge_host(e->host, arena);
    }
    return why;
}

/* ---- how many there are ---- */

static const char *judge_number(struct drafts *drafts, const struct store_draft *draft,
                                struct arena *arena)
{
    struct error err;
    uint64_t all, lately;
    int64_t since = clock_now_ms() - DRAFTS_AUTO_RATE_MS;
    if (store_draft_decided(drafts->store, draft->sandbox_id, by_itself, 0, &all, &err) ||
        store_draft_decided(drafts->store, draft->sandbox_id, by_itself, since, &lately, &err))
        return arena_str(arena, err.text);
    if (all >= DRAFTS_AUTO_MAX)
        return arena_printf(
            arena, "the sandbox has %d rules that nobody approved, which is the most it may have",
            DRAFTS_AUTO_MAX);
    if (lately >= DRAFTS_AUTO_RATE_MAX)
        return arena_printf(
            arena, "%d rules were approved by themselves within a minute, which is the most",
            DRAFTS_AUTO_RATE_MAX);
    return NULL;
}

/* NULL: the voters decide. */
static const char *judge(struct drafts *drafts, const struct store_draft *draft,
                         struct arena *arena)
{
    bool refused = strcmp(draft->source, store_draft_source_word(STORE_DRAFT_MECHANISTIC)) == 0;
    const char *why = refused ? judge_addresses(draft, arena) : NULL;
    if (!why && *draft->security_notes)
        why = "it has security notes";
    if (!why)
        why = judge_rule(draft, arena);
    return why ? why : judge_number(drafts, draft, arena);
}

/* ---- asking ---- */

struct waiting {
    const struct store_draft *draft;
    const char *reason;
    struct arena *arena;
};

static int write_reason(struct store_tx *tx, void *arg, struct error *err)
{
    const struct waiting *w = arg;
    struct store_draft now;
    if (store_tx_draft_get(tx, w->draft->sandbox_id, w->draft->id, w->arena, &now, err))
        return -1;
    if (!drafts_is(now.status, STORE_DRAFT_PENDING))
        return 0;
    now.reason = w->reason;
    return store_tx_draft_update(tx, &now, now.status, err);
}

static void wait_for_person(struct drafts *drafts, const struct store_sandbox *box,
                            const struct store_draft *draft, const char *why, struct arena *arena)
{
    const char *reason = arena_printf(arena, "not approved by itself: %s: a person decides", why);
    struct waiting waiting = {draft, reason, arena};
    struct error err;
    if (strcmp(draft->reason, reason) != 0 &&
        store_write(drafts->store, write_reason, &waiting, &err) && err.kind != ERROR_NOT_FOUND &&
        err.kind != ERROR_STATE)
        log_warn(drafts->log, "sandbox %s: chunk %s: %s", box->name, draft->id, err.text);
}

/* ---- findings ---- */

static bool says_accepted(const struct chain_vote *vote)
{
    for (size_t i = 0; i < vote->n_facts; i++)
        if (strcmp(vote->facts[i].key, "findings") == 0)
            return strcmp(vote->facts[i].value, "accepted") == 0;
    return false;
}

/* They are for a person, unless a voter that decides, such as risk, was told to accept them. */
static const char *judge_findings(const struct update_result *seen, struct arena *arena)
{
    const struct policy_findings *found = &seen->findings;
    for (size_t i = 0; i < seen->votes.n; i++)
        if (strcmp(seen->votes.items[i].level, "advisory") != 0 &&
            seen->votes.items[i].verdict == SLUICE_ALLOW && says_accepted(&seen->votes.items[i]))
            return NULL;
    if (found->n)
        return arena_printf(arena, "it has %zu finding%s: %s", found->n, found->n == 1 ? "" : "s",
                            found->items[0]->text);
    return found->host ? arena_printf(arena, "it reaches further at %s, where a credential is used",
                                      found->host)
                       : NULL;
}

/* NULL: approved. */
static const char *approve(struct drafts *drafts, const struct drafts_call *call,
                           const struct store_draft *draft, struct arena *arena)
{
    struct problems problems = {0};
    struct drafts_view view;
    struct update_result result;
    struct error err = {0};
    drafts_preview(drafts, call, draft, NULL, arena, &view);
    if (!view.previewed)
        return view.preview_error;
    if (view.preview.outcome != CHAIN_ALLOWED)
        return view.preview.tally.why;
    const char *found = judge_findings(&view.preview, arena);
    if (found)
        return found;
    int rc = drafts_approve(drafts, call, view.review_token, arena, &result, &problems, &err);
    problems_free(&problems);
    if (rc == 0 && result.outcome == CHAIN_ALLOWED)
        return NULL;
    return rc ? arena_str(arena, err.text) : result.tally.why;
}

static void try_approve(struct drafts *drafts, const struct store_sandbox *box,
                        const struct store_draft *draft)
{
    struct arena *arena = arena_new();
    struct drafts_call call = {
        .sandbox = box->name, .id = draft->id, .by_itself = true,
        .actor = {sizeof call.actor, by_itself, "user", "gateway", "gateway", "gateway"},
        .reason = "approved by itself: the sandbox's approval mode is auto and nobody objects",
    };
    const char *why = judge(drafts, draft, arena);
    if (!why)
        why = approve(drafts, &call, draft, arena);
    if (why)
        wait_for_person(drafts, box, draft, why, arena);
    arena_free(arena);
}

/* What a person proposes, or asked for in an update that was held, is for another person to
 * decide. */
static bool is_for_person(const struct store_draft *draft)
{
    return strcmp(draft->source, store_draft_source_word(STORE_DRAFT_OPERATOR)) == 0 ||
           *draft->held_kind;
}

void drafts_try_approve_all(struct drafts *drafts, const struct store_sandbox *box,
                            const struct store_draft *items, size_t n)
{
    for (size_t i = 0; i < n && strcmp(box->approval_mode, "auto") == 0; i++)
        if (!is_for_person(&items[i]))
            try_approve(drafts, box, &items[i]);
}

/* ---- asking again ---- */

static int ask_again(struct drafts *drafts, const struct store_sandbox *box, struct error *err)
{
    struct arena *arena = arena_new();
    struct store_draft_key *keys;
    size_t n = 0;
    const char *pending = store_draft_status_word(STORE_DRAFT_PENDING);
    int rc = store_draft_keys(drafts->store, box->id, pending, arena, &keys, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct arena *scratch = arena_new();
        struct store_draft draft;
        struct error gone;
        if (store_draft_get(drafts->store, box->id, keys[i].id, scratch, &draft, &gone) == 0 &&
            drafts_is(draft.status, STORE_DRAFT_PENDING))
            drafts_try_approve_all(drafts, box, &draft, 1);
        arena_free(scratch);
    }
    arena_free(arena);
    return rc;
}

void drafts_ask_again(struct drafts *drafts, const char *sandbox)
{
    struct arena *arena = arena_new();
    struct store_sandbox *boxes;
    struct error err;
    size_t n = 0;
    int rc = store_sandbox_list(drafts->store, arena, &boxes, &n, &err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (strcmp(boxes[i].approval_mode, "auto") == 0 &&
            (!sandbox || strcmp(boxes[i].name, sandbox) == 0))
            rc = ask_again(drafts, &boxes[i], &err);
    if (rc)
        log_warn(drafts->log, "pending chunks are not asked about again: %s", err.text);
    arena_free(arena);
}
