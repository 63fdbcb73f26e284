/* SPDX-License-Identifier: Apache-2.0 */
/* Tells supervisors of held requests that are approved: all of them, whenever that changes. */
#include "base/alloc.h"
#include "runtime/sandbox.h"

static struct sandbox_approval approval_of(const struct store_draft *d, struct arena *arena)
{
    const struct policy_grant *grant = policy_grant_parse(d->grant_json, arena);
    struct sandbox_approval a = {
        .chunk = d->id, .host = d->host, .port = d->port, .binary = d->binary,
        .method = d->method, .path = d->path, .operation = d->operation, .field = d->field,
        .rpc_method = d->rpc_method, .tool = d->tool, .vote = drafts_vote_of(d), .boot = ""};
    if (grant) {
        a.uses = grant->uses;
        a.used = grant->used;
        a.for_ms = grant->for_ms;
        a.expires_at_ms = grant->expires_at_ms;
        a.boot_ms = grant->boot_ms;
        a.boot = grant->boot;
    }
    return a;
}

int approvals_encode(struct runtime *all, const char *sandbox_id, struct buf *out, size_t *n,
                     struct error *err)
{
    struct arena *arena = arena_new();
    struct store_draft *drafts;
    int rc = drafts_approved_requests(all->setup.drafts, sandbox_id, arena, &drafts, n, err);
    struct sandbox_approval *items = arena_zalloc(arena, (*n + 1) * sizeof *items);
    for (size_t i = 0; rc == 0 && i < *n; i++)
        items[i] = approval_of(&drafts[i], arena);
    if (rc == 0)
        sandbox_message_encode(
            &(struct sandbox_message){.type = MESSAGE_APPROVALS, .approvals = {items, *n}}, out);
    arena_free(arena);
    return rc;
}

void runtime_approve(struct runtime *all, const char *sandbox, const char *sandbox_id)
{
    struct buf line = {0};
    struct error err;
    size_t n;
    if (approvals_encode(all, sandbox_id, &line, &n, &err) == 0) {
        runtime_push_line(all, sandbox, &line);
        return;
    }
    log_error(all->setup.log, "sandbox %s is not told which held requests are approved: %s",
              sandbox, err.text);
    buf_free(&line);
}
