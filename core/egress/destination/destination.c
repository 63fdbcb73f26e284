/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/destination/destination.h"

#include <string.h>

/* Why an address is admitted, and so what is asked of it.  The first that applies. */
enum mode {
    MODE_LISTED,                                    /* the endpoint has allowed_ips */
    MODE_LITERAL,                                   /* the policy names this very address */
    MODE_DECLARED,                                  /* the policy names this very host */
    MODE_WILDCARD, /* a glob covers the host, or all are public_only */
};

static const char *const failed[] = {
    [MODE_LISTED] = "allowed_ips check failed",
    [MODE_LITERAL] = "allowed_ips check failed",
    [MODE_DECLARED] = "declared endpoint check failed",
    [MODE_WILDCARD] = "internal address",
};

static enum mode mode_of(const struct policy_decision *decision, const struct egress_target *target)
{
    if (decision->endpoint && decision->endpoint->n_allowed_ips)
        return MODE_LISTED;
    if (!decision->exact_host)
        return MODE_WILDCARD;
    return target->literal ? MODE_LITERAL : MODE_DECLARED;
}

/* etcd, the Kubernetes API server and kubelets: whoever reaches them owns the cluster. */
static bool control_plane(uint16_t port)
{
    return port == 2379 || port == 2380 || port == 6443 || port == 10250 || port == 10255;
}

static bool listed(const struct sluice_endpoint *endpoint, const struct ipaddr *address)
{
    struct ipaddr_block block;
    for (size_t i = 0; i < endpoint->n_allowed_ips; i++)
        if (ipaddr_block_parse(endpoint->allowed_ips[i], &block) == 0 &&
            ipaddr_block_contains(&block, address))
            return true;
    return false;
}

/* What is wrong with an address, said before and behind it. */
struct objection {
    const char *before, *behind;
};

static const struct objection *object(enum mode mode, const struct policy_decision *decision,
                                      const struct ipaddr *address)
{
    static const struct objection blocked = {"always-blocked address ", ""},
                                  unlisted = {"", " which is not in allowed_ips"},
                                  internal = {"internal address ", ""},
                                  own = {"", ", an address of this machine"};
    enum ipaddr_class class = ipaddr_classify(address);
    if (class == IPADDR_BLOCKED)
        return &blocked;
    if (mode == MODE_LISTED && !listed(decision->endpoint, address))
        return &unlisted;
    if (mode == MODE_WILDCARD && class != IPADDR_PUBLIC)
        return &internal;
    return mode == MODE_WILDCARD && ipaddr_is_own(address) ? &own : NULL;
}

static int check_address(enum mode mode, const struct policy_decision *decision,
                         const struct egress_target *target, const struct ipaddr *address,
                         struct egress_refusal *refusal)
{
    char text[IPADDR_TEXT_SIZE];
    const struct objection *objection = object(mode, decision, address);
    if (!objection)
        return 0;
    ipaddr_text(address, text);
    return egress_refuse(refusal, REFUSAL_ADDRESS, "%s resolves to %s%s%s, connection rejected",
                         target->host, objection->before, text, objection->behind);
}

static int check_list(const struct sluice_endpoint *endpoint, struct egress_refusal *refusal)
{
    struct ipaddr_block block;
    for (size_t i = 0; i < endpoint->n_allowed_ips; i++)
        if (ipaddr_block_parse(endpoint->allowed_ips[i], &block) != 0)
            return egress_refuse(refusal, REFUSAL_ADDRESS, "allowed_ips of %s contains %s, which "
                                 "is neither an address nor a block", endpoint->doc_path,
                                 endpoint->allowed_ips[i]);
    return 0;
}

const char *egress_check_host(const struct egress_target *target, struct egress_refusal *refusal)
{
    if (!ipaddr_host_blocked(target->host))
        return NULL;
    egress_refuse(refusal, REFUSAL_ADDRESS, "%s is an always-blocked host name, connection "
                  "rejected", target->host);
    return "internal address";
}

const char *egress_check_addresses(const struct policy_decision *decision,
                                   const struct egress_target *target,
                                   const struct ipaddr *addresses, size_t n,
                                   struct egress_refusal *refusal)
{
    enum mode mode = mode_of(decision, target);
    if (mode == MODE_LISTED && check_list(decision->endpoint, refusal) != 0)
        return "invalid allowed_ips in policy";
    if (mode != MODE_WILDCARD && control_plane(target->port)) {
        egress_refuse(refusal, REFUSAL_ADDRESS, "port %u is a blocked control-plane port, "
                      "connection rejected", target->port);
        return failed[mode];
    }
    for (size_t i = 0; i < n; i++)
        if (check_address(mode, decision, target, &addresses[i], refusal) != 0)
            return failed[mode];
    return NULL;
}
