/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of providers, which are built in: the methods about them. */
#include <string.h>

#include "base/buf.h"
#include "grpc/page.h"
#include "grpc/work.h"
#include "secret/profile.h"

static void put_keys(struct doc_writer *w, const struct secret_profile *profile)
{
    doc_write_key(w, "credentials");
    doc_write_open(w, DOC_LIST);
    for (const char *const *key = profile->keys; key && *key; key++) {
        doc_write_open(w, DOC_MAP);
        grpc_put_text(w, "name", *key);
        doc_write_key(w, "env_vars");
        doc_write_open(w, DOC_LIST);
        doc_write_text(w, *key);
        doc_write_close(w, DOC_LIST);
        doc_write_close(w, DOC_MAP);
    }
    doc_write_close(w, DOC_LIST);
}

static void put_places(struct doc_writer *w, const struct secret_profile *profile)
{
    doc_write_key(w, "endpoints");
    doc_write_open(w, DOC_LIST);
    for (const struct secret_place *p = profile->places; p && p->host; p++) {
        doc_write_open(w, DOC_MAP);
        grpc_put_text(w, "host", p->host);
        grpc_put_number(w, "port", p->port);
        doc_write_close(w, DOC_MAP);
    }
    doc_write_close(w, DOC_LIST);
}

static void put_profile(struct doc_writer *w, const struct secret_profile *profile)
{
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "id", profile->name);
    grpc_put_text(w, "display_name", profile->name);
    grpc_put_text(w, "description", profile->help);
    grpc_put_text(w, "category", "OTHER");
    put_keys(w, profile);
    put_places(w, profile);
    grpc_put_number(w, "resource_version", 1);
    grpc_put_text(w, "source", "builtin");
    doc_write_close(w, DOC_MAP);
}

static int list_profiles(struct grpc_work *work, struct doc_writer *w)
{
    const char *workspace;
    size_t offset, limit;
    if (grpc_workspace(work, &workspace) != 0 || grpc_page(work, &offset, &limit) != 0)
        return -1;
    doc_write_key(w, "profiles");
    doc_write_open(w, DOC_LIST);
    for (size_t i = offset; i < offset + limit && secret_profile_at(i); i++)
        put_profile(w, secret_profile_at(i));
    doc_write_close(w, DOC_LIST);
    if (secret_profile_at(offset + limit))
        grpc_put_next_page(w, offset + limit);
    return 0;
}

static int get_profile(struct grpc_work *work, struct doc_writer *w)
{
    const char *id, *workspace;
    if (grpc_required(work, "id", &id) != 0 || grpc_workspace(work, &workspace) != 0)
        return -1;
    const struct secret_profile *profile = secret_profile_find(id);
    if (!profile)
        return error_set(&work->err, ERROR_NOT_FOUND, "provider profile '%.100s' not found", id);
    doc_write_key(w, "profile");
    put_profile(w, profile);
    return 0;
}

/* ---- profiles that a client brings ---- */

#define BUILT_IN "the profiles of this gateway are built in"
#define USE_GENERIC                                                                                \
    "make a provider of the profile generic, and name it in credential_binding of the policy's "   \
    "endpoints"

struct finding {
    const char *source, *id;
    bool failed;
};

static const char *text_of(const struct doc_node *map, const char *field)
{
    const struct doc_node *value = map ? doc_get(map, field) : NULL;
    return value && value->text ? value->text : "";
}

static void put_finding(struct doc_writer *w, struct finding *of, const char *field,
                        const char *severity, const char *message)
{
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "source", of->source);
    grpc_put_text(w, "profile_id", of->id);
    grpc_put_text(w, "field", field);
    grpc_put_text(w, "message", message);
    grpc_put_text(w, "severity", severity);
    doc_write_close(w, DOC_MAP);
    of->failed |= strcmp(severity, "error") == 0;
}

static void lint_credentials(struct doc_writer *w, struct finding *of,
                             const struct doc_node *credentials)
{
    char field[64];
    for (size_t i = 0; credentials && i < credentials->n; i++) {
        snprintf(field, sizeof field, "credentials[%zu].name", i);
        const char *name = text_of(credentials->items[i], "name");
        if (!*name)
            put_finding(w, of, field, "error",
                        "name is required: say how the credential is called");
        for (size_t j = 0; *name && j < i; j++)
            if (strcmp(name, text_of(credentials->items[j], "name")) == 0) {
                put_finding(w, of, field, "error",
                            "another credential has this name: take one of its own");
                break;
            }
    }
}

static void lint_endpoints(struct doc_writer *w, struct finding *of,
                           const struct doc_node *endpoints)
{
    char field[64];
    for (size_t i = 0; endpoints && i < endpoints->n; i++) {
        snprintf(field, sizeof field, "endpoints[%zu].host", i);
        if (!*text_of(endpoints->items[i], "host"))
            put_finding(w, of, field, "error",
                        "host is required: say where the credential is sent");
    }
}

/* True: it can be read. */
static bool lint(struct doc_writer *w, const struct doc_node *item)
{
    const struct doc_node *profile = doc_get(item, "profile");
    struct finding of = {text_of(item, "source"), text_of(profile, "id"), false};
    if (!profile) {
        put_finding(w, &of, "profile", "error", "profile is required");
        return false;
    }
    if (!*of.id)
        put_finding(w, &of, "id", "error", "id is required: say how the profile is called");
    lint_credentials(w, &of, doc_get(profile, "credentials"));
    lint_endpoints(w, &of, doc_get(profile, "endpoints"));
    put_finding(w, &of, "", "warning", BUILT_IN ", and none is imported: " USE_GENERIC);
    return !of.failed;
}

static int lint_profiles(struct grpc_work *work, struct doc_writer *w)
{
    const struct doc_node *items = doc_get(work->request, "profiles");
    const char *workspace;
    bool valid = true;
    if (grpc_workspace(work, &workspace) != 0)
        return -1;
    if (!items || !items->n)
        return error_set(&work->err, ERROR_MALFORMED, "profiles is required");
    doc_write_key(w, "diagnostics");
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < items->n; i++)
        valid &= lint(w, items->items[i]);
    doc_write_close(w, DOC_LIST);
    doc_write_key(w, "valid");
    doc_write_bool(w, valid);
    return 0;
}

static int refuse_profiles(struct grpc_work *work, struct doc_writer *w)
{
    (void)w;
    return error_set(&work->err, ERROR_UNSUPPORTED,
                     BUILT_IN ", and none is imported or updated: " USE_GENERIC);
}

static int delete_profile(struct grpc_work *work, struct doc_writer *w)
{
    const char *id, *workspace;
    if (grpc_required(work, "id", &id) != 0 || grpc_workspace(work, &workspace) != 0)
        return -1;
    if (secret_profile_find(id))
        return error_set(&work->err, ERROR_STATE,
                         "provider profile '%.100s' cannot be deleted: " BUILT_IN, id);
    if (!grpc_flag(work, "allow_missing"))
        return error_set(&work->err, ERROR_NOT_FOUND, "provider profile '%.100s' not found", id);
    grpc_put_text(w, "outcome", "ALREADY_ABSENT");
    return 0;
}

static const struct grpc_method methods[] = {
    READ("ListProviderProfiles", AUTH_SANDBOX_READ, list_profiles),
    READ("GetProviderProfile", AUTH_SANDBOX_READ, get_profile),
    READ("LintProviderProfiles", AUTH_SANDBOX_READ, lint_profiles),
    READ("ImportProviderProfiles", AUTH_PROVIDER_MANAGE, refuse_profiles),
    READ("UpdateProviderProfiles", AUTH_PROVIDER_MANAGE, refuse_profiles),
    READ("DeleteProviderProfile", AUTH_PROVIDER_MANAGE, delete_profile),
};

const struct grpc_methods grpc_profile_methods = {OPENSHELL_SERVICE, methods,
                                                  sizeof methods / sizeof *methods};
