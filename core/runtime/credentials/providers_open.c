/* SPDX-License-Identifier: Apache-2.0 */
/* Values of providers, for supervisors and for the gateway itself. */
#include "base/log.h"
#include "runtime/credentials/providers.h"
#include "runtime/credentials/providers_parts.h"

static const char *open_value(const struct providers *p, const struct store_credential *c,
                              const char *provider, const struct log *log, struct arena *arena)
{
    struct error err;
    const struct secret_owner owner = {c->provider_id, c->name};
    char *value = secret_open(p->key, &owner, c->sealed, &err);
    if (!value)
        log_error(log, "provider %s: %s", provider, err.text);
    const char *copy = arena_str(arena, value ? value : "");
    secret_free(value);
    return copy;
}

const char *providers_value(const struct providers *p, const struct provider_facts *facts,
                            const char *name, struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < facts->n_credentials; i++) {
        const struct store_credential *c = &facts->credentials[i];
        const struct secret_owner owner = {c->provider_id, c->name};
        if (strcmp(c->name, name) != 0)
            continue;
        char *value = secret_open(p->key, &owner, c->sealed, err);
        const char *copy = value ? arena_str(arena, value) : NULL;
        secret_free(value);
        return copy;
    }
    error_set(err, ERROR_NOT_FOUND, "provider '%s' has no credential %s", facts->provider.name,
              name);
    return NULL;
}

int providers_open(const struct providers *p, const char *sandbox_id, const struct log *log,
                   struct arena *arena, struct secret_credential **out, size_t *n,
                   struct error *err)
{
    struct store_attachment *list;
    struct store_credential *credentials;
    size_t n_list, n_credentials, room = 0;
    *out = NULL;
    *n = 0;
    if (store_attachment_list(p->store, NULL, sandbox_id, arena, &list, &n_list, err) != 0)
        return -1;
    for (size_t i = 0; i < n_list; i++) {
        if (store_credential_list(p->store, list[i].provider_id, arena, &credentials,
                                  &n_credentials, err) != 0)
            return -1;
        for (size_t k = 0; k < n_credentials; k++) {
            if (!provider_is_value(&credentials[k]))
                continue;
            *out = arena_grow(arena, *out, *n, &room, sizeof **out);
            (*out)[(*n)++] = (struct secret_credential){
                list[i].provider, list[i].profile, credentials[k].name, list[i].handle,
                open_value(p, &credentials[k], list[i].provider, log, arena)};
        }
    }
    return 0;
}

/* ---- how they are fetched ---- */

json_t *providers_parts(const struct providers *p, const struct provider_facts *facts,
                        struct error *err)
{
    const struct secret_owner owner = {facts->provider.id, PROVIDER_PARTS_ROW};
    char *text = secret_open(p->key, &owner, facts->refresh->sealed, err);
    json_t *parts = text ? json_loads(text, 0, NULL) : NULL;
    if (text && !parts)
        error_set(err, ERROR_INTERNAL, "its parts cannot be read");
    secret_free(text);
    return parts;
}

json_t *providers_status(const struct providers *p, const struct provider_facts *facts)
{
    const struct secret_owner owner = {facts->provider.id, PROVIDER_STATUS_ROW};
    const char *sealed = facts->status ? facts->status->sealed : NULL;
    struct error ignored;
    char *text = sealed ? secret_open(p->key, &owner, sealed, &ignored) : NULL;
    json_t *status = text ? json_loads(text, 0, NULL) : NULL;
    secret_free(text);
    return status;
}

/* ---- what is told of a change ---- */

struct provider_change *providers_change(const struct provider_facts *facts, const char *change,
                                         const char *actor, const struct store_sandbox *one,
                                         struct arena *arena)
{
    struct provider_change *out = arena_zalloc(arena, sizeof *out);
    const char **ids = arena_alloc(arena, (facts->n_attachments + 1) * sizeof *ids);
    *out = (struct provider_change){.provider = facts->provider.name,
                                    .change = change,
                                    .actor = actor,
                                    .sandbox = one ? one->name : "",
                                    .sandbox_ids = ids};
    for (size_t i = 0; !one && i < facts->n_attachments; i++)
        ids[out->n++] = facts->attachments[i].sandbox_id;
    if (one)
        ids[out->n++] = one->id;
    return out;
}
