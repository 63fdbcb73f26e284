/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/oidc/oidc.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"

enum {
    KNOWN_MAX = 64,                                 /* tokens whose signature was verified */
    CLOCK_SKEW_MS = 60 * 1000,                      /* by which an issuer's clock may be ahead */
};

struct known {
    char digest[DIGEST_HEX_SIZE];
    struct auth_principal who;                      /* of kind AUTH_NOBODY: the place is free */
};

struct oidc {
    const struct oidc_settings *settings;
    struct oidc_keys *keys;
    char *authorization_url;                        /* NULL: not known */
    bool (*missed)(void *ctx);
    void *ctx;
    struct known known[KNOWN_MAX];
};

struct oidc *oidc_new(const struct oidc_settings *settings, bool (*missed)(void *ctx), void *ctx)
{
    struct oidc *oidc = alloc_zero(1, sizeof *oidc);
    oidc->settings = settings;
    oidc->missed = missed;
    oidc->ctx = ctx;
    return oidc;
}

void oidc_free(struct oidc *oidc)
{
    if (oidc) {
        oidc_keys_free(oidc->keys);
        free(oidc->authorization_url);
    }
    free(oidc);
}

void oidc_set_authorization_url(struct oidc *oidc, const char *url)
{
    free(oidc->authorization_url);
    oidc->authorization_url = alloc_str(url);
}

const char *oidc_authorization_url(const struct oidc *oidc)
{
    return oidc->authorization_url ? oidc->authorization_url : "";
}

const struct oidc_settings *oidc_settings_of(const struct oidc *oidc)
{
    return oidc->settings;
}

void oidc_set_keys(struct oidc *oidc, struct oidc_keys *keys)
{
    oidc_keys_free(oidc->keys);
    oidc->keys = keys;
    memset(oidc->known, 0, sizeof oidc->known);
}

/* ---- claims ---- */

/* A claim by its name, or by the way to it: realm_access.roles. */
static const json_t *find_claim(const json_t *claims, const char *path)
{
    const json_t *whole = json_object_get(claims, path);
    while (!whole && claims) {
        const char *dot = strchrnul(path, '.');
        claims = json_object_getn(claims, path, (size_t)(dot - path));
        if (!*dot)
            return claims;
        path = dot + 1;
    }
    return whole;
}

static const char *text_claim(const struct jwt *jwt, const char *name)
{
    const char *text = json_string_value(json_object_get(jwt->claims, name));
    return text ? text : "";
}

/* Numbers of seconds may have a fraction.  -1: it is not there, or no such number. */
static int64_t time_claim_ms(const struct jwt *jwt, const char *name)
{
    const json_t *value = json_object_get(jwt->claims, name);
    double seconds = json_number_value(value);
    return json_is_number(value) && seconds >= 0 && seconds < 1e11 ? (int64_t)(seconds * 1000) : -1;
}

static bool has_text(const json_t *claim, const char *text)
{
    const json_t *one;
    size_t i;
    if (json_is_string(claim))
        return strcmp(json_string_value(claim), text) == 0;
    json_array_foreach(claim, i, one)
        if (json_is_string(one) && strcmp(json_string_value(one), text) == 0)
            return true;
    return false;
}

static int refuse(struct error *err, const char *why)
{
    return error_set(err, ERROR_UNAUTHORIZED, "%s", why);
}

static int check_times(const struct jwt *jwt, int64_t now_ms, struct error *err)
{
    int64_t expires = time_claim_ms(jwt, "exp"), not_before = time_claim_ms(jwt, "nbf");
    if (expires < 0)
        return refuse(err, "the token has no end (exp): one that does not expire is not accepted");
    if (expires <= now_ms)
        return refuse(err, "the token has expired: log in again (sluice login)");
    if (json_object_get(jwt->claims, "nbf") &&
        (not_before < 0 || not_before > now_ms + CLOCK_SKEW_MS))
        return refuse(err, "the token is not valid yet (nbf): does the gateway's clock go right?");
    return 0;
}

static int check_claims(const struct oidc_settings *s, const struct jwt *jwt, int64_t now_ms,
                        struct error *err)
{
    if (strcmp(text_claim(jwt, "iss"), s->issuer) != 0)
        return error_set(err, ERROR_UNAUTHORIZED, "the token is not of the issuer %.200s (iss)",
                         s->issuer);
    if (!has_text(json_object_get(jwt->claims, "aud"), s->audience))
        return error_set(err, ERROR_UNAUTHORIZED, "the token is not for the audience %.200s (aud)",
                         s->audience);
    return check_times(jwt, now_ms, err);
}

/* ---- who it is ---- */

/* Fit for records and for a list of shares, and no name that the gateway itself gives. */
static bool is_name(const char *name)
{
    if (!*name || strlen(name) >= sizeof((struct auth_principal){0}.name) ||
        strncmp(name, "uid:", 4) == 0 || strncmp(name, "sandbox:", 8) == 0)
        return false;
    for (const char *c = name; *c; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return true;
}

static int count_permissions(const struct auth_powers *powers)
{
    return __builtin_popcount(powers->all) + __builtin_popcount(powers->own);
}

/* Of several roles, the one that may do most. */
static bool find_powers(const struct oidc_settings *s, const json_t *claim,
                        struct auth_roles *roles, struct auth_powers *out)
{
    bool found = false;
    for (size_t i = 0; i < s->n_roles; i++) {
        if (!has_text(claim, s->roles[i].value))
            continue;
        const struct auth_powers powers = auth_roles_powers(roles, s->roles[i].role);
        if (!found || count_permissions(&powers) > count_permissions(out))
            *out = powers;
        found = true;
    }
    return found;
}

static int recognise(const struct oidc_settings *s, const struct jwt *jwt,
                     struct auth_roles *roles, struct auth_principal *out, struct error *err)
{
    struct auth_powers powers;
    const char *name = json_string_value(find_claim(jwt->claims, s->name_claim));
    if (!name || !is_name(name))
        return error_set(err, ERROR_UNAUTHORIZED,
                         "the token's claim %.60s is no name for records: 1 to 127 printable ASCII "
                         "characters without spaces are needed", s->name_claim);
    if (!find_powers(s, find_claim(jwt->claims, s->roles_claim), roles, &powers))
        return error_set(err, ERROR_FORBIDDEN,
                         "%s has no role here: no value of the token's claim %.60s is among those "
                         "of auth.oidc.roles", name, s->roles_claim);
    auth_principal_by_oidc(out, name, &powers, "");
    out->until_ms = time_claim_ms(jwt, "exp");
    return 0;
}

static int check_signature(struct oidc *oidc, const struct jwt *jwt, struct error *err)
{
    switch (oidc_keys_check(oidc->keys, jwt)) {
    case OIDC_SIGNED:
        return 0;
    case OIDC_FORGED:
        return refuse(err, "the token's signature is wrong");
    case OIDC_NO_KEY:
        break;
    }
    if (oidc->missed(oidc->ctx))
        return error_set(err, ERROR_NOT_YET, "the keys of %.200s are being fetched: try again",
                         oidc->settings->issuer);
    return error_set(err, ERROR_UNAUTHORIZED,
                     "the token is signed by a key that %.200s does not publish",
                     oidc->settings->issuer);
}

static int look_at(struct oidc *oidc, const char *token, int64_t now_ms,
                   struct auth_roles *roles, struct auth_principal *out, struct error *err)
{
    struct jwt jwt;
    int rc = jwt_read(token, &jwt, err);
    if (rc == 0)
        rc = check_signature(oidc, &jwt, err);
    if (rc == 0)
        rc = check_claims(oidc->settings, &jwt, now_ms, err);
    if (rc == 0)
        rc = recognise(oidc->settings, &jwt, roles, out, err);
    jwt_free(&jwt);
    return rc;
}

/* The signature of a token that comes with each request is verified once. */
int oidc_identify(struct oidc *oidc, const char *token, int64_t now_ms,
                  struct auth_roles *roles, struct auth_principal *out, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    unsigned place = 0;
    digest_of(token, strlen(token), digest);
    sscanf(digest, "%2x", &place);
    struct known *known = &oidc->known[place % KNOWN_MAX];
    if (known->who.kind != AUTH_NOBODY && known->who.until_ms > now_ms &&
        strcmp(known->digest, digest) == 0) {
        *out = known->who;
        out->powers = auth_roles_powers(roles, known->who.powers.role);     /* as they are now */
        return 0;
    }
    if (look_at(oidc, token, now_ms, roles, out, err) != 0)
        return -1;
    memcpy(known->digest, digest, sizeof digest);
    known->who = *out;
    return 0;
}
