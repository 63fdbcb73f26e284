/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes tokens and the keys of their issuer: the first line is a token, the rest a set of keys.
 * Oracles: what is refused has a reason; what is read has the texts that are relied on; nobody has
 * signed a token without keys. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/oidc/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static void check_token(const char *token, const struct oidc_keys *keys)
{
    struct jwt jwt;
    struct error err = {0};
    if (jwt_read(token, &jwt, &err) != 0) {
        if (!*err.text)
            wrong("a token is refused without a reason");
    } else {
        if (!jwt_is_one(token))
            wrong("what has not the form of a token is read as one");
        if (jwt.algorithm >= JWT_ALGORITHMS || !json_is_object(jwt.claims) ||
            jwt.text != token || jwt.text_len >= strlen(token))
            wrong("a token lacks what is relied on");
        if (oidc_keys_check(NULL, &jwt) != OIDC_NO_KEY)
            wrong("a token is signed by nobody");
        oidc_keys_check(keys, &jwt);
    }
    jwt_free(&jwt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    char *end = memchr(text, '\n', size);
    struct oidc_keys *keys = NULL;
    struct error err = {0};
    if (end) {
        *end++ = '\0';
        keys = oidc_keys_read(end, size - (size_t)(end - text), &err);
        if (!keys && !*err.text)
            wrong("keys are refused without a reason");
        if (keys && (oidc_keys_count(keys) < 1 || oidc_keys_count(keys) > OIDC_KEYS_MAX))
            wrong("a set of no key, or of too many");
    }
    check_token(text, keys);
    oidc_keys_free(keys);
    free(text);
    return 0;
}
