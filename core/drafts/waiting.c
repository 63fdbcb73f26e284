/* SPDX-License-Identifier: Apache-2.0 */
/* How many held requests wait for the decision about each chunk, as their supervisors say.  It is
 * not on record: a supervisor that connects again says it again. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "drafts/drafts_parts.h"
#include "drafts/requests.h"
#include "drafts/rules.h"
#include "policy/cure/refused.h"
#include "policy/match/ask.h"

struct waiting {
    struct waiting *next;
    struct arena *arena;                            /* of its texts */
    const char *sandbox_id;
    struct policy_refused refused;
    unsigned n;
};

/* Two refusals with the same texts have the same chunk. */
static bool same_refused(const struct policy_refused *a, const struct policy_refused *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0 &&
           strcmp(a->binary, b->binary) == 0 && strcmp(a->method, b->method) == 0 &&
           strcmp(a->path, b->path) == 0 && strcmp(a->operation, b->operation) == 0 &&
           strcmp(a->field, b->field) == 0 && strcmp(a->rpc_method, b->rpc_method) == 0 &&
           strcmp(a->tool, b->tool) == 0 && strcmp(a->vote, b->vote) == 0;
}

static struct policy_refused copy_refused(const struct policy_refused *r, struct arena *arena)
{
    return (struct policy_refused){
        .host = arena_str(arena, r->host), .port = r->port, .binary = arena_str(arena, r->binary),
        .method = arena_str(arena, r->method), .path = arena_str(arena, r->path),
        .operation = arena_str(arena, r->operation), .field = arena_str(arena, r->field),
        .rpc_method = arena_str(arena, r->rpc_method), .tool = arena_str(arena, r->tool),
        .vote = arena_str(arena, r->vote)};
}

/* Where it stands in the list, or where the list ends. */
static struct waiting **find(struct drafts *drafts, const char *sandbox_id,
                             const struct policy_refused *refused)
{
    struct waiting **at = &drafts->waiting;
    while (*at && (strcmp((*at)->sandbox_id, sandbox_id) != 0 ||
                   !same_refused(&(*at)->refused, refused)))
        at = &(*at)->next;
    return at;
}

static struct waiting *waiting_new(const char *sandbox_id, const struct policy_refused *refused)
{
    struct arena *arena = arena_new();
    struct waiting *w = arena_zalloc(arena, sizeof *w);
    *w = (struct waiting){.arena = arena, .sandbox_id = arena_str(arena, sandbox_id),
                          .refused = copy_refused(refused, arena)};
    return w;
}

static void drop(struct waiting **at)
{
    struct waiting *w = *at;
    *at = w->next;
    arena_free(w->arena);
}

void drafts_set_waiting(struct drafts *drafts, const char *sandbox_id,
                        const struct policy_refused *refused, unsigned n)
{
    pthread_mutex_lock(&drafts->lock);
    struct waiting **at = find(drafts, sandbox_id, refused);
    if (!*at && n)
        *at = waiting_new(sandbox_id, refused);
    if (n)
        (*at)->n = n;
    else if (*at)
        drop(at);
    pthread_mutex_unlock(&drafts->lock);
}

unsigned drafts_waiting(struct drafts *drafts, const struct store_draft *draft)
{
    const struct policy_refused refused = {
        .host = draft->host, .port = draft->port, .binary = draft->binary,
        .method = draft->method, .path = draft->path, .operation = draft->operation,
        .field = draft->field, .rpc_method = draft->rpc_method, .tool = draft->tool,
        .vote = drafts_vote_of(draft)};
    pthread_mutex_lock(&drafts->lock);
    struct waiting *w = *find(drafts, draft->sandbox_id, &refused);
    unsigned n = w ? w->n : 0;
    pthread_mutex_unlock(&drafts->lock);
    return n;
}

void drafts_forget_waiting(struct drafts *drafts, const char *sandbox_id)
{
    pthread_mutex_lock(&drafts->lock);
    for (struct waiting **at = &drafts->waiting; *at;) {
        if (!sandbox_id || strcmp((*at)->sandbox_id, sandbox_id) == 0)
            drop(at);
        else
            at = &(*at)->next;
    }
    pthread_mutex_unlock(&drafts->lock);
}

/* ---- what a rule would let pass ---- */

/* No rule lets pass what a voter holds.  Of a request with a call the rule's endpoints are asked,
 * not its rules about calls. */
static bool lets_pass(const struct sluice_rule *rule, const struct policy_refused *refused)
{
    const struct sluice_rule *const rules[] = {rule};
    const struct sluice_policy policy = {
        .size = sizeof policy, .version = 1, .rules = rules, .n_rules = 1};
    bool call = *refused->operation || *refused->rpc_method;
    const struct policy_question question = {
        .connection = {.host = refused->host, .port = refused->port, .binary = refused->binary},
        .method = call ? "" : refused->method, .path = refused->path, .query = ""};
    struct policy_answer answer;
    if (*refused->vote)
        return false;
    policy_ask(&policy, &question, &answer);
    buf_free(&answer.reason);
    return answer.allowed;
}

size_t drafts_waiting_for(struct drafts *drafts, const struct store_draft *draft,
                          struct arena *arena, struct policy_refused **out)
{
    struct error ignored;
    const struct sluice_rule *rule =
        *draft->rule_json ? drafts_rule_decode(draft->rule_json, arena, &ignored) : NULL;
    size_t n = 0, room = 0;
    *out = NULL;
    pthread_mutex_lock(&drafts->lock);
    for (struct waiting *w = drafts->waiting; rule && w; w = w->next) {
        if (strcmp(w->sandbox_id, draft->sandbox_id) != 0 || !lets_pass(rule, &w->refused))
            continue;
        *out = arena_grow(arena, *out, n, &room, sizeof **out);
        (*out)[n++] = copy_refused(&w->refused, arena);
    }
    pthread_mutex_unlock(&drafts->lock);
    return n;
}
