/* SPDX-License-Identifier: Apache-2.0 */
/* The first steps of an update: loads the current policy, makes and checks the candidate. */
#include <string.h>

#include "policy/check/check.h"
#include "update/updates.h"

static int invalid(struct update *u)
{
    size_t n = u->problems->n;
    return error_set(u->err, ERROR_INVALID, "the policy has %zu problem%s", n, n == 1 ? "" : "s");
}

static int check_expected(struct update *u)
{
    uint64_t expected = u->request->if_revision, is = u->result->base_revision;
    if (!expected || expected == is)
        return 0;
    return error_set(u->err, ERROR_MOVED,
                     "the policy of sandbox '%s' is at revision %lu, not %lu: read it again and "
                     "repeat the change on top of it",
                     u->sandbox.name, (unsigned long)is, (unsigned long)expected);
}

static int load_new(struct update *u)
{
    struct store_sandbox taken;
    u->sandbox = *u->request->create;
    u->result->sandbox_id = u->sandbox.id;
    u->result->base_hash = "";
    if (store_sandbox_get(u->updates->store, u->sandbox.name, u->arena, &taken, u->err) == 0)
        return error_set(u->err, ERROR_EXISTS,
                         "sandbox '%s' already exists: choose another name, or delete it first",
                         taken.name);
    return u->err->kind == ERROR_NOT_FOUND ? 0 : -1;
}

/* The policy of a revision that was read, which the arena drops. */
static struct policy *read_policy(struct update *u, const struct store_revision *revision)
{
    return policy_keep(stored_policies_get(u->updates->stored, revision, u->err), u->arena);
}

int update_load(struct update *u)
{
    struct store_base base;
    if (u->request->kind == SLUICE_CREATE)
        return load_new(u);
    if (store_base_get(u->updates->store, u->request->sandbox, u->arena, &base, u->err) != 0)
        return -1;
    u->sandbox = base.sandbox;
    u->attachments = base.attachments;
    u->n_attachments = base.n_attachments;
    u->result->sandbox_id = u->sandbox.id;
    u->result->current = read_policy(u, &base.newest);
    if (!u->result->current)
        return -1;
    u->baseline =
        base.newest.revision == 1 ? u->result->current : read_policy(u, &base.first);
    if (!u->baseline)
        return -1;
    u->running = policy_grants_parse(base.newest.grants_json, u->arena);
    u->result->base_revision = base.newest.revision;
    u->result->base_hash = base.newest.hash;
    u->result->status = base.newest.status;
    return check_expected(u);
}

/* Sections that the document leaves out are taken from base.  If parts of the document cannot be
 * decoded, the rest is checked nevertheless, so that all problems are reported at once. */
struct policy *update_read_document(const struct doc_node *document, const char *path,
                                    const struct policy *base, struct problems *problems,
                                    struct problems *warnings)
{
    struct policy *written = policy_decode(document, path, problems);
    struct policy *policy =
        written ? policy_complete(written, base) : policy_decode_sound(document, path);
    bool good = policy && policy_check(policy, problems, warnings) == 0 && written;
    policy_unref(written);
    if (good)
        return policy;
    policy_unref(policy);
    return NULL;
}

static struct policy *from_document(struct update *u)
{
    const struct update_request *r = u->request;
    return r->document ? update_read_document(r->document, r->document_path, u->result->current,
                                              u->problems, &u->result->warnings)
                       : policy_default();
}

static struct policy *from_operations(struct update *u)
{
    struct policy_operations operations = *u->request->operations;
    operations.granted = &u->running;
    return policy_merge(u->result->current, &operations, u->problems, &u->result->warnings);
}

static struct policy *from_rollback(struct update *u)
{
    struct store_revision revision;
    struct policy *policy =
        updates_policy_at(u->updates, u->sandbox.id, u->request->to_revision, u->arena, &revision,
                          u->err);
    return policy ? update_rolled_back(u, policy, &revision) : NULL;
}

static struct policy *make_candidate(struct update *u)
{
    if (u->request->of_request)
        return policy_ref(u->result->current);
    if (u->request->policy)
        return policy_complete(u->request->policy, u->result->current);
    switch (u->request->kind) {
    case SLUICE_MERGE:
    case SLUICE_APPROVE:
    case SLUICE_UNDO:
        return from_operations(u);
    case SLUICE_ROLLBACK:
        return from_rollback(u);
    case SLUICE_EXPIRE:
        return update_expired(u);
    case SLUICE_GLOBAL:
        return update_tightened(u);
    default:
        return from_document(u);
    }
}

/* Problem paths start at the body, so a body is made around the document to look them up. */
void update_locate(struct update *u)
{
    const struct update_request *r = u->request;
    if (!r->document)
        return;
    struct doc_node name = {.kind = DOC_SCALAR, .text = r->document_path}, *names[] = {&name};
    struct doc_node *members[] = {(struct doc_node *)r->document};
    const struct doc_node body = {.kind = DOC_MAP,
                                  .text = "",
                                  .keys = names,
                                  .items = members,
                                  .n = 1,
                                  .line = r->document->line,
                                  .column = r->document->column};
    const struct doc_node *root = *r->document_path ? &body : r->document;
    policy_locate(u->problems, root);
    policy_locate(&u->result->warnings, root);
}

int update_candidate(struct update *u)
{
    struct update_result *r = u->result;
    struct policy *candidate = policy_keep(make_candidate(u), u->arena);
    r->candidate = candidate;
    /* A document was checked when it was read; what a grant leaves was in force all the time, and
     * nothing may keep the grant from ending. */
    if (candidate && !u->request->document && u->request->kind != SLUICE_EXPIRE)
        policy_check(candidate, u->problems, &r->warnings);
    if (candidate && u->request->kind != SLUICE_EXPIRE)
        update_check_middlewares(u, candidate);
    update_locate(u);
    if (u->problems->n)
        return invalid(u);
    if (!candidate)
        return -1;
    r->hash = policy_hash(candidate);
    r->changed = !r->current || strcmp(r->base_hash, r->hash) != 0;
    return update_choose_grants(u);
}
