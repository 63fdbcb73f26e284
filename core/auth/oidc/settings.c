/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "auth/oidc/oidc.h"

bool oidc_url_is_safe(const char *url)
{
    static const char *const near[] = {"http://127.0.0.1", "http://[::1]", "http://localhost"};
    for (const char *c = url; *c; c++)
        if (*c <= ' ' || *c > '~' || strchr("\"@\\", *c))
            return false;
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        size_t len = strlen(near[i]);
        if (strncasecmp(url, near[i], len) == 0 && strchr(":/", url[len]))
            return true;
    }
    return strncasecmp(url, "https://", 8) == 0 && url[8] && url[8] != '/';
}

static int decode_roles(struct schema_decoder *d, const struct doc_node *map, void *record)
{
    struct oidc_settings *s = record;
    if (map->kind != DOC_MAP || !map->n)
        return schema_problem(d, map, "must be a map of values of the claim to roles");
    struct oidc_role *roles = arena_zalloc(schema_arena(d), map->n * sizeof *roles);
    for (size_t i = 0; i < map->n; i++) {
        roles[i].value = arena_str(schema_arena(d), map->keys[i]->text);
        if (schema_text(d, map->items[i], &roles[i].role) != 0)
            return -1;
    }
    s->roles = roles;
    s->n_roles = map->n;
    return 0;
}

static int check(struct schema_decoder *d, void *record)
{
    const struct oidc_settings *s = record;
    if (!oidc_url_is_safe(s->issuer) || strpbrk(s->issuer, "?#"))
        return schema_problem(d, NULL,
                              "an issuer is https://HOST/... without a query, or http:// on this "
                              "machine's loopback address, not '%s'", s->issuer);
    return 0;
}

static const struct schema_field fields[] = {
    {"issuer", SCHEMA_TEXT, offsetof(struct oidc_settings, issuer), .flags = SCHEMA_REQUIRED,
     .help = "Its URL: iss of its tokens, below which /.well-known/openid-configuration is"},
    {"audience", SCHEMA_TEXT, offsetof(struct oidc_settings, audience),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY, .help = "Whom its tokens must be for: aud"},
    {"client_id", SCHEMA_TEXT, offsetof(struct oidc_settings, client_id), .fallback = "sluice",
     .flags = SCHEMA_NONEMPTY, .help = "As what 'sluice login' is known to the issuer"},
    {"scopes", SCHEMA_TEXT, offsetof(struct oidc_settings, scopes),
     .fallback = "openid profile offline_access",
     .help = "What 'sluice login' asks the issuer for"},
    {"roles_claim", SCHEMA_TEXT, offsetof(struct oidc_settings, roles_claim), .fallback = "roles",
     .flags = SCHEMA_NONEMPTY,
     .help = "The claim that says what somebody is, or the way to it: realm_access.roles"},
    {"name_claim", SCHEMA_TEXT, offsetof(struct oidc_settings, name_claim), .fallback = "sub",
     .flags = SCHEMA_NONEMPTY,
     .help = "Who somebody is, in records: a claim that people cannot choose themselves"},
    {"roles", SCHEMA_CUSTOM, .flags = SCHEMA_REQUIRED, .decode = decode_roles,
     .help = "Values of roles_claim, and the role that each gives; of several, the one that may "
             "do most"},
    {0},
};
const struct schema oidc_settings_schema = {
    .name = "oidc", .size = sizeof(struct oidc_settings), .fields = fields, .finish = check};

bool oidc_settings_same(const struct oidc_settings *a, const struct oidc_settings *b)
{
    if (!a || !b)
        return a == b;
    if (strcmp(a->issuer, b->issuer) != 0 || strcmp(a->audience, b->audience) != 0 ||
        strcmp(a->client_id, b->client_id) != 0 || strcmp(a->scopes, b->scopes) != 0 ||
        strcmp(a->roles_claim, b->roles_claim) != 0 || strcmp(a->name_claim, b->name_claim) != 0 ||
        a->n_roles != b->n_roles)
        return false;
    for (size_t i = 0; i < a->n_roles; i++)
        if (strcmp(a->roles[i].value, b->roles[i].value) != 0 ||
            strcmp(a->roles[i].role, b->roles[i].role) != 0)
            return false;
    return true;
}
