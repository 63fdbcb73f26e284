/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/stages.h"

#include <string.h>

#include "policy/match/match.h"

static bool matches(const char *const *patterns, size_t n, const char *host)
{
    for (size_t i = 0; i < n; i++)
        if (policy_host_match(patterns[i], host))
            return true;
    return false;
}

static bool comes_before(const struct sluice_middleware *a, const struct sluice_middleware *b)
{
    return a->order != b->order ? a->order < b->order : strcmp(a->key, b->key) < 0;
}

void egress_stages_select(const struct sluice_policy *policy, const char *host,
                          struct egress_stages *out)
{
    const struct sluice_middleware *sorted[EGRESS_STAGES_MAX];
    out->n = 0;
    for (size_t i = 0; i < policy->n_middlewares && out->n < EGRESS_STAGES_MAX; i++) {
        const struct sluice_middleware *m = policy->middlewares[i];
        if (!matches(m->include, m->n_include, host) || matches(m->exclude, m->n_exclude, host))
            continue;
        size_t at = out->n++;
        for (; at > 0 && comes_before(m, sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = m;
    }
    for (size_t i = 0; i < out->n; i++)
        out->items[i] = (struct inspect_middleware){
            .key = sorted[i]->key, .voter = sorted[i]->middleware,
            .config_json = sorted[i]->config_json,
            .fail_open = strcmp(sorted[i]->on_error, "fail_open") == 0};
}

const struct inspect_middleware *egress_stages_required(const struct egress_stages *stages)
{
    for (size_t i = 0; i < stages->n; i++)
        if (!stages->items[i].fail_open)
            return &stages->items[i];
    return NULL;
}
