/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/oidc/jwt.h"

#include <string.h>
#include <strings.h>

#include "base/base64.h"

const char *const jwt_algorithm_words[] = {
    [JWT_RS256] = "RS256", [JWT_ES256] = "ES256", [JWT_EDDSA] = "EdDSA"};

bool jwt_is_one(const char *token)
{
    const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    return second && !strchr(second + 1, '.');
}

int jwt_decode_part(const char *text, size_t len, struct buf *out)
{
    struct buf plain = {0};
    if (memchr(text, '+', len) || memchr(text, '/', len) || memchr(text, '=', len))
        return -1;
    buf_add(&plain, text, len);
    for (size_t i = 0; i < len; i++)
        plain.data[i] = plain.data[i] == '-' ? '+' : plain.data[i] == '_' ? '/' : plain.data[i];
    int rc = base64_decode(buf_str(&plain), len, out);
    buf_free(&plain);
    return rc;
}

/* A member that stands twice could be read in two ways. */
static json_t *read_part(const char *text, size_t len, const char *name, struct error *err)
{
    struct buf bytes = {0};
    json_t *object = NULL;
    if (jwt_decode_part(text, len, &bytes) == 0)
        object = json_loadb(buf_str(&bytes), bytes.len, JSON_REJECT_DUPLICATES, NULL);
    buf_free(&bytes);
    if (json_is_object(object))
        return object;
    json_decref(object);
    error_set(err, ERROR_UNAUTHORIZED, "the token's %s is no JSON object in base64url", name);
    return NULL;
}

static int read_algorithm(struct jwt *jwt, struct error *err)
{
    const char *word = json_string_value(json_object_get(jwt->header, "alg"));
    for (unsigned i = 0; word && i < JWT_ALGORITHMS; i++)
        if (strcmp(word, jwt_algorithm_words[i]) == 0) {
            jwt->algorithm = i;
            return 0;
        }
    return error_set(err, ERROR_UNAUTHORIZED,
                     "the token is signed by '%.20s': RS256, ES256 and EdDSA are accepted",
                     word ? word : "nothing");
}

/* Other types of tokens, such as those of a logout, say something else with the same claims. */
static bool is_type(const char *word)
{
    return !word || strcasecmp(word, "JWT") == 0 || strcasecmp(word, "at+jwt") == 0 ||
           strcasecmp(word, "application/at+jwt") == 0;
}

static int read_header(struct jwt *jwt, struct error *err)
{
    if (json_object_get(jwt->header, "crit"))
        return error_set(err, ERROR_UNAUTHORIZED,
                         "the token demands extensions (crit) that are not known here");
    if (!is_type(json_string_value(json_object_get(jwt->header, "typ"))))
        return error_set(err, ERROR_UNAUTHORIZED, "the token's type (typ) is not JWT or at+jwt");
    jwt->key = json_string_value(json_object_get(jwt->header, "kid"));
    return read_algorithm(jwt, err);
}

int jwt_read(const char *token, struct jwt *out, struct error *err)
{
    *out = (struct jwt){.text = token};
    if (strlen(token) > JWT_BYTES_MAX)
        return error_set(err, ERROR_UNAUTHORIZED, "the token is longer than %d KiB",
                         JWT_BYTES_MAX / 1024);
    if (!jwt_is_one(token))
        return error_set(err, ERROR_UNAUTHORIZED, "the token does not have three parts");
    const char *claims = strchr(token, '.') + 1, *signature = strchr(claims, '.') + 1;
    out->text_len = (size_t)(signature - 1 - token);
    if (jwt_decode_part(signature, strlen(signature), &out->signature) != 0)
        return error_set(err, ERROR_UNAUTHORIZED, "the token's signature is not base64url");
    out->header = read_part(token, (size_t)(claims - 1 - token), "header", err);
    if (!out->header || read_header(out, err) != 0)
        return -1;
    out->claims = read_part(claims, (size_t)(signature - 1 - claims), "claims", err);
    return out->claims ? 0 : -1;
}

void jwt_free(struct jwt *jwt)
{
    json_decref(jwt->header);
    json_decref(jwt->claims);
    buf_free(&jwt->signature);
}
