/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/signing.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "egress/inspect/scope.h"
#include "egress/record.h"
#include "secret/placeholder.h"
#include "secret/sigv4.h"

#define KEY_ID     "AWS_ACCESS_KEY_ID"
#define KEY_SECRET "AWS_SECRET_ACCESS_KEY"
#define KEY_TOKEN  "AWS_SESSION_TOKEN"
#define PAYLOAD    "X-Amz-Content-Sha256"
#define TOKEN      "X-Amz-Security-Token"

/* A request that is signed anew. */
struct signing {
    struct client *c;
    struct egress_filled *out;
    struct egress_refusal *refusal;
    const struct sluice_endpoint *rule; /* that has it signed; NULL: its program has */
    struct sigv4_claim claim;
    const struct secret_credential *id, *secret, *token;
    bool in_query;
    size_t field;    /* Authorization, where it is in the head */
    struct buf room; /* what the claim points into */
    char hash[DIGEST_HEX_SIZE];
};

/* ---- whose it is ---- */

bool egress_signing_is(const struct http_field *field)
{
    return http_field_is(field, "Authorization") && sigv4_is(field->value) &&
           secret_has_trace(field->value, strlen(field->value));
}

/* The endpoint with credential_signing that the request is for; NULL: none. */
static const struct sluice_endpoint *rule_of(const struct client *c)
{
    const struct sluice_endpoint *e = c->exchange.rules.endpoint;
    e = e ? e : c->route.decision.endpoint;
    return e && *e->credential_signing ? e : NULL;
}

static int refuse(const struct signing *s, enum egress_refusal_kind kind, const char *problem)
{
    egress_refuse(s->refusal, kind, "the request cannot be signed: %s", problem);
    s->refusal->engine = EGRESS_ENGINE_CREDENTIAL;
    return -1;
}

static const char *query_of(const struct client *c)
{
    const char *query = strchr(c->exchange.path, '?');
    return query ? query + 1 : "";
}

/* 1: found, 0: none, -1: refused. */
static int find_in_head(struct signing *s, const char **problem)
{
    const struct http_head *head = s->c->exchange.head;
    int found = 0;
    for (size_t i = 0; i < head->n_fields; i++) {
        if (!egress_signing_is(&head->fields[i]))
            continue;
        if (found)
            return refuse(s, REFUSAL_SIGNING, "it has Authorization twice");
        found = 1;
        s->field = i;
        *problem = sigv4_read(head->fields[i].value, &s->claim);
    }
    return found;
}

static bool is_trace(struct sigv4_text text)
{
    return secret_has_trace(text.at, text.len);
}

/* 1: found, 0: nothing is signed with a placeholder, -1: refused. */
static int find_claim(struct signing *s)
{
    const char *problem = NULL, *query = query_of(s->c);
    bool in_query = false;
    int found = find_in_head(s, &problem);
    if (!found && secret_has_plain_trace(query, strlen(query)))
        problem = sigv4_read_query(query, &s->room, &in_query, &s->claim);
    if (found < 0 || problem)
        return found < 0 ? -1 : refuse(s, REFUSAL_SIGNING, problem);
    s->in_query = in_query && is_trace(s->claim.key);
    if (!found && !s->in_query)
        return 0;
    if (is_trace(s->claim.region) || is_trace(s->claim.service))
        return refuse(s, REFUSAL_MISPLACED,
                      "its region or service is the placeholder of a credential");
    return 1;
}

static const struct secret_credential *find_beside(const struct secret_credentials *all,
                                                   const struct secret_credential *one,
                                                   const char *name)
{
    for (size_t i = 0; i < secret_credentials_count(all); i++) {
        const struct secret_credential *c = secret_credentials_at(all, i);
        if (strcmp(c->provider, one->provider) == 0 && strcmp(c->name, name) == 0)
            return *c->value ? c : NULL;
    }
    return NULL;
}

/* Not where the endpoint names another provider. */
static bool is_meant(const struct signing *s, const struct secret_destination *to,
                     const struct secret_credential *c)
{
    const char *provider = s->rule ? s->rule->credential_provider : "";
    return to->bound(to->ctx, c) && (!*provider || strcmp(provider, c->provider) == 0);
}

/* The key that the program named by its placeholder. */
static int find_named_key(struct signing *s, const struct secret_destination *to)
{
    size_t len;
    char *text = alloc_strn(s->claim.key.at, s->claim.key.len);
    s->id = secret_credentials_find(to->all, text, &len);
    bool whole = s->id && !text[len] && *s->id->value;
    free(text);
    if (!whole)
        return refuse(s, REFUSAL_UNAVAILABLE,
                      "its key is a placeholder that stands for no "
                      "credential of this sandbox");
    if (!is_meant(s, to, s->id))
        return refuse(s, REFUSAL_UNBOUND,
                      "its key is the placeholder of a credential that is "
                      "not for this host");
    if (strcmp(s->id->name, KEY_ID) != 0)
        return refuse(s, REFUSAL_MISPLACED,
                      "its key is the placeholder of another variable than " KEY_ID);
    return 0;
}

/* The first key that is meant here. */
static int find_bound_key(struct signing *s, const struct secret_destination *to)
{
    for (size_t i = 0; i < secret_credentials_count(to->all) && !s->id; i++) {
        const struct secret_credential *c = secret_credentials_at(to->all, i);
        if (strcmp(c->name, KEY_ID) == 0 && *c->value && is_meant(s, to, c))
            s->id = c;
    }
    return s->id ? 0
                 : refuse(s, REFUSAL_UNAVAILABLE,
                          "its endpoint has credential_signing, but no "
                          "provider of this sandbox that is for this host has " KEY_ID);
}

static int find_keys(struct signing *s, const struct secret_destination *to, bool is_named)
{
    if ((is_named ? find_named_key(s, to) : find_bound_key(s, to)) != 0)
        return -1;
    s->secret = find_beside(to->all, s->id, KEY_SECRET);
    s->token = find_beside(to->all, s->id, KEY_TOKEN);
    return s->secret ? 0
                     : refuse(s, REFUSAL_UNAVAILABLE, "the provider of its key has no " KEY_SECRET);
}

/* ---- the body ---- */

static const char *payload_of(const struct client *c)
{
    return http_head_get(c->exchange.head, PAYLOAD);
}

static bool has_body(const struct client *c)
{
    return c->exchange.head->chunked || c->exchange.head->length > 0;
}

static bool is_signed_anew(const struct client *c)
{
    const struct http_head *head = c->exchange.head;
    for (size_t i = 0; i < head->n_fields; i++)
        if (egress_signing_is(&head->fields[i]))
            return true;
    const char *query = query_of(c);
    return strstr(query, "X-Amz-Algorithm=") && secret_has_plain_trace(query, strlen(query));
}

static bool signs_body(const struct sluice_endpoint *rule)
{
    return strcasecmp(rule->credential_signing, "sigv4:body") == 0;
}

static bool signs_no_body(const struct sluice_endpoint *rule)
{
    return strcasecmp(rule->credential_signing, "sigv4:no_body") == 0;
}

bool egress_signing_wants_body(const struct client *c)
{
    const struct sluice_endpoint *rule = rule_of(c);
    if (c->exchange.request_done || !has_body(c) || (rule && signs_no_body(rule)))
        return false;
    return (rule && signs_body(rule)) || (!payload_of(c) && (rule || is_signed_anew(c)));
}

static bool is_hash(const char *text)
{
    return strlen(text) == DIGEST_HEX_SIZE - 1 &&
           strspn(text, "0123456789abcdefABCDEF") == DIGEST_HEX_SIZE - 1;
}

static const char *hash_body(struct signing *s)
{
    const struct buf *body = s->out->body.len ? &s->out->body : &s->c->exchange.body;
    return digest_of(buf_str(body), body->len, s->hash);
}

static void set_payload(struct signing *s, const char *value)
{
    const struct http_head *head = s->c->exchange.head;
    for (size_t i = 0; i < head->n_fields; i++) {
        struct buf copy = {0};
        if (!http_field_is(&head->fields[i], PAYLOAD))
            continue;
        buf_puts(&copy, value);
        egress_filled_set(s->c, s->out, i, &copy);
    }
}

/* What stands for the body in the signature; NULL: refused. */
static const char *read_payload(struct signing *s)
{
    const char *said = s->rule && signs_body(s->rule) ? NULL : payload_of(s->c);
    if (s->rule && signs_no_body(s->rule))
        return SIGV4_UNSIGNED;
    bool s3 = s->claim.service.len >= 2 && memcmp(s->claim.service.at, "s3", 2) == 0;
    if (!said && s->in_query && s3)
        return SIGV4_UNSIGNED;
    if (!said && (s->c->exchange.request_done || !has_body(s->c)))
        return hash_body(s);
    if (said && is_hash(said) && s->out->body.len) {
        set_payload(s, hash_body(s));
        return s->hash;
    }
    if (said && (is_hash(said) || strcmp(said, SIGV4_UNSIGNED) == 0 ||
                 strcmp(said, "STREAMING-UNSIGNED-PAYLOAD-TRAILER") == 0))
        return said;
    refuse(s, REFUSAL_SIGNING,
           said ? "each piece of its body is signed, too: have the client send its hash or "
                  "X-Amz-Content-Sha256: " SIGV4_UNSIGNED
                : "its body is not here as a whole");
    return NULL;
}

/* ---- what is signed ---- */

static int set_time(struct signing *s, const char *time)
{
    const struct http_head *head = s->c->exchange.head;
    bool found = false;
    for (size_t i = 0; i < head->n_fields; i++) {
        struct buf value = {0};
        if (!http_field_is(&head->fields[i], "X-Amz-Date"))
            continue;
        if (found)
            return refuse(s, REFUSAL_SIGNING, "it has X-Amz-Date twice");
        buf_puts(&value, time);
        egress_filled_set(s->c, s->out, i, &value);
        found = true;
    }
    return found ? 0 : refuse(s, REFUSAL_SIGNING, "it has no field X-Amz-Date");
}

/* Keys for a session are worth nothing without its token. */
static int check_token(struct signing *s)
{
    bool has = s->in_query ? strstr(query_of(s->c), TOKEN "=") != NULL
                           : http_head_get(s->c->exchange.head, TOKEN) != NULL;
    if (has || !s->token || (s->rule && !s->in_query))
        return 0;
    return refuse(s, REFUSAL_SIGNING, "its keys are those of a session, but it has no " TOKEN);
}

/* The fields as they are sent; lines: room for what the proxy writes itself. */
static size_t list_fields(const struct signing *s, struct sigv4_field *out, struct buf *host,
                          struct buf *length)
{
    const struct exchange *exchange = &s->c->exchange;
    const struct http_head *head = exchange->head;
    const struct buf *body = s->out->body.len ? &s->out->body : &exchange->body;
    uint16_t standard = s->c->inspected == INSPECTED_TLS ? 443 : 80;
    size_t n = 0;
    egress_rewrite_host(&s->c->route.target, standard, host);
    if (exchange->request_done && (head->chunked || head->has_length))
        buf_number(length, (int64_t)body->len);
    else if (!head->chunked && head->has_length)
        buf_number(length, (int64_t)head->length);
    for (size_t i = 0; i < head->n_fields; i++)
        if (!http_field_is(&head->fields[i], "Host") &&
            !http_field_is(&head->fields[i], "Content-Length"))
            out[n++] = (struct sigv4_field){head->fields[i].name, head->fields[i].value};
    out[n++] = (struct sigv4_field){"Host", buf_str(host)};
    if (length->len)
        out[n++] = (struct sigv4_field){"Content-Length", buf_str(length)};
    return n;
}

/* The path as it is sent, and the query behind it. */
static struct sigv4_text split_target(const struct signing *s, const char **query)
{
    const struct exchange *exchange = &s->c->exchange;
    const char *seen = egress_exchange_seen_path(exchange);
    bool filled = s->out->target.len > 0;
    const char *path = filled ? s->out->target.data : seen ? seen : exchange->path;
    *query = filled ? path + strcspn(path, "?") : exchange->path + strcspn(exchange->path, "?");
    *query += **query == '?';
    return (struct sigv4_text){path, strcspn(path, "?")};
}

static void sign_query(const struct signing *s, const struct sigv4_request *request,
                       const char *time)
{
    struct buf target = {0};
    buf_add(&target, request->path.at, request->path.len);
    buf_putc(&target, '?');
    sigv4_sign_query(request, &s->claim, time, s->id->value, s->secret->value, &target);
    buf_wipe(&s->out->target);
    s->out->target = target;
}

static void sign_head(const struct signing *s, const struct sigv4_request *request,
                      const char *time)
{
    struct buf value = {0};
    sigv4_sign(request, &s->claim, time, s->id->value, s->secret->value, &value);
    egress_filled_set(s->c, s->out, s->field, &value);
}

/* ---- as the policy says ---- */

static int read_rule(struct signing *s)
{
    const char *problem =
        egress_scope_of(s->rule, s->c->route.target.host, &s->claim.region, &s->claim.service);
    return problem ? refuse(s, REFUSAL_SIGNING, problem) : 0;
}

static void add_text(struct signing *s, const char *name, const char *text)
{
    struct buf value = {0};
    buf_puts(&value, text);
    egress_filled_add(s->c, s->out, name, &value);
}

/* The fields that every server checks, and none that changes on the way. */
static int name_fields(struct signing *s)
{
    const struct http_head *head = s->c->exchange.head;
    size_t n = 1;
    buf_puts(&s->room, "host");
    for (size_t i = 0; i < head->n_fields; i++) {
        const char *name = head->fields[i].name;
        if (strncasecmp(name, "x-amz-", 6) != 0 && !http_field_is(&head->fields[i], "Content-Type"))
            continue;
        n++;
        buf_putc(&s->room, ';');
        for (; *name; name++)
            buf_putc(&s->room, (char)tolower((unsigned char)*name));
    }
    s->claim.names = (struct sigv4_text){s->room.data, s->room.len};
    return n <= SIGV4_NAMES_MAX
               ? 0
               : refuse(s, REFUSAL_SIGNING, "it has more than 64 fields that are signed");
}

/* Its program need not have signed it: what the signature consists of is put in. */
static int prepare_head(struct signing *s, const char *time, const char *payload)
{
    static const char *const own[] = {"Authorization", "X-Amz-Date", TOKEN, PAYLOAD};
    if (s->c->exchange.head->n_fields + sizeof own / sizeof *own > HTTP_FIELDS_MAX)
        return refuse(s, REFUSAL_SIGNING, "it has more fields than leave room for a signature");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        egress_filled_remove(s->c, s->out, own[i]);
    add_text(s, "X-Amz-Date", time);
    add_text(s, PAYLOAD, payload);
    if (s->token)
        add_text(s, TOKEN, s->token->value);
    if (name_fields(s) != 0)
        return -1;
    s->field = s->c->exchange.head->n_fields;
    add_text(s, "Authorization", "");
    return 0;
}

static int sign(struct signing *s)
{
    struct sigv4_field fields[HTTP_FIELDS_MAX + 2];
    char time[SIGV4_TIME_SIZE];
    struct buf host = {0}, length = {0};
    struct sigv4_request request = {.method = s->c->exchange.head->method, .fields = fields};
    sigv4_time(clock_now_ms(), time);
    if (!(request.payload = read_payload(s)))
        return -1;
    if (!s->in_query && (s->rule ? prepare_head(s, time, request.payload) : set_time(s, time)) != 0)
        return -1;
    request.n = list_fields(s, fields, &host, &length);
    request.path = split_target(s, &request.query);
    if (s->in_query)
        sign_query(s, &request, time);
    else
        sign_head(s, &request, time);
    buf_free(&host);
    buf_free(&length);
    return 0;
}

int egress_signing_fill(struct client *c, const struct secret_destination *to,
                        struct egress_filled *out, struct egress_refusal *refusal)
{
    struct signing s = {.c = c, .out = out, .refusal = refusal, .rule = rule_of(c)};
    int found = find_claim(&s), rc = found;
    if (found > 0 || (found == 0 && s.rule))
        rc = find_keys(&s, to, found > 0) == 0 && check_token(&s) == 0 &&
                     (!s.rule || read_rule(&s) == 0)
                 ? sign(&s)
                 : -1;
    buf_free(&s.room);
    return rc;
}
