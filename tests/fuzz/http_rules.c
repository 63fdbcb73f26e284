/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the decision about a request: three lines, the path of a rule, the request's path and its
 * query.  Oracles: a canonical path is canonical, and holds nothing that a server could read in
 * another way; a rule that denies outweighs the same rule that allows; GET is allowed where every
 * method is. */
#include "policy/match/http.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what, const char *text)
{
    fprintf(stderr, "%s: %s\n", what, text);
    abort();
}

static void check_canonical(const struct buf *path, bool keep)
{
    struct buf again = {0};
    if (policy_target_path(path->data, path->len, keep, &again) ||
        strcmp(again.data, path->data) != 0)
        wrong("a canonical path is not canonical", path->data);
    buf_free(&again);
    if (path->data[0] != '/' || strstr(path->data, "//") || strstr(path->data, "/../") ||
        strstr(path->data, "/./") || strpbrk(path->data, "?#; \\") ||
        (!keep && strstr(path->data, "%2F")))
        wrong("a canonical path can be read in another way", path->data);
}

static struct policy_http_decision decide(const struct sluice_l7_rule *rule, bool deny,
                                          const struct policy_http_request *request)
{
    static const struct sluice_l7_rule everything = {.size = sizeof everything,
                                                     .method = "*",
                                                     .path = "**",
                                                     .operation_type = "",
                                                     .operation_name = "",
                                                     .command = ""};
    const struct sluice_l7_rule *allow[] = {deny ? &everything : rule}, *denied[] = {rule};
    struct sluice_endpoint endpoint = {.size = sizeof endpoint,
                                       .host = "h",
                                       .path = "",
                                       .protocol = "rest",
                                       .enforcement = "enforce",
                                       .access = "",
                                       .tls = "",
                                       .rules = allow,
                                       .n_rules = 1,
                                       .deny_rules = denied,
                                       .n_deny_rules = deny,
                                       .allow_encoded_slash = true};
    struct sluice_rule of = {.size = sizeof of, .key = "k"};
    struct policy_candidate candidate = {&of, &endpoint};
    struct policy_candidates candidates = {&candidate, 1};
    struct policy_http_decision decision;
    policy_http_decide(&candidates, request, &decision, NULL);
    return decision;
}

static void check_decisions(const char *pattern, const char *path, const char *query)
{
    struct sluice_l7_rule rule = {.size = sizeof rule,
                                  .method = "*",
                                  .path = pattern,
                                  .operation_type = "",
                                  .operation_name = "",
                                  .command = ""};
    struct policy_http_request request = {.method = "PUT", .path = path, .query = query};
    if (!*pattern)
        return;
    bool allowed = decide(&rule, false, &request).allowed;
    if (decide(&rule, true, &request).allowed == allowed)
        wrong("what a rule allows is not what it denies", path);
    request.method = "GET";
    if (decide(&rule, false, &request).allowed != allowed)
        wrong("a rule for every method tells two apart", path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size), *query = NULL, *path = strchr(text, '\n');
    struct buf canonical = {0};
    if (path) {
        *path++ = '\0';
        query = strchr(path, '\n');
    }
    if (query) {
        *query++ = '\0';
        for (int keep = 0; keep < 2; keep++) {
            buf_clear(&canonical);
            if (policy_target_path(path, strlen(path), keep, &canonical))
                continue;
            check_canonical(&canonical, keep);
            check_decisions(text, canonical.data, query);
        }
    }
    buf_free(&canonical);
    free(text);
    return 0;
}
