/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/approvals.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "egress/hold.h"
#include "egress/voters/verdict.h"
#include "egress/waiting.h"

struct egress_approvals {
    struct arena *arena;                            /* with all texts */
    struct egress_approval *items;
    size_t n;
    char boot[CLOCK_BOOT_SIZE];
};

void egress_approvals_free(struct egress_approvals *approvals)
{
    if (!approvals)
        return;
    arena_free(approvals->arena);
    free(approvals->items);
    free(approvals);
}

/* ---- finding ---- */

static bool has_ended(const struct egress_approvals *all, const struct egress_approval *a)
{
    const struct policy_grant *grant = &a->grant;
    if (!a->ends)
        return false;
    return (grant->uses && grant->used >= grant->uses) ||
           policy_grant_is_late(grant, all->boot, clock_now_ms(), clock_boot_ms());
}

static struct egress_approval *find(struct egress_approvals *all, const char *chunk)
{
    for (size_t i = 0; all && i < all->n; i++)
        if (strcmp(all->items[i].grant.chunk, chunk) == 0)
            return &all->items[i];
    return NULL;
}

static const char *find_for(const struct egress_approvals *all, const struct egress_waiting *what)
{
    for (size_t i = 0; all && i < all->n; i++)
        if (waiting_same(&all->items[i].what, what) && !has_ended(all, &all->items[i]))
            return all->items[i].grant.chunk;
    return NULL;
}

/* ---- uses ---- */

static const char *next_chunk(const struct buf *chunks, const char *chunk)
{
    const char *next = chunk ? chunk + strlen(chunk) + 1 : chunks->data;
    return chunks->len && next < chunks->data + chunks->len ? next : NULL;
}

static void add_chunk(struct buf *chunks, const char *chunk)
{
    for (const char *at = next_chunk(chunks, NULL); at; at = next_chunk(chunks, at))
        if (strcmp(at, chunk) == 0)
            return;
    buf_add(chunks, chunk, strlen(chunk) + 1);
}

bool egress_approvals_answer(const struct client *c, const struct inspect_verdict *verdict,
                             struct buf *used, struct egress_refusal *refusal)
{
    for (size_t i = 0; i < verdict->n_holds; i++) {
        egress_verdict_hold(c, &verdict->holds[i], refusal);
        const struct egress_waiting what = egress_hold_reason(c, refusal);
        const char *chunk = find_for(c->proxy->approvals, &what);
        if (!chunk)
            return false;
        add_chunk(used, chunk);
    }
    return true;
}

static void tell(const struct egress_proxy *proxy, const struct egress_approval *a)
{
    if (proxy->on_approval_used)
        proxy->on_approval_used(proxy->ctx, a->grant.chunk, a->grant.used,
                                a->grant.used >= a->grant.uses);
}

bool egress_approvals_spend(struct client *c, struct buf *used)
{
    struct egress_approvals *all = c->proxy->approvals;
    bool all_run = true;
    for (const char *at = next_chunk(used, NULL); at; at = next_chunk(used, at)) {
        const struct egress_approval *a = find(all, at);
        all_run = all_run && a && !has_ended(all, a);
    }
    for (const char *at = all_run ? next_chunk(used, NULL) : NULL; at; at = next_chunk(used, at)) {
        struct egress_approval *a = find(all, at);
        if (!a->ends || !a->grant.uses)
            continue;
        a->grant.used++;
        tell(c->proxy, a);
    }
    buf_clear(used);
    return all_run;
}

/* ---- others ---- */

static void copy(struct egress_approvals *all, const struct egress_approval *from,
                 struct egress_approval *to)
{
    const struct egress_waiting *what = &from->what;
    struct arena *arena = all->arena;
    *to = *from;
    to->grant.chunk = arena_str(arena, from->grant.chunk);
    to->grant.boot = arena_str(arena, from->grant.boot ? from->grant.boot : "");
    to->what = (struct egress_waiting){
        .host = arena_str(arena, what->host), .port = what->port,
        .binary = arena_str(arena, what->binary), .method = arena_str(arena, what->method),
        .path = arena_str(arena, what->path), .operation = arena_str(arena, what->operation),
        .field = arena_str(arena, what->field), .rpc_method = arena_str(arena, what->rpc_method),
        .tool = arena_str(arena, what->tool), .vote = arena_str(arena, what->vote)};
}

static struct egress_approvals *approvals_new(const struct egress_approval *items, size_t n)
{
    struct egress_approvals *all = alloc_zero(1, sizeof *all);
    all->arena = arena_new();
    all->items = alloc_zero(n, sizeof *all->items);
    clock_boot_id(all->boot);
    for (; all->n < n; all->n++)
        copy(all, &items[all->n], &all->items[all->n]);
    return all;
}

/* What the gateway was not told of, it is told again. */
static void keep_uses(const struct egress_proxy *proxy, struct egress_approvals *old,
                      struct egress_approvals *now)
{
    for (size_t i = 0; now && i < now->n; i++) {
        struct egress_approval *a = &now->items[i];
        const struct egress_approval *before = find(old, a->grant.chunk);
        if (!before || before->grant.used <= a->grant.used)
            continue;
        a->grant.used = before->grant.used;
        tell(proxy, a);
    }
}

void egress_set_approvals(struct egress_proxy *proxy, const struct egress_approval *items, size_t n)
{
    struct egress_approvals *old = proxy->approvals;
    proxy->approvals = n ? approvals_new(items, n) : NULL;
    keep_uses(proxy, old, proxy->approvals);
    egress_approvals_free(old);
    egress_hold_judge_voted(proxy);
}
