/* SPDX-License-Identifier: Apache-2.0 */
/* Which providers a sandbox has: attached when it is made, or later. */
#include <string.h>

#include "auth/auth.h"
#include "grpc/page.h"
#include "grpc/providers.h"
#include "grpc/sandboxes.h"

/* ---- attach and detach ---- */

typedef int change_attachment(const struct providers *p, const char *name,
                              const struct store_sandbox *sandbox, struct arena *arena,
                              struct error *err);

/* The sandbox as it is now, and whether something was done to it. */
static int put_sandbox(struct grpc_work *work, struct doc_writer *w, const char *done)
{
    struct store_sandbox s;
    if (store_sandbox_by_id(work->grpc->store, work->then_arg, work->arena, &s, &work->err) != 0 ||
        grpc_answer_sandbox(work, w, &s, s.phase) != 0)
        return -1;
    if (done) {
        doc_write_key(w, done);
        doc_write_bool(w, true);
    }
    return 0;
}

static int put_attached(struct grpc_work *work, struct doc_writer *w)
{
    return put_sandbox(work, w, "attached");
}

static int put_detached(struct grpc_work *work, struct doc_writer *w)
{
    return put_sandbox(work, w, "detached");
}

static bool has_sandbox(const struct provider_facts *facts, const char *id)
{
    for (size_t i = 0; i < facts->n_attachments; i++)
        if (strcmp(facts->attachments[i].sandbox_id, id) == 0)
            return true;
    return false;
}

/* wanted: attached afterwards; nothing is done if it is so already. */
static int change(struct grpc_work *work, struct doc_writer *w, bool wanted)
{
    struct store_sandbox *s = arena_zalloc(work->arena, sizeof *s);
    struct provider_facts facts;
    const char *provider;
    change_attachment *fn = wanted ? providers_attach : providers_detach;
    if (grpc_find_sandbox(work, "sandbox", s) != 0 ||
        grpc_required(work, "provider", &provider) != 0 || grpc_check_version(work, s) != 0 ||
        grpc_find_provider(work, provider, &facts) != 0)
        return -1;
    if (has_sandbox(&facts, s->id) == wanted) {
        work->then_arg = (void *)(uintptr_t)s->id;
        return put_sandbox(work, w, NULL);
    }
    if (fn(work->grpc->providers, provider, s, work->arena, &work->err) != 0)
        return -1;
    grpc_tell_provider(work, &facts, wanted ? "attached" : "detached", s,
                       wanted ? put_attached : put_detached, (void *)(uintptr_t)s->id);
    return 0;
}

static int attach(struct grpc_work *work, struct doc_writer *w)
{
    return change(work, w, true);
}

static int detach(struct grpc_work *work, struct doc_writer *w)
{
    return change(work, w, false);
}

/* ---- CreateSandbox ---- */

int grpc_check_providers(struct grpc_work *work, const struct doc_node *spec)
{
    const struct doc_node *names = doc_get(spec, "providers");
    struct provider_facts facts;
    if (names && names->n &&
        auth_check(&work->who, AUTH_PROVIDER_MANAGE, NULL, &work->err) != 0)
        return -1;
    for (size_t i = 0; names && i < names->n; i++) {
        if (grpc_find_provider(work, names->items[i]->text, &facts) == 0)
            continue;
        if (work->err.kind == ERROR_NOT_FOUND)
            work->err.kind = ERROR_STATE;
        return -1;
    }
    return 0;
}

int grpc_attach_providers(struct grpc_work *work, const struct doc_node *spec,
                          const struct store_sandbox *s)
{
    const struct doc_node *names = doc_get(spec, "providers");
    for (size_t i = 0; names && i < names->n; i++)
        if (providers_attach(work->grpc->providers, names->items[i]->text, s, work->arena,
                             &work->err) != 0)
            return -1;
    return 0;
}

/* ---- ListSandboxProviders ---- */

static int list(struct grpc_work *work, struct doc_writer *w)
{
    struct store_sandbox s;
    struct store_attachment *items;
    size_t n, offset, limit;
    if (grpc_find_sandbox(work, "sandbox", &s) != 0 || grpc_page(work, &offset, &limit) != 0 ||
        store_attachment_list(work->grpc->store, NULL, s.id, work->arena, &items, &n,
                              &work->err) != 0)
        return -1;
    doc_write_key(w, "providers");
    doc_write_open(w, DOC_LIST);
    for (size_t i = offset; i < n && i < offset + limit; i++) {
        struct provider_facts facts;
        struct error gone;
        if (providers_get(work->grpc->providers, items[i].provider, work->arena, &facts,
                          &gone) == 0)
            grpc_put_provider(w, &facts);
    }
    doc_write_close(w, DOC_LIST);
    if (n > offset + limit)
        grpc_put_next_page(w, offset + limit);
    return 0;
}

static const struct grpc_method methods[] = {
    CHANGE_ONE("AttachSandboxProvider", AUTH_PROVIDER_MANAGE, attach, .administers = true),
    CHANGE_ONE("DetachSandboxProvider", AUTH_PROVIDER_MANAGE, detach, .administers = true),
    READ_ONE("ListSandboxProviders", AUTH_PROVIDER_MANAGE, list),
};

const struct grpc_methods grpc_attachment_methods = {OPENSHELL_SERVICE, methods,
                                                     sizeof methods / sizeof *methods};
