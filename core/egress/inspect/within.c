/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/within.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "egress/inspect/inspect.h"
#include "egress/record.h"
#include "egress/websocket/handshake.h"

int egress_within_check_fields(const struct http_head *head, struct egress_refusal *refusal)
{
    if (http_head_lists(head, "Connection", "Host") ||
        http_head_lists(head, "Connection", "Content-Length") ||
        http_head_lists(head, "Connection", "Transfer-Encoding"))
        return egress_refuse(refusal, REFUSAL_MALFORMED, "Connection names a header that the "
                             "request cannot do without");
    return 0;
}

/* One that the proxy looks at, and never sends on. */
static bool is_own(const struct http_field *field)
{
    static const char *const own[] = {"Connection", "Expect",  "Keep-Alive",        "TE",
                                      "Trailer",    "Upgrade", "Transfer-Encoding", NULL};
    return http_field_in(field, own) || strncasecmp(field->name, "Proxy-", 6) == 0;
}

void egress_within_drop_fields(struct http_head *head)
{
    const char *left = http_head_lists(head, "Connection", "Upgrade") ? "Upgrade" : "";
    size_t n = 0;
    for (size_t i = 0; i < head->n_fields; i++)
        if (is_own(&head->fields[i]) ||
            !http_head_lists(head, "Connection", head->fields[i].name))
            head->fields[n++] = head->fields[i];
    head->n_fields = n;
    for (size_t i = 0; i < n; i++)
        if (http_field_is(&head->fields[i], "Connection"))
            head->fields[i].value = left;           /* a field that is added later is sent */
}

static int refuse_authority(const struct client *c, const char *named,
                            struct egress_refusal *refusal)
{
    egress_refuse(refusal, REFUSAL_AUTHORITY, "the request asks for %s in a tunnel to %s", named,
                  c->route.target.authority);
    snprintf(refusal->detail, sizeof refusal->detail,
             "HTTP request authority does not match the authorized tunnel endpoint");
    refusal->engine = EGRESS_ENGINE_REQUEST;
    return -1;
}

static int check_authority(const struct client *c, const char *named,
                           struct egress_refusal *refusal)
{
    struct egress_target target;
    uint16_t default_port = c->inspected == INSPECTED_TLS ? 443 : 80;
    struct egress_refusal unreadable;
    if (egress_target_is_at(&c->route.target, named, strlen(named), default_port))
        return 0;
    if (egress_target_host(named, default_port, &target, &unreadable) != 0 ||
        strcmp(target.authority, c->route.target.authority) != 0)
        return refuse_authority(c, named, refusal);
    return 0;
}

/* A URL has to agree with the Host field, too; what is left is its path. */
static int read_url(struct client *c, const char *url, struct egress_refusal *refusal)
{
    char authority[EGRESS_AUTHORITY_SIZE];
    const char *scheme = c->inspected == INSPECTED_TLS ? "https://" : "http://";
    size_t n = strlen(scheme), len;
    if (strncasecmp(url, scheme, n) != 0)
        return egress_refuse(refusal, REFUSAL_TARGET,
                             "within a tunnel the request target is a path "
                             "that begins with '/'");
    len = strcspn(url + n, "/?#");
    c->exchange.path = url + n + len;
    if (len >= sizeof authority || strchr(c->exchange.path, '#'))
        return egress_refuse(refusal, REFUSAL_TARGET,
                             "the request target is no URL of this tunnel");
    memcpy(authority, url + n, len);
    authority[len] = '\0';
    return check_authority(c, authority, refusal);
}

static int read_path(struct client *c, struct egress_refusal *refusal)
{
    struct exchange *exchange = &c->exchange;
    exchange->path = exchange->head->target;
    if (strcmp(exchange->head->method, "CONNECT") == 0)
        return egress_refuse(refusal, REFUSAL_TARGET, "CONNECT within a tunnel");
    if (*exchange->path == '/')
        return 0;
    return read_url(c, exchange->head->target, refusal);
}

static int check_upgrade(struct client *c, struct egress_refusal *refusal)
{
    const struct http_head *head = c->exchange.head;
    c->exchange.websocket = egress_websocket_is_valid(head);
    if (!egress_inspect_required(c) || !http_head_lists(head, "Upgrade", "h2c") ||
        !http_head_lists(head, "Connection", "Upgrade"))
        return 0;
    egress_refuse(refusal, REFUSAL_POLICY, "HTTP/2 cleartext upgrade (h2c) is not supported for "
                  "L7-inspected endpoints");
    refusal->engine = EGRESS_ENGINE_REQUEST;
    refusal->policy = c->route.decision.rule->key;
    return -1;
}

int egress_within_read(struct client *c, struct egress_refusal *refusal)
{
    const char *host = http_head_get(c->exchange.head, "Host");
    c->exchange.kind = EXCHANGE_INSPECTED;
    if (read_path(c, refusal) != 0 || (host && check_authority(c, host, refusal) != 0) ||
        egress_within_check_fields(c->exchange.head, refusal) != 0)
        return -1;
    egress_within_drop_fields(c->exchange.head);
    return check_upgrade(c, refusal);
}
