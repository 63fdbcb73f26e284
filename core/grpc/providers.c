/* SPDX-License-Identifier: Apache-2.0 */
/* Providers of credentials: the methods about them. */
#include "grpc/providers.h"

#include <string.h>

#include "grpc/page.h"
#include "runtime/record.h"
#include "secret/profile.h"

/* ---- a provider ---- */

static void put_metadata(struct doc_writer *w, const struct store_provider *p)
{
    doc_write_key(w, "metadata");
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "id", p->id);
    grpc_put_text(w, "name", p->name);
    grpc_put_time(w, "created_at_ms", "created_time", p->created_at_ms);
    doc_write_key(w, "labels");
    doc_write_json(w, p->labels_json);
    grpc_put_number(w, "resource_version", p->rotations + 1);
    grpc_put_text(w, "workspace", STORE_WORKSPACE);
    doc_write_close(w, DOC_MAP);
}

/* Names of credentials; a value is never told. */
void grpc_put_provider(struct doc_writer *w, const struct provider_facts *facts)
{
    doc_write_open(w, DOC_MAP);
    put_metadata(w, &facts->provider);
    grpc_put_text(w, "type", facts->provider.profile);
    doc_write_key(w, "credentials");
    doc_write_open(w, DOC_MAP);
    for (size_t i = 0; i < facts->n_credentials; i++) {
        doc_write_key(w, facts->credentials[i].name);
        doc_write_text(w, "");
    }
    doc_write_close(w, DOC_MAP);
    doc_write_key(w, "config");
    doc_write_json(w, facts->provider.config_json);
    doc_write_close(w, DOC_MAP);
}

/* Other workspaces have none. */
static int check_workspace(struct grpc_work *work, bool *others)
{
    const char *workspace;
    if (grpc_workspace(work, &workspace) != 0)
        return -1;
    *others = workspace && strcmp(workspace, STORE_WORKSPACE) != 0;
    return 0;
}

/* The same of one that is named. */
static int check_default(struct grpc_work *work)
{
    bool others;
    if (check_workspace(work, &others) != 0)
        return -1;
    if (!others)
        return 0;
    return error_set(&work->err, ERROR_STATE,
                     "providers of this gateway are in the workspace '" STORE_WORKSPACE
                     "', and sandboxes of any workspace may have them: name that one");
}

int grpc_find_provider(struct grpc_work *work, const char *name, struct provider_facts *out)
{
    if (providers_get(work->grpc->providers, name, work->arena, out, &work->err) == 0)
        return 0;
    if (work->err.kind == ERROR_NOT_FOUND)
        error_set(&work->err, ERROR_NOT_FOUND, "provider '%.100s' not found", name);
    return -1;
}

/* ---- changes ---- */

struct telling {
    const struct provider_change *change;
    int (*answer)(struct grpc_work *work, struct doc_writer *w);
    void *arg;
};

static void told(void *arg, const struct error *err)
{
    struct grpc_work *work = arg;
    const struct telling *telling = work->then_arg;
    (void)err;
    work->then_arg = telling->arg;
    grpc_work_again(work, telling->answer);
}

static void tell(struct grpc_work *work)
{
    const struct telling *telling = work->then_arg;
    runtime_tell_provider(work->grpc->runtime, telling->change, told, work);
}

void grpc_tell_provider(struct grpc_work *work, const struct provider_facts *facts,
                        const char *change, const struct store_sandbox *one,
                        int (*answer)(struct grpc_work *work, struct doc_writer *w), void *arg)
{
    struct telling *telling = arena_alloc(work->arena, sizeof *telling);
    *telling = (struct telling){
        providers_change(facts, change, work->who.name, one, work->arena), answer, arg};
    work->then = tell;
    work->then_arg = telling;
}

/* ---- what a request says of a provider ---- */

struct asked {
    const char *name, *type;
    struct provider_values values;
};

static const char *text_of(const struct doc_node *map, const char *field)
{
    const struct doc_node *value = map ? doc_get(map, field) : NULL;
    return value ? value->text : "";
}

/* What this gateway does not keep is refused, rather than forgotten. */
static int check_extras(struct grpc_work *work, const struct doc_node *provider)
{
    static const char *const maps[] = {"credential_expires_at_ms", "credential_expiration_times",
                                       "credential_handles"};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        const struct doc_node *inside = doc_get(provider, maps[i]),
                              *beside = doc_get(work->request, maps[i]);
        if ((inside && inside->n) || (beside && beside->n))
            return error_set(&work->err, ERROR_STATE,
                             "this gateway does not keep %s of a provider: leave it out", maps[i]);
    }
    return 0;
}

/* A credential without a value is one that a client was shown and sends back. */
static void read_credentials(struct grpc_work *work, const struct doc_node *map,
                             struct provider_values *out)
{
    size_t n = map ? map->n : 0;
    struct provider_value *items = arena_alloc(work->arena, (n + 1) * sizeof *items);
    *out = (struct provider_values){.items = items};
    for (size_t i = 0; i < n; i++)
        if (*map->items[i]->text)
            items[out->n++] = (struct provider_value){map->keys[i]->text, map->items[i]->text};
}

/* Labels, and config, which clients keep notes in. */
static int read_notes(struct grpc_work *work, const struct doc_node *provider,
                      struct provider_values *out)
{
    const struct doc_node *metadata = doc_get(provider, "metadata");
    const struct doc_node *labels = metadata ? doc_get(metadata, "labels") : NULL;
    out->labels_json = grpc_json(work, labels, NULL);
    out->config_json = grpc_json(work, doc_get(provider, "config"), NULL);
    if (out->labels_json)
        sandbox_labels_check(out->labels_json, work->arena, &work->problems);
    if (out->config_json)
        sandbox_labels_check(out->config_json, work->arena, &work->problems);
    return work->problems.n ? error_set(&work->err, ERROR_INVALID, "the provider cannot be read")
                            : 0;
}

static int read_provider(struct grpc_work *work, struct asked *out)
{
    const struct doc_node *provider = doc_get(work->request, "provider");
    if (!provider)
        return error_set(&work->err, ERROR_MALFORMED, "provider is required");
    out->name = text_of(doc_get(provider, "metadata"), "name");
    out->type = text_of(provider, "type");
    if (!*out->name)
        return error_set(&work->err, ERROR_MALFORMED, "provider.metadata.name is required");
    read_credentials(work, doc_get(provider, "credentials"), &out->values);
    return check_default(work) != 0 || check_extras(work, provider) != 0
               ? -1 : read_notes(work, provider, &out->values);
}

/* ---- the methods ---- */

static int put_changed(struct grpc_work *work, struct doc_writer *w)
{
    struct provider_facts facts;
    if (grpc_find_provider(work, work->then_arg, &facts) != 0)
        return -1;
    doc_write_key(w, "provider");
    grpc_put_provider(w, &facts);
    return 0;
}

static int end_change(struct grpc_work *work, const char *name, const char *change)
{
    struct provider_facts facts;
    if (grpc_find_provider(work, name, &facts) != 0)
        return -1;
    grpc_tell_provider(work, &facts, change, NULL, put_changed, (void *)(uintptr_t)name);
    return 0;
}

static int create(struct grpc_work *work, struct doc_writer *w)
{
    struct asked asked;
    (void)w;
    if (read_provider(work, &asked) != 0)
        return -1;
    if (!*asked.type)
        return error_set(&work->err, ERROR_MALFORMED, "provider.type is required");
    if (providers_create(work->grpc->providers, asked.name, asked.type, &asked.values,
                         work->arena, &work->err) != 0)
        return -1;
    return end_change(work, asked.name, "created");
}

/* Values are replaced; the type is what it was. */
static int update(struct grpc_work *work, struct doc_writer *w)
{
    struct asked asked;
    struct provider_facts facts;
    (void)w;
    if (read_provider(work, &asked) != 0 || grpc_find_provider(work, asked.name, &facts) != 0)
        return -1;
    const struct secret_profile *type = secret_profile_find(asked.type);
    if (*asked.type && (!type || strcmp(type->name, facts.provider.profile) != 0))
        return error_set(&work->err, ERROR_MALFORMED,
                         "provider '%s' is of type %s, which cannot be changed: make another one",
                         asked.name, facts.provider.profile);
    if (providers_rotate(work->grpc->providers, asked.name, &asked.values, work->arena,
                         &work->err) != 0)
        return -1;
    return end_change(work, asked.name, "rotated");
}

static int get(struct grpc_work *work, struct doc_writer *w)
{
    const char *name;
    if (grpc_required(work, "name", &name) != 0 || check_default(work) != 0)
        return -1;
    work->then_arg = (void *)(uintptr_t)name;
    return put_changed(work, w);
}

/* It may have been deleted since the list was read. */
static void put_named(struct grpc_work *work, struct doc_writer *w, const char *name)
{
    struct provider_facts facts;
    struct error gone;
    if (providers_get(work->grpc->providers, name, work->arena, &facts, &gone) == 0)
        grpc_put_provider(w, &facts);
}

static int list(struct grpc_work *work, struct doc_writer *w)
{
    struct store_provider *items;
    size_t n, offset, limit, seen = 0;
    int fits = 0;
    bool others;
    if (check_workspace(work, &others) != 0 || grpc_page(work, &offset, &limit) != 0 ||
        store_provider_list(work->grpc->store, work->arena, &items, &n, &work->err) != 0)
        return -1;
    doc_write_key(w, "providers");
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < n && fits >= 0 && !others; i++) {
        fits = grpc_selected(work, items[i].labels_json);
        if (fits > 0 && seen >= offset && seen < offset + limit)
            put_named(work, w, items[i].name);
        seen += fits > 0;
    }
    doc_write_close(w, DOC_LIST);
    if (seen > offset + limit)
        grpc_put_next_page(w, offset + limit);
    return fits < 0 ? -1 : 0;
}

static int put_deleted(struct grpc_work *work, struct doc_writer *w)
{
    (void)work;
    doc_write_key(w, "deleted");
    doc_write_bool(w, true);
    grpc_put_text(w, "outcome", "COMPLETED");
    return 0;
}

static int delete(struct grpc_work *work, struct doc_writer *w)
{
    struct provider_facts facts;
    const char *name;
    if (grpc_required(work, "name", &name) != 0 || check_default(work) != 0)
        return -1;
    if (grpc_find_provider(work, name, &facts) != 0) {
        if (work->err.kind != ERROR_NOT_FOUND || !grpc_flag(work, "allow_missing"))
            return -1;
        grpc_put_text(w, "outcome", "ALREADY_ABSENT");
        return 0;
    }
    if (providers_delete(work->grpc->providers, name, work->arena, &work->err) != 0)
        return -1;
    grpc_tell_provider(work, &facts, "deleted", NULL, put_deleted, NULL);
    return 0;
}

/* A credential leaves the gateway only in requests of sandboxes. */
static int keep_credentials(struct grpc_work *work, struct doc_writer *w)
{
    (void)w;
    return error_set(
        &work->err, ERROR_FORBIDDEN,
        "this gateway tells no credential to clients: attach the provider to a sandbox, "
        "whose requests get it");
}

static const struct grpc_method methods[] = {
    KEEP_SECRET("CreateProvider", AUTH_PROVIDER_MANAGE, create, .administers = true),
    KEEP_SECRET("UpdateProvider", AUTH_PROVIDER_MANAGE, update, .administers = true),
    READ("GetProvider", AUTH_PROVIDER_MANAGE, get),
    READ("ListProviders", AUTH_PROVIDER_MANAGE, list),
    READ("DeleteProvider", AUTH_PROVIDER_MANAGE, delete, .administers = true),
    READ("GetProviderCredentials", AUTH_PROVIDER_MANAGE, keep_credentials),
};

const struct grpc_methods grpc_provider_methods = {OPENSHELL_SERVICE, methods,
                                                   sizeof methods / sizeof *methods};
