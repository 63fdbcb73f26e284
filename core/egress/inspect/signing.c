/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/signing.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "egress/record.h"
#include "secret/placeholder.h"
#include "secret/sigv4.h"

#define KEY_ID "AWS_ACCESS_KEY_ID"
#define KEY_SECRET "AWS_SECRET_ACCESS_KEY"
#define KEY_TOKEN "AWS_SESSION_TOKEN"
#define PAYLOAD "X-Amz-Content-Sha256"
#define TOKEN "X-Amz-Security-Token"

/* A request that is signed anew. */
struct signing {
    struct client *c;
    struct egress_filled *out;
    struct egress_refusal *refusal;
    struct sigv4_claim claim;
    const struct secret_credential *id, *secret;
    bool in_query;
    size_t field;                                   /* Authorization, where it is in the head */
    struct buf room;                                /* what the claim points into */
    char hash[DIGEST_HEX_SIZE];
};

/* ---- whose it is ---- */

bool egress_signing_is(const struct http_field *field)
{
    return http_field_is(field, "Authorization") && sigv4_is(field->value) &&
           secret_has_trace(field->value, strlen(field->value));
}

static int refuse(const struct signing *s, enum egress_refusal_kind kind, const char *problem)
{
    egress_refuse(s->refusal, kind, "the signature of the request cannot be made anew: %s",
                  problem);
    s->refusal->engine = EGRESS_ENGINE_CREDENTIAL;
    return -1;
}

static const char *query_of(const struct client *c)
{
    const char *query = strchr(c->exchange.path, '?');
    return query ? query + 1 : "";
}

/* 1: found, 0: nothing is signed with a placeholder, -1: refused. */
static int find_claim(struct signing *s)
{
    const struct http_head *head = s->c->exchange.head;
    const char *problem = NULL, *query = query_of(s->c);
    bool found = false;
    for (size_t i = 0; i < head->n_fields && !found; i++) {
        if (!egress_signing_is(&head->fields[i]))
            continue;
        found = true;
        s->field = i;
        problem = sigv4_read(head->fields[i].value, &s->claim);
    }
    if (!found && secret_has_plain_trace(query, strlen(query))) {
        problem = sigv4_read_query(query, &s->room, &found, &s->claim);
        s->in_query = found;
    }
    if (problem)
        return refuse(s, REFUSAL_SIGNING, problem);
    return found && (!s->in_query || secret_has_trace(s->claim.key.at, s->claim.key.len));
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

static int find_keys(struct signing *s, const struct secret_destination *to)
{
    size_t len;
    char *text = alloc_strn(s->claim.key.at, s->claim.key.len);
    s->id = secret_credentials_find(to->all, text, &len);
    bool whole = s->id && !text[len] && *s->id->value;
    free(text);
    if (!whole)
        return refuse(s, REFUSAL_UNAVAILABLE, "its key is a placeholder that stands for no "
                      "credential of this sandbox");
    if (!to->bound(to->ctx, s->id))
        return refuse(s, REFUSAL_UNBOUND, "its key is the placeholder of a credential that is "
                      "not for this host");
    s->secret = find_beside(to->all, s->id, KEY_SECRET);
    if (strcmp(s->id->name, KEY_ID) != 0)
        return refuse(s, REFUSAL_MISPLACED, "its key is the placeholder of another variable than "
                      KEY_ID);
    if (!s->secret)
        return refuse(s, REFUSAL_UNAVAILABLE, "the provider of its key has no " KEY_SECRET);
    return 0;
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

bool egress_signing_wants_body(const struct client *c)
{
    return !c->exchange.request_done && has_body(c) && !payload_of(c) && is_signed_anew(c);
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
    const char *said = payload_of(s->c);
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
static int check_token(struct signing *s, const struct secret_destination *to)
{
    bool has = s->in_query ? strstr(query_of(s->c), TOKEN "=") != NULL
                           : http_head_get(s->c->exchange.head, TOKEN) != NULL;
    if (has || !find_beside(to->all, s->id, KEY_TOKEN))
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
    const char *path = filled ? s->out->target.data
                       : seen ? seen : exchange->path;
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

static int sign(struct signing *s)
{
    struct sigv4_field fields[HTTP_FIELDS_MAX + 2];
    char time[SIGV4_TIME_SIZE];
    struct buf host = {0}, length = {0};
    struct sigv4_request request = {.method = s->c->exchange.head->method, .fields = fields};
    sigv4_time(clock_now_ms(), time);
    if (!(request.payload = read_payload(s)) || (!s->in_query && set_time(s, time) != 0))
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
    struct signing s = {.c = c, .out = out, .refusal = refusal};
    int rc = find_claim(&s);
    if (rc > 0)
        rc = find_keys(&s, to) == 0 && check_token(&s, to) == 0 ? sign(&s) : -1;
    buf_free(&s.room);
    return rc;
}
