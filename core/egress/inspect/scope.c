/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/scope.h"

#include <string.h>
#include <strings.h>

static struct sigv4_text text_of(const char *text)
{
    return (struct sigv4_text){text, strlen(text)};
}

/* Words with "-" between them, the last one a number: eu-west-1, us-gov-west-1. */
static bool is_region(struct sigv4_text text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz", digits[] = "0123456789";
    size_t words = 0, at = 0, n;
    while ((n = strspn(text.at + at, letters)) && at + n < text.len && text.at[at + n] == '-') {
        words++;
        at += n + 1;
    }
    return words >= 2 && at < text.len && at + strspn(text.at + at, digits) == text.len;
}

/* The label before the domain: SERVICE.REGION.amazonaws.com, also behind more labels. */
static struct sigv4_text region_of(const char *host)
{
    static const char *const domains[] = {".amazonaws.com", ".amazonaws.com.cn", ".api.aws"};
    size_t len = strlen(host);
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        size_t n = strlen(domains[i]), end = len - n, start;
        if (len <= n || strcasecmp(host + end, domains[i]) != 0)
            continue;
        for (start = end; start && host[start - 1] != '.';)
            start--;
        const struct sigv4_text label = {host + start, end - start};
        if (start && is_region(label))
            return label;
    }
    return text_of("");
}

const char *egress_scope_of(const struct sluice_endpoint *rule, const char *host,
                            struct sigv4_text *region, struct sigv4_text *service)
{
    *service = text_of(rule->signing_service);
    *region = *rule->signing_region ? text_of(rule->signing_region) : region_of(host);
    return region->len ? NULL
                       : "the name of its host has no region: the endpoint wants a signing_region";
}
