/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/uses.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "egress/grants.h"
#include "egress/judge.h"

static bool is_counted(const struct egress_granted *grant)
{
    return grant->uses_left >= 0;
}

/* It would be a use of its own. */
static bool costs(const struct client *c, const struct egress_granted *grant)
{
    return is_counted(grant) && !egress_grants_holds(c, grant);
}

/* Without the rules of all grants that cost a use but one (NULL: without exception), and without
 * those that are closed anyway. */
static bool passes_with(struct client *c, const struct egress_granted *only)
{
    const struct egress_grants *grants = &c->proxy->grants;
    const char **closed = alloc_zero(grants->n + 1, sizeof *closed);
    size_t n = 0;
    for (size_t i = 0; i < grants->n; i++)
        if ((costs(c, &grants->items[i]) && &grants->items[i] != only) ||
            !egress_grants_is_open(c, &grants->items[i]))
            closed[n++] = grants->items[i].rule;
    bool passes = egress_judge_passes_without(c, closed, n);
    free(closed);
    return passes;
}

static void count(struct client *c, struct egress_granted *grant)
{
    struct egress_proxy *proxy = c->proxy;
    if (c->exchange.kind == EXCHANGE_CONNECT)
        c->route.use = grant->id;
    else
        c->exchange.use = grant->id;
    grant->uses_left--;
    if (grant->uses_left == 0)
        proxy->generation++;                        /* every other client is judged anew */
    if (proxy->on_use)
        proxy->on_use(proxy->ctx, grant->rule);
}

/* NULL: no single one is enough. */
static struct egress_granted *find_enough(struct client *c)
{
    const struct egress_grants *grants = &c->proxy->grants;
    for (size_t i = 0; i < grants->n; i++) {
        struct egress_granted *grant = &grants->items[i];
        if (costs(c, grant) && egress_grants_is_open(c, grant) && passes_with(c, grant))
            return grant;
    }
    return NULL;
}

/* Where no single grant is enough, each that is open is used. */
static void count_all(struct client *c)
{
    const struct egress_grants *grants = &c->proxy->grants;
    for (size_t i = 0; i < grants->n; i++)
        if (grants->items[i].uses_left > 0 && !egress_grants_holds(c, &grants->items[i]))
            count(c, &grants->items[i]);
}

/* The requests within a tunnel are counted where rules are about them, the tunnel where not. */
static bool is_use(const struct client *c)
{
    return c->exchange.kind != EXCHANGE_CONNECT || !c->route.candidates.n;
}

void egress_uses_count(struct client *c)
{
    const struct egress_grants *grants = &c->proxy->grants;
    bool any = false;
    for (size_t i = 0; i < grants->n; i++)
        any |= is_counted(&grants->items[i]);
    if (!any || !is_use(c) || passes_with(c, NULL))
        return;
    struct egress_granted *enough = find_enough(c);
    if (enough)
        count(c, enough);
    else
        count_all(c);
}
