/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "egress/inspect/override.h"
#include "egress/inspect/signing.h"
#include "egress/record.h"
#include "egress/report.h"
#include "secret/placeholder.h"
#include "secret/profile.h"
#include "secret/replace.h"

/* ---- where a credential may go ---- */

static const char *path_of(const struct exchange *exchange)
{
    const char *seen = egress_exchange_seen_path(exchange);
    return seen ? seen : exchange->path;
}

static bool names(const struct sluice_endpoint *e, const struct secret_credential *credential)
{
    return e && strcmp(e->credential_provider, credential->provider) == 0;
}

/* Whether an endpoint that this program may use names the provider for this path. */
static bool policy_binds(const struct client *c, const struct secret_credential *credential)
{
    const struct policy_candidates *candidates = &c->route.candidates;
    if (!candidates->n)
        return names(c->route.decision.endpoint, credential);
    for (size_t i = 0; i < candidates->n; i++)
        if (names(candidates->items[i].endpoint, credential) &&
            policy_endpoint_rules_path(candidates->items[i].endpoint, path_of(&c->exchange)))
            return true;
    return false;
}

/* A program that begins without TLS would have the value sent for everybody on the way to read. */
static bool wants_tls(const struct client *c)
{
    enum { HTTPS = 443 };
    return c->inspected != INSPECTED_TLS && c->route.target.port == HTTPS;
}

/* Where a request goes, and the first credential that may not go there. */
struct binding {
    const struct client *c;
    const struct secret_credential *unbound;
};

static bool is_bound(void *ctx, const struct secret_credential *credential)
{
    struct binding *binding = ctx;
    const struct client *c = binding->c;
    const struct egress_target *target = &c->route.target;
    const struct secret_profile *profile = secret_profile_find(credential->profile);
    bool bound = profile && profile->places
                     ? c->inspected == INSPECTED_TLS &&
                           secret_profile_covers(profile, target->host, target->port)
                     : profile && !wants_tls(c) && policy_binds(c, credential);
    if (!bound)
        binding->unbound = credential;
    return bound;
}

/* ---- the head ---- */

/* Says where the credential may go instead. */
static void refuse_unbound(const struct binding *binding, const char *where,
                           struct egress_refusal *refusal)
{
    const struct secret_credential *credential = binding->unbound;
    const struct secret_profile *profile = secret_profile_find(credential->profile);
    struct buf places = {0};
    for (const struct secret_place *p = profile ? profile->places : NULL; p && p->host; p++)
        buf_printf(&places, "%s%s:%u", places.len ? ", " : "", p->host, p->port);
    if (places.len)
        buf_printf(&places, " over TLS, as its profile '%s' says", profile->name);
    else
        buf_printf(&places, "endpoints with credential_binding: {provider: %s}%s",
                   credential->provider,
                   wants_tls(binding->c) ? ", on port 443 over TLS alone" : "");
    egress_refuse(refusal, REFUSAL_UNBOUND,
                  "%s has the placeholder of a credential that is not for %s: it is sent to %s",
                  where, binding->c->route.target.authority, buf_str(&places));
    buf_free(&places);
}

static int refuse(const struct binding *binding, enum secret_result result, const char *where,
                  struct egress_refusal *refusal)
{
    switch (result) {
    case SECRET_UNBOUND:
        refuse_unbound(binding, where, refusal);
        snprintf(refusal->detail, sizeof refusal->detail,
                 "Credential is not authorized for this request endpoint");
        break;
    case SECRET_UNKNOWN:
        egress_refuse(refusal, REFUSAL_UNAVAILABLE, "%s has a placeholder that stands for no "
                      "credential of this sandbox", where);
        snprintf(refusal->detail, sizeof refusal->detail,
                 "Credential placeholder could not be resolved");
        break;
    case SECRET_UNFIT:
        egress_refuse(refusal, REFUSAL_MISPLACED, "%s has the placeholder of a credential whose "
                      "value may not stand there", where);
        break;
    case SECRET_LONG:
        egress_refuse(refusal, REFUSAL_MISPLACED, "%s has so many placeholders of credentials that "
                      "their values would make it far too long", where);
        break;
    default:
        egress_refuse(refusal, REFUSAL_MISPLACED, "%s has a credential's placeholder where none is "
                      "replaced", where);
        break;
    }
    refusal->engine = EGRESS_ENGINE_CREDENTIAL;
    return -1;
}

/* A name has no colon, so a marker that begins a line is cut in two; HTTP/2 has names in lower
 * case. */
static bool name_has_trace(const struct http_field *field)
{
    static const char rest[] = "resolve:env:";
    return strcasestr(field->name, SECRET_ALIAS) ||
           (strcasecmp(field->name, "openshell") == 0 &&
            strncmp(field->value, rest, sizeof rest - 1) == 0);
}

static int fill_fields(struct client *c, const struct secret_destination *to,
                       struct egress_filled *out, struct egress_refusal *refusal)
{
    const struct http_head *head = c->exchange.head;
    for (size_t i = 0; i < head->n_fields; i++) {
        const struct http_field *field = &head->fields[i];
        struct buf value = {0};
        if (egress_signing_is(field))
            continue;
        enum secret_result result = name_has_trace(field)
                                        ? SECRET_MISPLACED
                                        : secret_replace_field(to, field->value, &value);
        if (result == SECRET_REPLACED) {
            egress_filled_set(c, out, i, &value);
            continue;
        }
        buf_free(&value);
        if (result != SECRET_NONE)
            return refuse(to->ctx, result, "a header field", refusal);
    }
    return 0;
}

static int fill_target(struct client *c, const struct secret_destination *to,
                       struct egress_filled *out, struct egress_refusal *refusal)
{
    const char *path = path_of(&c->exchange);
    const char *query = c->exchange.path + strcspn(c->exchange.path, "?");
    size_t len = egress_exchange_seen_path(&c->exchange) ? strlen(path) : (size_t)(query - path);
    if (!secret_has_trace(path, len) && !secret_has_trace(query, strlen(query)))
        return 0;
    enum secret_result in_path = secret_replace_path(to, path, len, &out->target);
    if (in_path > SECRET_REPLACED)
        return refuse(to->ctx, in_path, "the path", refusal);
    if (in_path == SECRET_NONE)
        buf_add(&out->target, path, len);
    if (*query)
        buf_putc(&out->target, '?');
    enum secret_result in_query =
        *query ? secret_replace_query(to, query + 1, strlen(query + 1), &out->target) : SECRET_NONE;
    if (in_query > SECRET_REPLACED)
        return refuse(to->ctx, in_query, "the query", refusal);
    if (in_query == SECRET_NONE && *query)
        buf_puts(&out->target, query + 1);
    return 0;
}

/* ---- the body ---- */

typedef enum secret_result body_replacer(const struct secret_destination *to, const char *text,
                                         size_t len, struct buf *out);

static bool has_type(const char *type, const char *name)
{
    size_t len = strlen(name);
    return strncasecmp(type, name, len) == 0 && (!type[len] || strchr("; \t", type[len]));
}

/* Of bodies in which placeholders are replaced; NULL: of no such one. */
static body_replacer *replacer_of(const struct client *c)
{
    const struct http_head *head = c->exchange.head;
    const struct sluice_endpoint *e = c->exchange.rules.endpoint;
    const char *type = http_head_get(head, "Content-Type");
    if (!e || !e->request_body_credential_rewrite || !type ||
        http_head_count(head, "Content-Type") > 1 || http_head_count(head, "Content-Encoding"))
        return NULL;
    if (has_type(type, "application/json"))
        return secret_replace_json;
    if (has_type(type, "application/x-www-form-urlencoded"))
        return secret_replace_query;
    return strncasecmp(type, "text/", 5) == 0 ? secret_replace_text : NULL;
}

bool egress_credentials_want_body(const struct client *c)
{
    const struct http_head *head = c->exchange.head;
    return c->proxy->credentials && c->exchange.kind != EXCHANGE_CONNECT &&
           !c->exchange.request_done && (head->chunked || head->length) &&
           ((head->length <= EGRESS_CREDENTIALS_BODY_MAX && replacer_of(c)) ||
            egress_signing_wants_body(c));
}

/* Whether nothing is looked for in the body. */
static bool passes_unseen(const struct client *c)
{
    const struct sluice_endpoint *e = c->exchange.rules.endpoint;
    e = e ? e : c->route.decision.endpoint;
    return !c->proxy->credentials || (e && e->allow_uninspected_credentials);
}

static int fill_body(struct client *c, const struct secret_destination *to,
                     struct egress_filled *out, struct egress_refusal *refusal)
{
    const struct buf *body = &c->exchange.body;
    body_replacer *replace = replacer_of(c);
    enum secret_result result = SECRET_NONE;
    if (!body->len || passes_unseen(c))
        return 0;
    if (replace)
        result = replace(to, body->data, body->len, &out->body);
    else if (secret_has_trace(body->data, body->len))
        result = SECRET_MISPLACED;
    return result > SECRET_REPLACED ? refuse(to->ctx, result, "the body", refusal) : 0;
}

/* A trace that two pieces share is in the end of the one and the beginning of the other. */
static bool spans_pieces(struct exchange_secrets *secrets, const char *bytes, size_t len)
{
    char both[2 * SECRET_TRACE_MAX];
    size_t n = len < SECRET_TRACE_MAX ? len : SECRET_TRACE_MAX, room = SECRET_TRACE_MAX;
    memcpy(both, secrets->tail, secrets->n_tail);
    memcpy(both + secrets->n_tail, bytes, n);
    size_t all = secrets->n_tail + n;
    bool found = secrets->n_tail && secret_has_trace(both, all);
    const char *from = len < room ? both + (all > room ? all - room : 0) : bytes + len - room;
    secrets->n_tail = len < room ? (all < room ? all : room) : room;
    memmove(secrets->tail, from, secrets->n_tail);
    return found;
}

bool egress_credentials_pass_body(struct client *c, const char *bytes, size_t len)
{
    struct exchange_secrets *secrets = &c->exchange.secrets;
    if (passes_unseen(c))
        return true;
    secrets->refused = spans_pieces(secrets, bytes, len) || secret_has_trace(bytes, len);
    return !secrets->refused;
}

void egress_credentials_refuse_body(struct client *c)
{
    struct egress_refusal refusal;
    const struct binding binding = {c, NULL};
    refuse(&binding, SECRET_MISPLACED, "the body", &refusal);
    egress_credentials_refuse(c, &refusal);
}

int egress_credentials_fill_message(struct client *c, const char *text, size_t len,
                                    struct buf *out, struct egress_refusal *refusal)
{
    struct binding binding = {c, NULL};
    const struct secret_destination to = {c->proxy->credentials, is_bound, &binding};
    const struct sluice_endpoint *e = c->exchange.rules.endpoint;
    enum secret_result result = SECRET_NONE;
    if (passes_unseen(c))
        return 0;
    if (e && e->websocket_credential_rewrite)
        result = secret_replace_text(&to, text, len, out);
    else if (secret_has_trace(text, len))
        result = SECRET_MISPLACED;
    if (result > SECRET_REPLACED)
        return refuse(&binding, result, "a message", refusal);
    return result == SECRET_REPLACED;
}

/* An origin sends a TRACE request back as it got it (RFC 9110, 9.3.8). */
static bool asks_for_itself(const struct http_head *head)
{
    const struct http_field *field;
    size_t at = 0;
    bool asks = strcmp(head->method, "TRACE") == 0;
    while (!asks && (field = egress_override_next(head, &at)))
        asks = strcasecmp(field->value, "TRACE") == 0;
    return asks;
}

static int check_method(const struct client *c, const struct egress_filled *filled,
                        struct egress_refusal *refusal)
{
    if (!(filled->n || filled->target.len || filled->body.len) ||
        !asks_for_itself(c->exchange.head))
        return 0;
    const struct binding binding = {c, NULL};
    return refuse(&binding, SECRET_MISPLACED, "a TRACE request, which its origin sends back,",
                  refusal);
}

/* No server takes a longer head. */
static int check_size(const struct egress_filled *filled, struct egress_refusal *refusal)
{
    enum { HEAD_MAX = 64 * 1024 };
    size_t size = filled->target.len;
    const struct binding none = {0};
    for (size_t i = 0; i < filled->n; i++)
        size += filled->values[i].len;
    return size <= HEAD_MAX ? 0 : refuse(&none, SECRET_LONG, "the head", refusal);
}

int egress_credentials_fill(struct client *c, struct egress_filled *out,
                            struct egress_refusal *refusal)
{
    struct binding binding = {c, NULL};
    const struct secret_destination to = {c->proxy->credentials, is_bound, &binding};
    *out = (struct egress_filled){0};
    if (fill_target(c, &to, out, refusal) == 0 && fill_fields(c, &to, out, refusal) == 0 &&
        fill_body(c, &to, out, refusal) == 0 && egress_signing_fill(c, &to, out, refusal) >= 0 &&
        check_method(c, out, refusal) == 0 && check_size(out, refusal) == 0)
        return 0;
    egress_filled_undo(c, out);
    return -1;
}

/* ---- refusals ---- */

/* A program that sends what it must not have, or where it must not go. */
static const struct egress_finding *finding_of(enum egress_refusal_kind kind)
{
    static const struct egress_finding
        elsewhere = {"openshell.provider_credential.endpoint_mismatch",
                     "Credential Sent Elsewhere"},
        misplaced = {"openshell.credentials.traffic_uninspectable",
                     "Credential Placeholder Misplaced"};
    return kind == REFUSAL_UNBOUND ? &elsewhere : kind == REFUSAL_MISPLACED ? &misplaced : NULL;
}

void egress_credentials_find(const struct client *c, const struct egress_refusal *refusal)
{
    const struct egress_finding *finding = finding_of(refusal->kind);
    if (!finding)
        return;
    egress_record_finding(c, finding, refusal->reason);
    egress_report_finding(c, finding, refusal->reason);
}

/* Of a target that is a path nothing is an authority. */
static size_t authority_length(const char *target)
{
    const char *scheme = strstr(target, "://"), *authority = scheme ? scheme + 3 : target;
    return *target == '/' ? 0 : (size_t)(authority - target) + strcspn(authority, "/?#");
}

void egress_credentials_find_in_host(const struct client *c)
{
    const struct http_head *head = c->exchange.head;
    const char *host = http_head_get(head, "Host");
    const struct binding binding = {c, NULL};
    struct egress_refusal refusal;
    if (!(host && secret_has_trace(host, strlen(host))) &&
        !secret_has_trace(head->target, authority_length(head->target)))
        return;
    refuse(&binding, SECRET_MISPLACED, "the host that the request asks for", &refusal);
    egress_credentials_find(c, &refusal);
}

void egress_credentials_refuse(struct client *c, const struct egress_refusal *refusal)
{
    egress_record_refused(c, refusal->engine, refusal->reason);
    egress_credentials_find(c, refusal);
    egress_client_refuse(c, refusal);
}

bool egress_credentials_refused(struct client *c)
{
    struct egress_filled filled;
    struct egress_refusal refusal;
    if (c->exchange.kind == EXCHANGE_CONNECT)
        return false;
    if (egress_credentials_fill(c, &filled, &refusal) != 0) {
        egress_credentials_refuse(c, &refusal);
        return true;
    }
    c->exchange.secrets.in_head = filled.n || filled.target.len || filled.body.len;
    egress_filled_undo(c, &filled);
    return false;
}
