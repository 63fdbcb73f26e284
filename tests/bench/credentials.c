/* SPDX-License-Identifier: Apache-2.0 */
/* credentials: what replacing placeholders adds to a request, in microseconds of processor time.  A
 * request is looked at twice: before it is allowed, and when it is written. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "secret/replace.h"

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PLACEHOLDER(name) "openshell:resolve:env:s" DIGITS "_" name

enum { ROUNDS = 200000, LOOKS = 2 };

static const struct secret_credential items[] = {
    {"gh", "github", "GITHUB_TOKEN", DIGITS, "ghp_0123456789abcdefghijABCDEFGHIJ012345"},
    {"ai", "openai", "OPENAI_API_KEY", DIGITS, "sk-0123456789abcdefghijABCDEFGHIJ0123456789"},
    {"npm", "npm", "NPM_TOKEN", DIGITS, "npm_0123456789abcdefghijABCDEFGHIJ012345"},
};

static const char *const fields[] = {
    "api.github.com", "Bearer " PLACEHOLDER("GITHUB_TOKEN"), "application/json", "gzip, br",
    "keep-alive", "python-requests/2.32.3", "application/vnd.github+json", "2022-11-28", "en",
    "W/\"5f2b8c1d9e7a\""};

static bool bound(void *ctx, const struct secret_credential *c)
{
    (void)ctx;
    return strcmp(c->provider, "gh") == 0;
}

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static size_t look(const struct secret_destination *to)
{
    static const char path[] = "/repos/owner/name/issues", query[] = "state=open&per_page=100";
    struct buf out = {0};
    size_t replaced = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        replaced += secret_replace_field(to, fields[i], &out) == SECRET_REPLACED;
    replaced += secret_replace_path(to, path, sizeof path - 1, &out) == SECRET_REPLACED;
    replaced += secret_replace_query(to, query, sizeof query - 1, &out) == SECRET_REPLACED;
    buf_wipe(&out);
    return replaced;
}

int main(void)
{
    struct secret_credentials *all = secret_credentials_new(items, sizeof items / sizeof *items);
    const struct secret_destination to = {all, bound, NULL};
    size_t replaced = 0;
    double before = cpu_us();
    for (int i = 0; i < ROUNDS * LOOKS; i++)
        replaced += look(&to);
    printf("%.2f us\n", (cpu_us() - before) / ROUNDS);
    secret_credentials_free(all);
    return replaced == ROUNDS * LOOKS ? 0 : 1;
}
