/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/oauth.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/percent.h"
#include "secret/seal.h"
#include "secret/sigv4.h"

#define GOOGLE_TOKENS "https://oauth2.googleapis.com/token"
#define JWT_GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"

enum strategy { REFRESH_TOKEN, CLIENT_CREDENTIALS, GOOGLE_JWT, AWS_STS, STRATEGY_COUNT };

/* A "?" stands before a part that may be left out. */
static const struct {
    const char *name;
    const char *parts[10];
} strategies[] = {
    [REFRESH_TOKEN] = {"oauth2_refresh_token",
                       {"output", "token_url", "refresh_token", "client_id", "?client_secret",
                        "?scope"}},
    [CLIENT_CREDENTIALS] = {"oauth2_client_credentials",
                            {"output", "token_url", "client_id", "client_secret", "?scope",
                             "?audience"}},
    [GOOGLE_JWT] = {"google_service_account_jwt",
                    {"output", "service_account", "scope", "?token_url"}},
    [AWS_STS] = {"aws_sts_assume_role",
                 {"role_arn", "region", "access_key_id", "secret_access_key", "?session_token",
                  "?session_name", "?duration_seconds", "?sts_url"}},
};

static const char *part(const json_t *parts, const char *name)
{
    const char *text = json_string_value(json_object_get(parts, name));
    return text ? text : "";
}

static int strategy_of(const json_t *parts)
{
    int i = 0;
    while (i < STRATEGY_COUNT && strcmp(strategies[i].name, part(parts, "strategy")) != 0)
        i++;
    return i;
}

void oauth_outputs(const json_t *parts, const char *out[OAUTH_VALUES_MAX + 1])
{
    static const char *const aws[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                      "AWS_SESSION_TOKEN", NULL};
    memcpy(out, aws, sizeof aws);
    if (strategy_of(parts) == AWS_STS)
        return;
    out[0] = part(parts, "output");
    out[1] = NULL;
}

/* ---- what it is made of ---- */

static bool is_loopback(const char *url)
{
    static const char *const hosts[] = {"http://127.0.0.1", "http://[::1]", "http://localhost"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t len = strlen(hosts[i]);
        if (strncasecmp(url, hosts[i], len) == 0 && strchr(":/", url[len]))
            return true;
    }
    return false;
}

static bool is_url(const char *url)
{
    return !strpbrk(url, " \t\r\n\"@\\") &&
           ((strncasecmp(url, "https://", 8) == 0 && url[8]) || is_loopback(url));
}

static bool is_known(int strategy, const char *name)
{
    for (const char *const *p = strategies[strategy].parts; *p; p++)
        if (strcmp(*p + (**p == '?'), name) == 0)
            return true;
    return strcmp(name, "strategy") == 0;
}

static int check_urls(const json_t *parts, struct error *err)
{
    static const char *const names[] = {"token_url", "sts_url"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (*part(parts, names[i]) && !is_url(part(parts, names[i])))
            return error_set(err, ERROR_INVALID, "%s has to be https://HOST/..., or http:// on "
                             "this machine's loopback address", names[i]);
    return 0;
}

int oauth_check(const json_t *parts, struct error *err)
{
    const char *name;
    json_t *value;
    int strategy = strategy_of(parts);
    if (strategy == STRATEGY_COUNT)
        return error_set(err, ERROR_INVALID, "the strategy of a refresh is one of "
                         OAUTH_STRATEGY_NAMES);
    for (const char *const *p = strategies[strategy].parts; *p; p++)
        if (**p != '?' && !*part(parts, *p))
            return error_set(err, ERROR_INVALID, "a refresh by %s needs %s",
                             strategies[strategy].name, *p);
    json_object_foreach((json_t *)parts, name, value)
        if (!is_known(strategy, name))
            return error_set(err, ERROR_INVALID, "a refresh by %s has no %.40s",
                             strategies[strategy].name, name);
    return check_urls(parts, err);
}

/* ---- forms ---- */

static void put_form(struct buf *out, const char *name, const char *value)
{
    if (!*value)
        return;
    buf_printf(out, "%s%s=", out->len ? "&" : "", name);
    percent_encode(out, value, strlen(value));
}

static void put_parts(struct buf *out, const json_t *parts, const char *const *names)
{
    for (; *names; names++)
        put_form(out, *names, part(parts, *names));
}

/* ---- Google: a token that the service account signs ---- */

static void put_base64url(struct buf *out, const void *bytes, size_t len)
{
    size_t from = out->len;
    base64_encode(bytes, len, out);
    for (size_t i = from; i < out->len; i++)
        out->data[i] = out->data[i] == '+' ? '-' : out->data[i] == '/' ? '_' : out->data[i];
    while (out->len > from && out->data[out->len - 1] == '=')
        out->data[--out->len] = '\0';
}

static int put_signature(struct buf *out, const char *pem)
{
    unsigned char signature[1024];
    size_t len = sizeof signature;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int rc = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
                     EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                     EVP_DigestSign(ctx, signature, &len, (unsigned char *)out->data, out->len) == 1
                 ? 0 : -1;
    if (rc == 0) {
        buf_putc(out, '.');
        put_base64url(out, signature, len);
    }
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return rc;
}

static int put_jwt(struct buf *out, const json_t *account, const char *scope, const char *audience,
                   int64_t now_ms)
{
    static const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
    json_t *claims = json_pack("{s:s, s:s, s:s, s:I, s:I}", "iss", part(account, "client_email"),
                               "scope", scope, "aud", audience, "iat",
                               (json_int_t)(now_ms / 1000), "exp",
                               (json_int_t)(now_ms / 1000 + 3600));
    char *text = json_dumps(claims, JSON_COMPACT);
    put_base64url(out, header, sizeof header - 1);
    buf_putc(out, '.');
    put_base64url(out, text, strlen(text));
    free(text);
    json_decref(claims);
    return put_signature(out, part(account, "private_key"));
}

static int ask_google(const json_t *parts, int64_t now_ms, struct oauth_request *out,
                      struct error *err)
{
    struct buf jwt = {0};
    json_t *account = json_loads(part(parts, "service_account"), JSON_REJECT_DUPLICATES, NULL);
    const char *url = *part(parts, "token_url") ? part(parts, "token_url") : GOOGLE_TOKENS;
    int rc = account && *part(account, "client_email")
                 ? put_jwt(&jwt, account, part(parts, "scope"), url, now_ms) : -1;
    if (rc != 0)
        error_set(err, ERROR_INVALID, "service_account is no key file of a service account: it "
                  "needs client_email and private_key");
    out->url = alloc_str(url);
    put_form(&out->body, "grant_type", JWT_GRANT);
    put_form(&out->body, "assertion", buf_str(&jwt));
    json_decref(account);
    buf_wipe(&jwt);
    return rc;
}

/* ---- AWS: a request that the lasting keys sign ---- */

static void add_field(struct oauth_request *out, const char *name, const char *value)
{
    buf_printf(&out->fields, "%s: %s", name, value);
    buf_putc(&out->fields, '\0');
}

static void sign_aws(const json_t *parts, int64_t now_ms, const char *host,
                     struct oauth_request *out)
{
    static const char type[] = "application/x-www-form-urlencoded";
    char time[SIGV4_TIME_SIZE], hash[DIGEST_HEX_SIZE];
    const char *region = part(parts, "region"), *token = part(parts, "session_token");
    const struct sigv4_field fields[] = {{"Host", host}, {"X-Amz-Date", time},
                                         {"Content-Type", type}, {"X-Amz-Security-Token", token}};
    const char *names = *token ? "content-type;host;x-amz-date;x-amz-security-token"
                               : "content-type;host;x-amz-date";
    const struct sigv4_claim claim = {.region = {region, strlen(region)}, .service = {"sts", 3},
                                      .names = {names, strlen(names)}};
    const struct sigv4_request request = {
        "POST", {"/", 1}, "", fields, *token ? 4 : 3,
        digest_of(out->body.data, out->body.len, hash)};
    struct buf value = {0};
    sigv4_time(now_ms, time);
    sigv4_sign(&request, &claim, time, part(parts, "access_key_id"),
               part(parts, "secret_access_key"), &value);
    add_field(out, "Authorization", value.data);
    add_field(out, "X-Amz-Date", time);
    if (*token)
        add_field(out, "X-Amz-Security-Token", token);
    buf_wipe(&value);
}

static int ask_aws(const json_t *parts, int64_t now_ms, struct oauth_request *out)
{
    const char *own = part(parts, "sts_url"), *name = part(parts, "session_name");
    const char *seconds = part(parts, "duration_seconds");
    out->url = *own ? alloc_str(own)
                    : alloc_printf("https://sts.%s.amazonaws.com/", part(parts, "region"));
    const char *at = strstr(out->url, "://") + 3;
    char *host = alloc_strn(at, strcspn(at, "/"));
    put_form(&out->body, "Action", "AssumeRole");
    put_form(&out->body, "Version", "2011-06-15");
    put_form(&out->body, "RoleArn", part(parts, "role_arn"));
    put_form(&out->body, "RoleSessionName", *name ? name : "sluice");
    put_form(&out->body, "DurationSeconds", *seconds ? seconds : "3600");
    sign_aws(parts, now_ms, host, out);
    free(host);
    return 0;
}

int oauth_ask(const json_t *parts, int64_t now_ms, struct oauth_request *out, struct error *err)
{
    static const char *const refresh[] = {"refresh_token", "client_id", "client_secret", "scope",
                                          NULL};
    static const char *const client[] = {"client_id", "client_secret", "scope", "audience", NULL};
    int strategy = strategy_of(parts);
    *out = (struct oauth_request){0};
    if (strategy == GOOGLE_JWT)
        return ask_google(parts, now_ms, out, err);
    if (strategy == AWS_STS)
        return ask_aws(parts, now_ms, out);
    out->url = alloc_str(part(parts, "token_url"));
    put_form(&out->body, "grant_type",
             strategy == REFRESH_TOKEN ? "refresh_token" : "client_credentials");
    put_parts(&out->body, parts, strategy == REFRESH_TOKEN ? refresh : client);
    return 0;
}

void oauth_request_free(struct oauth_request *request)
{
    free(request->url);
    buf_wipe(&request->body);
    buf_wipe(&request->fields);
}

/* ---- answers ---- */

/* Words of a protocol, such as invalid_grant; anything else could be a secret. */
static const char *word_of(const json_t *parts, const char *text)
{
    static const char *const secrets[] = {"refresh_token", "client_secret", "access_key_id",
                                          "secret_access_key", "session_token"};
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    bool is_word = len && len <= 40 && !text[len];
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        is_word &= !*part(parts, secrets[i]) || !strstr(text, part(parts, secrets[i]));
    return is_word ? text : "no reason that can be shown";
}

static int take_value(struct oauth_answer *out, const char *name, const char *value,
                      struct error *err)
{
    const char *why = secret_value_refused(value);
    if (why || !*value)
        return error_set(err, ERROR_UPSTREAM, "the server's answer has no usable %s", name);
    out->names[out->n] = name;
    out->values[out->n++] = value;
    return 0;
}

static int read_token(const json_t *parts, int status, const struct buf *body, int64_t now_ms,
                      struct oauth_answer *out, struct error *err)
{
    const char *token = part(out->json, "access_token");
    json_int_t seconds = json_integer_value(json_object_get(out->json, "expires_in"));
    (void)body;
    if (status != 200 || !*token)
        return error_set(err, ERROR_UPSTREAM, "the server answered %d: %s", status,
                         word_of(parts, part(out->json, "error")));
    if (seconds > 0 && seconds < 366 * 24 * 3600)
        out->expires_at_ms = now_ms + seconds * 1000;
    if (*part(out->json, "refresh_token") &&
        !secret_value_refused(part(out->json, "refresh_token")))
        out->refresh_token = part(out->json, "refresh_token");
    return take_value(out, part(parts, "output"), token, err);
}

/* The text of an element that has no elements in it.  The answer of STS has each of these once. */
static json_t *element(const char *xml, const char *name)
{
    char *start = alloc_printf("<%s>", name);
    const char *at = strstr(xml, start);
    size_t len = at ? strcspn(at + strlen(start), "<&") : 0;
    json_t *text = at ? json_stringn(at + strlen(start), len) : NULL;
    free(start);
    return text ? text : json_string("");
}

static int64_t time_of(const char *text)
{
    struct tm tm = {0};
    return strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) * 1000 : 0;
}

static int read_aws(const json_t *parts, int status, const struct buf *body,
                    struct oauth_answer *out, struct error *err)
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "SessionToken",
                                        "Expiration", "Code"};
    static const char *const outputs[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                          "AWS_SESSION_TOKEN"};
    out->json = json_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_object_set_new(out->json, names[i], element(buf_str(body), names[i]));
    if (status != 200)
        return error_set(err, ERROR_UPSTREAM, "the server answered %d: %s", status,
                         word_of(parts, part(out->json, "Code")));
    for (size_t i = 0; i < OAUTH_VALUES_MAX; i++)
        if (take_value(out, outputs[i], part(out->json, names[i]), err) != 0)
            return -1;
    out->expires_at_ms = time_of(part(out->json, "Expiration"));
    return 0;
}

int oauth_read(const json_t *parts, int status, const struct buf *body, int64_t now_ms,
               struct oauth_answer *out, struct error *err)
{
    *out = (struct oauth_answer){0};
    bool aws = strategy_of(parts) == AWS_STS;
    if (!aws)
        out->json = json_loadb(buf_str(body), body->len, JSON_REJECT_DUPLICATES, NULL);
    int rc = aws ? read_aws(parts, status, body, out, err)
                 : read_token(parts, status, body, now_ms, out, err);
    if (rc != 0)
        oauth_answer_free(out);
    return rc;
}

void oauth_answer_free(struct oauth_answer *answer)
{
    json_decref(answer->json);
    *answer = (struct oauth_answer){0};
}
