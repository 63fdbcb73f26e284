/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the chain has the middlewares that a candidate names. */
#include <string.h>

#include "chain/options.h"
#include "update/updates.h"

static const struct sluice_middleware *find(const struct policy *policy, const char *key)
{
    const struct sluice_policy *model = policy ? policy_model(policy) : NULL;
    for (size_t i = 0; model && i < model->n_middlewares; i++)
        if (strcmp(model->middlewares[i]->key, key) == 0)
            return model->middlewares[i];
    return NULL;
}

/* What is there already is no reason to refuse another change: a voter that has gone since fails as
 * the entry's on_error says. */
static bool is_new(const struct update *u, const struct sluice_middleware *m)
{
    const struct sluice_middleware *old = find(u->result->current, m->key);
    return !old || strcmp(old->middleware, m->middleware) != 0 ||
           strcmp(old->config_json, m->config_json) != 0;
}

static bool find_voter(const struct update *u, const char *name, struct chain_voter_info *out)
{
    for (size_t i = 0; i < chain_size(u->chain); i++) {
        chain_describe(u->chain, i, out);
        if (strcmp(out->name, name) == 0)
            return true;
    }
    return false;
}

static void refuse(struct update *u, const struct sluice_middleware *m, const char *member,
                   const char *why)
{
    problems_add(u->problems, arena_printf(u->arena, "%s.%s", m->doc_path, member), 0, 0,
                 "middleware config '%s' is invalid: %s", m->name, why);
}

static void check(struct update *u, const struct sluice_middleware *m)
{
    struct chain_voter_info voter;
    struct error err;
    if (!find_voter(u, m->middleware, &voter) || !voter.inspects) {
        refuse(u, m, "middleware",
               arena_printf(u->arena, "the gateway's chain has no voter '%s' that looks at "
                            "requests; see sluice plugin list", m->middleware));
        return;
    }
    struct options *options = options_read(voter.options, m->config_json, &err);
    if (!options)
        refuse(u, m, "config", err.text);
    options_free(options);
}

void update_check_middlewares(struct update *u, const struct policy *candidate)
{
    const struct sluice_policy *model = policy_model(candidate);
    for (size_t i = 0; i < model->n_middlewares; i++)
        if (is_new(u, model->middlewares[i]))
            check(u, model->middlewares[i]);
}
