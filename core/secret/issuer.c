/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/issuer.h"

#include <stdlib.h>
#include <string.h>

#include "auth/oidc/oidc.h"
#include "auth/token.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/percent.h"
#include "secret/fetch.h"

static int ask(const char *fetcher, struct oauth_request *request, json_t **answer,
               struct error *err)
{
    struct buf text = {0};
    int status = fetch_token(fetcher, request, &text, err);
    *answer = NULL;
    if (status >= 0)
        *answer = json_loadb(buf_str(&text), text.len, JSON_REJECT_DUPLICATES, NULL);
    if (status < 0)
        error_prefix(err, "%.200s", request->url);
    buf_wipe(&text);
    return status;
}

static const char *safe_url(const json_t *discovery, const char *name)
{
    const char *url = json_string_value(json_object_get(discovery, name));
    return url && oidc_url_is_safe(url) ? url : NULL;
}

int issuer_open(const char *fetcher, const char *name, struct issuer *out, struct error *err)
{
    size_t len = strlen(name);
    *out = (struct issuer){.fetcher = fetcher};
    if (!len || !oidc_url_is_safe(name))
        return error_set(err, ERROR_UPSTREAM, "the gateway's issuer '%.200s' is no https URL",
                         name);
    struct oauth_request request = {
        .url = alloc_printf("%.*s/.well-known/openid-configuration",
                            (int)(len - (name[len - 1] == '/')), name)};
    int status = ask(fetcher, &request, &out->discovery, err);
    const char *said = json_string_value(json_object_get(out->discovery, "issuer"));
    out->device_url = safe_url(out->discovery, "device_authorization_endpoint");
    out->token_url = safe_url(out->discovery, "token_endpoint");
    out->revoke_url = safe_url(out->discovery, "revocation_endpoint");
    if (status >= 0 && (status != 200 || !said || strcmp(said, name) != 0 || !out->token_url))
        status = error_set(err, ERROR_UPSTREAM, "%.200s does not describe the issuer '%.200s'",
                           request.url, name);
    oauth_request_free(&request);
    return status < 0 ? -1 : 0;
}

void issuer_free(struct issuer *issuer)
{
    json_decref(issuer->discovery);
}

int issuer_post(const char *fetcher, const char *url, const char *const *fields, json_t **answer,
                struct error *err)
{
    struct oauth_request request = {.url = alloc_str(url)};
    static const char type[] = "Content-Type: application/x-www-form-urlencoded";
    buf_add(&request.fields, type, sizeof type);
    for (; *fields; fields += 2) {
        if (!fields[1] || !*fields[1])
            continue;
        buf_printf(&request.body, "%s%s=", request.body.len ? "&" : "", fields[0]);
        percent_encode(&request.body, fields[1], strlen(fields[1]));
    }
    int status = ask(fetcher, &request, answer, err);
    oauth_request_free(&request);
    return status;
}

static void replace(char **old, const char *text)
{
    free(*old);
    *old = alloc_str(text);
}

/* An access token that is no JWT says nothing to the gateway; the ID token does. */
static const char *pick_token(const json_t *answer)
{
    const char *access = json_string_value(json_object_get(answer, "access_token"));
    const char *id = json_string_value(json_object_get(answer, "id_token"));
    return id && (!access || !jwt_is_one(access)) ? id : access;
}

/* 0: the answer does not tell, or tells what is no time. */
static int64_t expiry_ms(const json_t *answer)
{
    const json_t *value = json_object_get(answer, "expires_in");
    double seconds = json_number_value(value);
    return json_is_number(value) && seconds >= 0 && seconds < 1e11
                 ? clock_now_ms() + (int64_t)(seconds * 1000)
                 : 0;
}

int issuer_take_token(int status, const json_t *answer, struct issuer_grant *out,
                      struct error *err)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    const char *token = pick_token(answer), *refresh;
    if (status != 200 || !token)
        return error_set(err, ERROR_UPSTREAM, "%.80s", error ? error : "no token in its answer");
    /* With a line break in it, the issuer would write requests of its own into the connection to
     * the gateway. */
    if (!token_is_bearer(token))
        return error_set(err, ERROR_UPSTREAM,
                         "the issuer's answer has a token with characters that tokens do not have "
                         "(RFC 6750 section 2.1)");
    replace(&out->token, token);
    refresh = json_string_value(json_object_get(answer, "refresh_token"));
    if (refresh || !out->refresh)
        replace(&out->refresh, refresh ? refresh : "");
    out->expires_ms = expiry_ms(answer);
    return 0;
}

int issuer_revoke(const char *fetcher, const char *name, const char *client_id,
                  const struct issuer_grant *grant, struct error *err)
{
    bool refreshes = *grant->refresh;
    const char *const form[] = {"token", refreshes ? grant->refresh : grant->token,
                                "token_type_hint", refreshes ? "refresh_token" : "access_token",
                                "client_id", client_id, NULL};
    struct issuer issuer;
    json_t *answer = NULL;
    int status = issuer_open(fetcher, name, &issuer, err);
    if (status == 0 && !issuer.revoke_url)
        status = error_set(err, ERROR_UNSUPPORTED, "it has no revocation (RFC 7009)");
    if (status == 0)
        status = issuer_post(fetcher, issuer.revoke_url, form, &answer, err);
    if (status >= 0 && status != 200) {
        const char *said = json_string_value(json_object_get(answer, "error"));
        status =
            error_set(err, ERROR_UPSTREAM, "it refuses: %.80s", said ? said : "no reason given");
    }
    json_decref(answer);
    issuer_free(&issuer);
    return status < 0 ? -1 : 0;
}

int issuer_redeem(const struct issuer *issuer, const struct issuer_code *code,
                  struct issuer_grant *out, struct error *err)
{
    const char *const form[] = {"grant_type", "authorization_code", "code", code->code,
                                "redirect_uri", code->redirect_uri, "client_id", code->client_id,
                                "code_verifier", code->verifier, NULL};
    json_t *answer = NULL;
    int status = issuer_post(issuer->fetcher, issuer->token_url, form, &answer, err);
    int rc = status < 0 ? -1 : issuer_take_token(status, answer, out, err);
    json_decref(answer);
    return rc;
}

static void drop(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void issuer_grant_free(struct issuer_grant *grant)
{
    drop(grant->token);
    drop(grant->refresh);
    *grant = (struct issuer_grant){.token = NULL};
}
