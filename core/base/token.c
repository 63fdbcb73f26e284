/* SPDX-License-Identifier: Apache-2.0 */
#include "base/token.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"

static const char prefix[] = "sluice_";
enum { RANDOM_DIGITS = 40, CHECK_DIGITS = 8, CHECKED = sizeof prefix - 1 + RANDOM_DIGITS };

/* The checksum of what comes before it. */
static void put_check(const char *token, char out[CHECK_DIGITS + 1])
{
    char whole[DIGEST_HEX_SIZE];
    digest_of(token, CHECKED, whole);
    snprintf(out, CHECK_DIGITS + 1, "%.*s", CHECK_DIGITS, whole);
}

char *token_make(char out[TOKEN_SIZE])
{
    char secret[DIGEST_HEX_SIZE];
    snprintf(out, TOKEN_SIZE, "%s%.*s", prefix, RANDOM_DIGITS, digest_secret(secret));
    put_check(out, out + CHECKED);
    explicit_bzero(secret, sizeof secret);
    return out;
}

bool token_is_random(const char *text)
{
    char check[CHECK_DIGITS + 1];
    const char *digits = text + strlen(prefix);
    if (strlen(text) != TOKEN_SIZE - 1 || strncmp(text, prefix, strlen(prefix)) != 0 ||
        strspn(digits, "0123456789abcdef") != RANDOM_DIGITS + CHECK_DIGITS)
        return false;
    put_check(text, check);
    return strcmp(text + CHECKED, check) == 0;
}
