/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/credentials/providers.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "runtime/credentials/providers_parts.h"
#include "secret/oauth.h"
#include "secret/placeholder.h"
#include "secret/profile.h"

/* ---- what is asked for ---- */

static int check_name(const char *name, struct error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t len = strlen(name);
    if (len && len <= PROVIDER_NAME_MAX && strspn(name, letters) == len && *name != '-')
        return 0;
    return error_set(err, ERROR_INVALID,
                     "the name of a provider is 1 to %d of a-z, 0-9, '-' and '_', and does not "
                     "begin with '-'", PROVIDER_NAME_MAX);
}

/* Names that a sandbox sets itself, or that change which program runs. */
static const char *name_refused(const char *name)
{
    static const char *const own[] = {"HOME",       "USER",    "SHELL",    "PATH",   "TERM",
                                      "ALL_PROXY",  "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY",
                                      "all_proxy",  "no_proxy", "http_proxy", "https_proxy",
                                      "grpc_proxy", "NODE_USE_ENV_PROXY", "NODE_EXTRA_CA_CERTS",
                                      "DENO_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
                                      "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"};
    const char *why = text_env_name_refused(name);
    if (!why && strlen(name) > SECRET_NAME_MAX)
        why = "its name is longer than 128 bytes";
    if (!why && strncmp(name, "LD_", 3) == 0)
        why = "names that begin with LD_ are the dynamic linker's";
    for (size_t i = 0; !why && i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i], name) == 0)
            why = "the sandbox sets it itself";
    return why;
}

static int check_value(const struct secret_profile *profile, const struct provider_value *v,
                       struct error *err)
{
    const char *why = name_refused(v->name);
    if (why)
        return error_set(err, ERROR_INVALID, "credential %.80s: %s", v->name, why);
    if (!secret_profile_has_key(profile, v->name)) {
        struct buf known = {0};
        for (const char *const *at = profile->keys; *at; at++)
            buf_printf(&known, "%s%s", at == profile->keys ? "" : ", ", *at);
        error_set(err, ERROR_INVALID, "credential %.80s: profile %s has %s; profile generic takes "
                  "any name", v->name, profile->name, known.data);
        buf_free(&known);
        return -1;
    }
    if ((why = secret_value_refused(v->value)) ||
        (secret_has_trace(v->value, strlen(v->value)) && (why = "it is itself a placeholder")))
        return error_set(err, ERROR_INVALID, "the value of credential %s: %s", v->name, why);
    return 0;
}

static int check_values(const struct secret_profile *profile, const struct provider_values *values,
                        struct error *err)
{
    if (!values->n || values->n > PROVIDER_VALUES_MAX)
        return error_set(err, ERROR_INVALID, "give 1 to %d credentials, not %zu",
                         PROVIDER_VALUES_MAX, values->n);
    for (size_t i = 0; i < values->n; i++)
        if (check_value(profile, &values->items[i], err) != 0)
            return -1;
    return 0;
}

static int find_profile(const char *name, const struct secret_profile **out, struct error *err)
{
    *out = secret_profile_find(name);
    return *out ? 0 : error_set(err, ERROR_INVALID, "profile '%.80s' is unknown: it is one of "
                                SECRET_PROFILE_NAMES, name);
}

/* ---- writing ---- */

struct change {
    const struct providers *p;
    struct arena *arena;
    const char *name;
    const struct store_sandbox *sandbox;
    struct store_provider provider;
    struct store_credential *sealed;
    size_t n;
};

static int write_sealed(struct store_tx *tx, void *arg, struct error *err)
{
    const struct change *change = arg;
    for (size_t i = 0; i < change->n; i++)
        if (store_tx_credential_put(tx, &change->sealed[i], err) != 0)
            return -1;
    return 0;
}

static int write_new(struct store_tx *tx, void *arg, struct error *err)
{
    struct change *change = arg;
    if (store_tx_provider_insert(tx, &change->provider, err) != 0)
        return -1;
    return write_sealed(tx, change, err);
}

static void seal_values(struct change *change, const struct provider_values *values)
{
    change->sealed = arena_alloc(change->arena, (values->n + 1) * sizeof *change->sealed);
    change->n = values->n;
    for (size_t i = 0; i < values->n; i++) {
        const struct provider_value *v = &values->items[i];
        const struct secret_owner owner = {change->provider.id, v->name};
        char *sealed = secret_seal(change->p->key, &owner, v->value);
        change->sealed[i] = (struct store_credential){
            change->provider.id, v->name, arena_str(change->arena, sealed)};
        free(sealed);
    }
}

int providers_create(const struct providers *p, const char *name, const char *profile_name,
                     const struct provider_values *values, struct arena *arena, struct error *err)
{
    const struct secret_profile *profile;
    char id[UUID_SIZE];
    if (check_name(name, err) != 0 || find_profile(profile_name, &profile, err) != 0 ||
        check_values(profile, values, err) != 0)
        return -1;
    struct change change = {.p = p, .arena = arena, .name = name,
                            .provider = {.id = arena_str(arena, digest_uuid(id)), .name = name,
                                         .profile = profile->name,
                                         .labels_json = values->labels_json,
                                         .config_json = values->config_json,
                                         .created_at_ms = clock_now_ms()}};
    seal_values(&change, values);
    return store_write(p->store, write_new, &change, err);
}

static bool has_credential(const struct provider_facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->n_credentials; i++)
        if (strcmp(facts->credentials[i].name, name) == 0)
            return true;
    return false;
}

static int write_rotation(struct store_tx *tx, void *arg, struct error *err)
{
    struct change *change = arg;
    if (store_tx_provider_rotated(tx, change->provider.id, clock_now_ms(), err) != 0 ||
        store_tx_provider_notes(tx, &change->provider, err) != 0)
        return -1;
    return write_sealed(tx, change, err);
}

/* ---- fetched ---- */

static int check_parts(const struct secret_profile *profile, const json_t *parts,
                       struct error *err)
{
    const char *outputs[OAUTH_VALUES_MAX + 1];
    if (oauth_check(parts, err) != 0)
        return -1;
    oauth_outputs(parts, outputs);
    for (size_t i = 0; outputs[i]; i++)
        if (check_value(profile, &(struct provider_value){outputs[i], "fetched"}, err) != 0)
            return -1;
    return 0;
}

/* The rows of the parts and of the outputs that have none. */
static int write_parts(struct change *change, const json_t *parts, const struct provider_facts *had,
                       store_write_fn write, struct error *err)
{
    const char *outputs[OAUTH_VALUES_MAX + 1];
    struct provider_value values[OAUTH_VALUES_MAX + 1];
    size_t n = 0;
    char *text = json_dumps(parts, JSON_COMPACT);
    oauth_outputs(parts, outputs);
    values[n++] = (struct provider_value){PROVIDER_PARTS_ROW, text};
    for (size_t i = 0; outputs[i]; i++)
        if (!had || !has_credential(had, outputs[i]))
            values[n++] = (struct provider_value){outputs[i], ""};
    int rc = strlen(text) <= SECRET_VALUE_MAX
                 ? 0 : error_set(err, ERROR_INVALID, "the parts of a refresh have at most %d bytes",
                                 SECRET_VALUE_MAX);
    if (rc == 0) {
        seal_values(change, &(struct provider_values){.items = values, .n = n});
        rc = store_write(change->p->store, write, change, err);
    }
    explicit_bzero(text, strlen(text));
    free(text);
    return rc;
}

static json_t *parts_of(const struct provider_values *list)
{
    json_t *parts = json_object();
    for (size_t i = 0; i < list->n; i++)
        json_object_set_new(parts, list->items[i].name, json_string(list->items[i].value));
    return parts;
}

int providers_create_fetched(const struct providers *p, const char *name, const char *profile_name,
                             const struct provider_values *list, struct arena *arena,
                             struct error *err)
{
    const struct secret_profile *profile;
    char id[UUID_SIZE];
    json_t *parts = parts_of(list);
    int rc = check_name(name, err) != 0 || find_profile(profile_name, &profile, err) != 0 ||
                     check_parts(profile, parts, err) != 0 ? -1 : 0;
    struct change change = {.p = p, .arena = arena, .name = name,
                            .provider = {.id = arena_str(arena, digest_uuid(id)), .name = name,
                                         .profile = rc == 0 ? profile->name : "",
                                         .created_at_ms = clock_now_ms()}};
    if (rc == 0)
        rc = write_parts(&change, parts, NULL, write_new, err);
    json_decref(parts);
    return rc;
}

int providers_fetch(const struct providers *p, const struct provider_facts *facts,
                    const struct provider_values *list, struct arena *arena, struct error *err)
{
    const struct secret_profile *profile;
    struct change change = {.p = p, .arena = arena, .name = facts->provider.name,
                            .provider = facts->provider};
    json_t *parts = parts_of(list);
    int rc = find_profile(facts->provider.profile, &profile, err) != 0 ||
                     check_parts(profile, parts, err) != 0 ? -1 : 0;
    if (rc == 0)
        rc = write_parts(&change, parts, facts, write_rotation, err);
    json_decref(parts);
    return rc;
}

static int remove_parts(struct store_tx *tx, void *provider_id, struct error *err)
{
    return store_tx_credential_delete(tx, provider_id, PROVIDER_PARTS_ROW, err) ||
                   store_tx_credential_delete(tx, provider_id, PROVIDER_STATUS_ROW, err)
               ? -1
               : 0;
}

int providers_fetch_no_more(const struct providers *p, const struct provider_facts *facts,
                            struct error *err)
{
    return store_write(p->store, remove_parts, (void *)(uintptr_t)facts->provider.id, err);
}

/* ---- reading ---- */

/* Apart from values of variables. */
static void take_own_rows(struct provider_facts *out, struct arena *arena)
{
    struct store_credential *own = arena_alloc(arena, (out->n_credentials + 1) * sizeof *own);
    size_t n = 0, n_own = 0;
    out->refresh = out->status = NULL;
    for (size_t i = 0; i < out->n_credentials; i++) {
        const struct store_credential *c = &out->credentials[i];
        if (provider_is_value(c)) {
            out->credentials[n++] = *c;
            continue;
        }
        own[n_own] = *c;
        *(provider_is_parts(c) ? &out->refresh : &out->status) = &own[n_own];
        n_own++;
    }
    out->n_credentials = n;
}

int providers_get(const struct providers *p, const char *name, struct arena *arena,
                  struct provider_facts *out, struct error *err)
{
    if (store_provider_get(p->store, name, arena, &out->provider, err) != 0 ||
        store_credential_list(p->store, out->provider.id, arena, &out->credentials,
                              &out->n_credentials, err) != 0)
        return -1;
    take_own_rows(out, arena);
    return store_attachment_list(p->store, out->provider.id, NULL, arena, &out->attachments,
                                 &out->n_attachments, err);
}

/* ---- rotate ---- */

static bool has_notes(const struct provider_values *values)
{
    return values->labels_json || values->config_json;
}

int providers_rotate(const struct providers *p, const char *name,
                     const struct provider_values *values, struct arena *arena, struct error *err)
{
    const struct secret_profile *profile;
    struct provider_facts facts;
    if (providers_get(p, name, arena, &facts, err) != 0 ||
        find_profile(facts.provider.profile, &profile, err) != 0 ||
        ((values->n || !has_notes(values)) && check_values(profile, values, err) != 0))
        return -1;
    for (size_t i = 0; i < values->n; i++)
        if (!has_credential(&facts, values->items[i].name))
            return error_set(err, ERROR_INVALID,
                             "provider '%s' has no credential %.80s: `sluice provider get %s` "
                             "shows those that it has", name, values->items[i].name, name);
    struct change change = {.p = p, .arena = arena, .name = name, .provider = facts.provider};
    if (values->labels_json)
        change.provider.labels_json = values->labels_json;
    if (values->config_json)
        change.provider.config_json = values->config_json;
    seal_values(&change, values);
    return store_write(p->store, write_rotation, &change, err);
}

/* ---- what a policy binds ---- */

/* 1: the newest policy of the sandbox names the provider, and err says where; 0; -1. */
static int policy_binds(const struct providers *p, const struct store_sandbox *sandbox,
                        const char *name, struct arena *arena, struct error *err)
{
    struct store_revision r;
    struct problems problems = {0};
    if (store_revision_get(p->store, sandbox->id, 0, arena, &r, err) != 0)
        return err->kind == ERROR_NOT_FOUND ? 0 : -1;
    struct policy *policy = policy_parse(r.policy_json, strlen(r.policy_json), DOC_JSON, &problems);
    problems_free(&problems);
    if (!policy)
        return error_set(err, ERROR_INTERNAL, "the policy of sandbox '%s' cannot be read",
                         sandbox->name);
    const struct sluice_policy *model = policy_model(policy);
    int found = 0;
    for (size_t i = 0; i < model->n_rules && !found; i++)
        for (size_t j = 0; j < model->rules[i]->n_endpoints && !found; j++)
            if (strcmp(model->rules[i]->endpoints[j]->credential_provider, name) == 0) {
                error_set(err, ERROR_STATE,
                          "the policy of sandbox '%s' (revision %llu) binds provider '%s' in "
                          "rule '%s' (%s.credential_binding): change the policy first",
                          sandbox->name, (unsigned long long)r.revision, name,
                          model->rules[i]->key, model->rules[i]->endpoints[j]->doc_path);
                found = 1;
            }
    policy_unref(policy);
    return found;
}

static int any_policy_binds(const struct providers *p, const char *name, struct arena *arena,
                            struct error *err)
{
    struct store_sandbox *list;
    size_t n;
    int found = store_sandbox_list(p->store, arena, &list, &n, err);
    for (size_t i = 0; i < n && found == 0; i++)
        found = policy_binds(p, &list[i], name, arena, err);
    return found;
}

int providers_keep_status(const struct providers *p, const struct provider_facts *facts,
                          const json_t *status, struct arena *arena, struct error *err)
{
    char *text = json_dumps(status, JSON_COMPACT);
    const struct provider_value value = {PROVIDER_STATUS_ROW, text};
    struct change change = {.p = p, .arena = arena, .name = facts->provider.name,
                            .provider = facts->provider};
    seal_values(&change, &(struct provider_values){.items = &value, .n = 1});
    free(text);
    return store_write(p->store, write_sealed, &change, err);
}

int providers_renew(const struct providers *p, const struct provider_facts *facts,
                    const struct provider_values *values, const json_t *parts,
                    struct arena *arena, struct error *err)
{
    struct provider_value all[OAUTH_VALUES_MAX + 1];
    size_t n = values->n;
    char *text = parts ? json_dumps(parts, JSON_COMPACT) : NULL;
    struct change change = {.p = p, .arena = arena, .name = facts->provider.name,
                            .provider = facts->provider};
    memcpy(all, values->items, n * sizeof *all);
    if (text)
        all[n++] = (struct provider_value){PROVIDER_PARTS_ROW, text};
    seal_values(&change, &(struct provider_values){.items = all, .n = n});
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    return store_write(p->store, write_rotation, &change, err);
}

/* ---- delete ---- */

static int write_deletion(struct store_tx *tx, void *arg, struct error *err)
{
    const struct change *change = arg;
    struct store_attachment *list;
    size_t n;
    if (store_tx_attachment_list(tx, change->provider.id, NULL, change->arena, &list, &n, err) != 0)
        return -1;
    if (n)
        return error_set(err, ERROR_STATE,
                         "provider '%s' is attached to sandbox '%s'%s: run `sluice provider "
                         "detach %s --sandbox %s` first", change->name, list[0].sandbox,
                         n > 1 ? " and others" : "", change->name, list[0].sandbox);
    return store_tx_provider_delete(tx, change->provider.id, err);
}

int providers_delete(const struct providers *p, const char *name, struct arena *arena,
                     struct error *err)
{
    struct change change = {.p = p, .arena = arena, .name = name};
    if (store_provider_get(p->store, name, arena, &change.provider, err) != 0 ||
        any_policy_binds(p, name, arena, err) != 0)
        return -1;
    return store_write(p->store, write_deletion, &change, err);
}

/* ---- attach and detach ---- */

/* No other provider of the sandbox gives it a variable of the same name. */
static int check_names(struct store_tx *tx, const struct change *change, struct error *err)
{
    struct store_attachment *list;
    struct store_credential *own, *others;
    size_t n_list, n_own, n_others, total;
    if (store_tx_credential_list(tx, change->provider.id, change->arena, &own, &n_own, err) != 0 ||
        store_tx_attachment_list(tx, NULL, change->sandbox->id, change->arena, &list, &n_list,
                                 err) != 0)
        return -1;
    total = n_own;
    for (size_t i = 0; i < n_list; i++) {
        if (strcmp(list[i].provider_id, change->provider.id) == 0)
            continue;
        if (store_tx_credential_list(tx, list[i].provider_id, change->arena, &others, &n_others,
                                     err) != 0)
            return -1;
        total += n_others;
        for (size_t k = 0; k < n_own * n_others; k++)
            if (strcmp(own[k / n_others].name, others[k % n_others].name) == 0 &&
                provider_is_value(&own[k / n_others]))
                return error_set(err, ERROR_STATE,
                                 "sandbox '%s' has %s from provider '%s' already: detach that one "
                                 "first", change->sandbox->name, own[k / n_others].name,
                                 list[i].provider);
    }
    if (total > PROVIDER_SANDBOX_VALUES_MAX)
        return error_set(err, ERROR_LIMIT, "sandbox '%s' would have %zu credentials, at most %d "
                         "are possible", change->sandbox->name, total, PROVIDER_SANDBOX_VALUES_MAX);
    return 0;
}

static int write_attachment(struct store_tx *tx, void *arg, struct error *err)
{
    const struct change *change = arg;
    char handle[DIGEST_HEX_SIZE];
    const struct store_attachment attachment = {.provider_id = change->provider.id,
                                                .sandbox_id = change->sandbox->id,
                                                .handle = digest_secret(handle),
                                                .at_ms = clock_now_ms()};
    if (check_names(tx, change, err) != 0)
        return -1;
    return store_tx_attachment_add(tx, &attachment, err) < 0 ? -1 : 0;
}

int providers_attach(const struct providers *p, const char *name,
                     const struct store_sandbox *sandbox, struct arena *arena, struct error *err)
{
    struct change change = {.p = p, .arena = arena, .name = name, .sandbox = sandbox};
    if (store_provider_get(p->store, name, arena, &change.provider, err) != 0)
        return -1;
    return store_write(p->store, write_attachment, &change, err);
}

static int write_detachment(struct store_tx *tx, void *arg, struct error *err)
{
    const struct change *change = arg;
    int rc = store_tx_attachment_delete(tx, change->provider.id, change->sandbox->id, err);
    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "provider '%s' is not attached to sandbox '%s'",
                         change->name, change->sandbox->name);
    return rc < 0 ? -1 : 0;
}

int providers_detach(const struct providers *p, const char *name,
                     const struct store_sandbox *sandbox, struct arena *arena, struct error *err)
{
    struct change change = {.p = p, .arena = arena, .name = name, .sandbox = sandbox};
    if (store_provider_get(p->store, name, arena, &change.provider, err) != 0 ||
        policy_binds(p, sandbox, name, arena, err) != 0)
        return -1;
    return store_write(p->store, write_detachment, &change, err);
}
