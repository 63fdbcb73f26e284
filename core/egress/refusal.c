/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/refusal.h"

#include <ctype.h>
#include <errno.h>
#include <llhttp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "base/text.h"
#include "egress/local/guidance.h"

static const struct {
    int status;
    const char *word, *proxy_error;
} kinds[] = {
#define X(id, status, word, proxy_error) [REFUSAL_##id] = {status, word, proxy_error},
    EGRESS_REFUSALS(X)
#undef X
};

static const char *status_name(int status)
{
    switch (status) {
#define X(number, name, text) case number: return #text;
        HTTP_STATUS_MAP(X)
#undef X
    default:
        return "UNKNOWN";
    }
}

/* llhttp has the names of all statuses as identifiers: NOT_FOUND is to be read "Not Found". */
void egress_status_line(int status, struct buf *out)
{
    const char *name = status_name(status);
    bool begins = true;
    buf_puts(out, "HTTP/1.1 ");
    buf_number(out, status);
    buf_putc(out, ' ');
    for (; *name; name++) {
        bool keep = begins || status == 200;
        buf_putc(out, *name == '_' ? ' ' : keep ? *name : (char)tolower((unsigned char)*name));
        begins = *name == '_';
    }
    buf_puts(out, "\r\n");
}

int egress_refuse(struct egress_refusal *out, enum egress_refusal_kind kind, const char *format,
                  ...)
{
    va_list args;
    out->kind = kind;
    out->detail[0] = out->held_by[0] = '\0';
    out->hint = out->policy = out->engine = out->stage = NULL;
    out->request = (struct egress_refused_request){0};
    out->vote = (struct egress_refused_vote){0};
    out->error = 0;
    va_start(args, format);
    vsnprintf(out->reason, sizeof out->reason, format, args);
    va_end(args);
    /* A text that was cut may end within a character. */
    out->reason[text_utf8_valid(out->reason, strlen(out->reason))] = '\0';
    return -1;
}

static void print_member(struct buf *body, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_printf(body, ",\"%s\":", name);
    text_json_quote(body, value);
}

static void print_request(struct buf *body, const struct egress_refused_request *r)
{
    print_member(body, "method", r->method);
    print_member(body, "path", r->path);
    print_member(body, "host", r->host);
    buf_printf(body, ",\"port\":%u", r->port);
    print_member(body, "binary", r->binary);
    print_member(body, "operation", r->operation);
    print_member(body, "field", r->field);
    print_member(body, "rpc_method", r->rpc_method);
    print_member(body, "tool", r->tool);
}

/* What OpenShell's clients expect of a refused request. */
static void print_rules(struct buf *body, const struct egress_refused_request *r,
                        const char *policy)
{
    struct buf rule = {0};
    buf_printf(&rule, "%s %s", r->method, r->path);
    print_member(body, "layer", "l7");
    print_member(body, "policy", policy);
    print_member(body, "protocol", r->protocol);
    print_member(body, "rule", rule.data);
    print_request(body, r);
    buf_puts(body, ",\"rule_missing\":{\"type\":\"");
    for (const char *p = r->protocol; *p; p++)
        buf_putc(body, *p == '-' ? '_' : *p);
    buf_puts(body, "_allow\",\"layer\":\"l7\"");
    print_request(body, r);
    buf_putc(body, '}');
    buf_free(&rule);
}

/* What a voter says is shown without characters that would do more than be read. */
static void print_said(struct buf *body, const char *name, const char *text)
{
    struct buf shown = {0};
    printable_escape(&shown, text, strlen(text), "");
    print_member(body, name, buf_str(&shown));
    buf_free(&shown);
}

/* As OpenShell's clients know the codes of middlewares. */
static void print_reason_code(struct buf *body, const char *code)
{
    struct buf lower = {0};
    for (; *code; code++)
        buf_putc(&lower, (char)tolower((unsigned char)*code));
    print_member(body, "reason_code", buf_str(&lower));
    buf_free(&lower);
}

static void print_vote(struct buf *body, const struct egress_refusal *refusal)
{
    const struct egress_refused_vote *v = &refusal->vote;
    print_member(body, "policy", refusal->policy ? refusal->policy : "-");
    print_member(body, "layer", "l7");
    if (refusal->request.method)
        print_request(body, &refusal->request);
    if (!v->voter)
        return;
    if (*v->middleware) {
        if (refusal->kind == REFUSAL_STAGE)
            print_member(body, "middleware", v->middleware);
        print_reason_code(body, v->code);
        return;
    }
    print_member(body, "voter", v->voter);
    print_said(body, "code", v->code);
    print_said(body, "message", v->message);
}

/* What a middleware says is for the log alone. */
static bool is_of_stage(const struct egress_refusal *refusal)
{
    return refusal->kind == REFUSAL_STAGE || refusal->kind == REFUSAL_STAGE_FAILED ||
           refusal->kind == REFUSAL_STAGES;
}

static bool is_of_voter(const struct egress_refusal *refusal)
{
    return is_of_stage(refusal) || refusal->kind == REFUSAL_VOTER ||
           refusal->kind == REFUSAL_VOTER_FAILED || refusal->kind == REFUSAL_VOTERS;
}

/* How an agent gets on. */
static void print_advice(struct buf *body)
{
    buf_puts(body, ",\"agent_guidance\":");
    text_json_quote(body, LOCAL_GUIDANCE);
    buf_puts(body, ",\"next_steps\":" LOCAL_NEXT_STEPS);
}

void egress_refusal_print_members(const struct egress_refusal *refusal, bool advise,
                                  struct buf *body)
{
    bool about_policy = refusal->kind == REFUSAL_POLICY || refusal->kind == REFUSAL_ADDRESS;
    buf_puts(body, "{\"detail\":");
    text_json_quote(body, *refusal->detail ? refusal->detail : refusal->reason);
    print_member(body, "error", kinds[refusal->kind].word);
    print_member(body, "hint", refusal->hint);
    if (refusal->kind == REFUSAL_AUTHORITY || refusal->kind == REFUSAL_UNBOUND ||
        refusal->kind == REFUSAL_UNAVAILABLE)       /* where OpenShell's clients look */
        print_member(body, "message", refusal->detail);
    if (!is_of_stage(refusal))
        print_member(body, "reason", refusal->reason);
    if (is_of_voter(refusal)) {
        print_vote(body, refusal);
        return;
    }
    if (refusal->request.method)
        print_rules(body, &refusal->request, refusal->policy ? refusal->policy : "-");
    if (advise && about_policy)
        print_advice(body);
    else if (refusal->request.method)
        buf_puts(body, ",\"next_steps\":[]");
}

static void print_proxy_status(enum egress_refusal_kind kind, struct buf *out)
{
    buf_printf(out, "Proxy-Status: sluice; error=%s; details=\"", kinds[kind].proxy_error);
    for (const char *p = kinds[kind].word; *p; p++)
        buf_putc(out, (char)toupper((unsigned char)*p));
    buf_puts(out, "\"\r\n");
}

/* A key of a policy may hold what a header field may not. */
static void print_policy(const char *key, struct buf *out)
{
    buf_puts(out, "X-OpenShell-Policy: ");
    for (const char *p = key ? key : "-"; *p; p++)
        buf_putc(out, *p >= ' ' && *p <= '~' ? *p : '?');
    buf_puts(out, "\r\n");
}

void egress_refusal_print_response(enum egress_refusal_kind kind, const char *policy,
                                   struct buf *body, struct buf *out)
{
    buf_puts(body, "}\n");
    egress_status_line(kinds[kind].status, out);
    buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body->len);
    print_proxy_status(kind, out);
    if (kinds[kind].status == 403)
        print_policy(policy, out);
    buf_puts(out, "Connection: close\r\n\r\n");
    buf_add(out, body->data, body->len);
}

void egress_refusal_print(const struct egress_refusal *refusal, bool advise, struct buf *out)
{
    struct buf body = {0};
    egress_refusal_print_members(refusal, advise, &body);
    egress_refusal_print_response(refusal->kind, refusal->policy, &body, out);
    buf_free(&body);
}

int egress_refusal_errno(const struct egress_refusal *refusal)
{
    switch (refusal->error) {
    case -ECONNREFUSED:
    case -EHOSTUNREACH:
    case -ENETUNREACH:
    case -ETIMEDOUT:
        return refusal->error;
    default:
        break;
    }
    if (refusal->kind == REFUSAL_SLOW)
        return -ETIMEDOUT;
    return refusal->kind == REFUSAL_UNREACHABLE ? -EHOSTUNREACH : -ECONNREFUSED;
}
