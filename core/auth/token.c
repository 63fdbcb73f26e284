/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/token.h"

#include <stddef.h>
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

bool token_is_bearer(const char *text)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789-._~+/=";
    return *text && !text[strspn(text, alphabet)];
}

bool token_name_is_good(const char *name)
{
    static const char alphabet[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";
    size_t len = strlen(name);
    return len > 0 && len <= 64 && strspn(name, alphabet) == len;
}

static int check_token(struct schema_decoder *d, void *record)
{
    const struct auth_token *t = record;
    if (!token_name_is_good(t->name))
        return schema_problem(d, NULL, TOKEN_NAME_RULE, t->name);
    if (strlen(t->sha256) != 64 || strspn(t->sha256, "0123456789abcdef") != 64)
        return schema_problem(d, NULL,
                              "sha256 is 64 hexadecimal digits: printf %%s TOKEN | sha256sum");
    return 0;
}

static const struct schema_field fields[] = {
    {"name", SCHEMA_TEXT, offsetof(struct auth_token, name), .flags = SCHEMA_REQUIRED,
     .help = "Who its bearer is"},
    {"sha256", SCHEMA_TEXT, offsetof(struct auth_token, sha256), .flags = SCHEMA_REQUIRED,
     .help = "SHA-256 of the token"},
    {"role", SCHEMA_TEXT, offsetof(struct auth_token, role), .fallback = "admin",
     .help = "What they may do"},
    {0},
};
const struct schema auth_token_schema = {
    .name = "token", .size = sizeof(struct auth_token), .fields = fields, .finish = check_token};
