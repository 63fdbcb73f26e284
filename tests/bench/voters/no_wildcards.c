/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped Lua rule of this name in C: the same question in another language. */
#include <string.h>
#include <strings.h>

#include <sluice/plugin.h>

static const struct sluice_code codes[] = {
    {"WILDCARD_HOST", "A rule opens every host of a domain."},
    {NULL, NULL},
};

static bool had_host(const struct sluice_rule *rule, const char *host)
{
    for (size_t i = 0; rule && i < rule->n_endpoints; i++)
        if (strcasecmp(rule->endpoints[i]->host, host) == 0)
            return true;
    return false;
}

/* The first endpoint with a wildcard that the rule did not have before. */
static const struct sluice_endpoint *new_wildcard(const struct sluice_rule *rule,
                                                  const struct sluice_rule *before)
{
    for (size_t i = 0; i < rule->n_endpoints; i++) {
        const struct sluice_endpoint *e = rule->endpoints[i];
        if (strchr(e->host, '*') && !had_host(before, e->host))
            return e;
    }
    return NULL;
}

static enum sluice_verdict vote(void *self, const struct sluice_transition *t,
                                struct sluice_ballot *b)
{
    (void)self;
    const struct sluice_endpoint *found = NULL;
    for (size_t i = 0; !found && i < t->diff->n_added; i++)
        found = new_wildcard(t->diff->added[i], NULL);
    for (size_t i = 0; !found && i < t->diff->n_changed; i++)
        found = new_wildcard(t->diff->changed[i]->after, t->diff->changed[i]->before);
    if (!found)
        return sluice_allow(b);
    return sluice_deny(b, "WILDCARD_HOST", found->doc_path,
                       "host %s opens a whole domain; name each host", found->host);
}

SLUICE_PLUGIN(.name = "no_wildcards", .version = "1.0.0",
              .summary = "Refuses rules that open whole domains.", .codes = codes,
              .flags = SLUICE_REENTRANT, .vote = vote);
