/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/transparent.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "egress/deny.h"
#include "egress/local/generate.h"
#include "egress/local/local.h"
#include "egress/record.h"
#include "egress/request.h"

static void set_target(struct egress_target *target, const char *host, uint16_t port)
{
    char authority[EGRESS_AUTHORITY_SIZE];
    struct egress_refusal refusal;
    snprintf(authority, sizeof authority, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
    egress_target_authority(authority, target, &refusal);
}

/* The name that a synthetic address stands for.  False: it stands for none. */
static bool read_name(struct client *c)
{
    const struct egress_connect *connect = c->connect;
    struct in_addr address;
    memcpy(&address, connect->address.bytes, sizeof address);
    const char *host = egress_names_host(c->proxy->names, address);
    if (!host)
        return false;
    set_target(&c->route.target, host, connect->port);
    c->held = address;
    egress_names_hold(c->proxy->names, address, clock_mono_ms());
    return true;
}

static bool is_synthetic(const struct ipaddr *address)
{
    struct in_addr v4;
    memcpy(&v4, address->bytes, sizeof v4);
    return address->family == AF_INET && egress_names_covers(v4);
}

/* No rule can be proposed for it. */
static void refuse_nameless(struct client *c)
{
    struct egress_refusal refusal;
    egress_refuse(&refusal, REFUSAL_ADDRESS,
                  "%s is an address of this sandbox's resolver that stands "
                  "for no name: look the name up again",
                  c->route.target.host);
    egress_record_refused(c, EGRESS_ENGINE_CONNECTION, refusal.reason);
    egress_client_refuse(c, &refusal);
}

static void caller_gone(void *owner)
{
    egress_client_close(owner);
}

void egress_transparent_begin(struct client *c)
{
    char host[IPADDR_TEXT_SIZE];
    const struct egress_connect *connect = c->connect;
    bool synthetic = is_synthetic(&connect->address);
    egress_connect_watch(c->connect, caller_gone, c);
    c->exchange.kind = EXCHANGE_CONNECT;
    if (synthetic && read_name(c)) {
        if (egress_local_is(&c->route.target))
            egress_local_accept(c);
        else if (egress_generate_is(&c->route.target))
            egress_generate_open(c);
        else
            egress_request_begin(c);
        return;
    }
    set_target(&c->route.target, ipaddr_text(&connect->address, host), connect->port);
    if (synthetic)
        refuse_nameless(c);
    else
        egress_request_begin(c);
}
