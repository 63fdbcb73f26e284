/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/forward/rewrite.h"

#include <string.h>
#include <strings.h>

#define VIA "Via: 1.1 sluice\r\n"

static bool stays_behind(const struct http_head *head, const struct http_field *field)
{
    static const char *const own[] = {
        "Connection",        "Expect",         "Keep-Alive", "TE", "Trailer", "Upgrade",
        "Transfer-Encoding", "Content-Length", NULL};
    return http_field_in(field, own) || strncasecmp(field->name, "Proxy-", 6) == 0 ||
           http_head_lists(head, "Connection", field->name);
}

static void print_field(const struct http_field *field, struct buf *out)
{
    buf_puts(out, field->name);
    buf_puts(out, ": ");
    buf_puts(out, field->value);
    buf_puts(out, "\r\n");
}

static void print_fields(const struct http_head *head, const char *without, const char *nor,
                         struct buf *out)
{
    for (size_t i = 0; i < head->n_fields; i++) {
        const struct http_field *field = &head->fields[i];
        if (!http_field_is(field, without) && (!nor || !http_field_is(field, nor)) &&
            !stays_behind(head, field))
            print_field(field, out);
    }
}

void egress_rewrite_host(const struct egress_target *target, uint16_t default_port,
                         struct buf *out)
{
    const char *colon = strrchr(target->authority, ':');
    size_t len = target->port == default_port ? (size_t)(colon - target->authority)
                                              : strlen(target->authority);
    buf_add(out, target->authority, len);
}

static void print_number(uint64_t length, struct buf *out)
{
    buf_puts(out, "Content-Length: ");
    buf_number(out, (int64_t)length);               /* the parser takes 18 digits at most */
    buf_puts(out, "\r\n");
}

static void print_length(const struct http_head *head, struct buf *out)
{
    if (head->has_length)
        print_number(head->length, out);
}

#define WEBSOCKET "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define EXTENSIONS "Sec-WebSocket-Extensions"

static void print_upgrade(const struct egress_rewrite *how, struct buf *out)
{
    buf_puts(out, WEBSOCKET);
    if (how->extensions && *how->extensions)
        buf_printf(out, EXTENSIONS ": %s\r\n", how->extensions);
}

void egress_rewrite_request(const struct http_head *head, const struct egress_target *target,
                            const struct egress_rewrite *how, struct buf *out)
{
    bool server_wide = strcmp(head->method, "OPTIONS") == 0 && !*how->path && !*how->query;
    const char *root = *how->path == '/' ? "" : server_wide ? "*" : "/";
    const char *without = how->extensions ? EXTENSIONS : how->plain ? "Accept-Encoding" : NULL;
    buf_puts(out, head->method);
    buf_putc(out, ' ');
    buf_puts(out, root);
    buf_puts(out, how->path);
    buf_puts(out, how->query);
    buf_puts(out, " HTTP/1.1\r\n");
    buf_puts(out, "Host: ");
    egress_rewrite_host(target, how->default_port, out);
    buf_puts(out, "\r\n");
    print_fields(head, "Host", without, out);
    if (how->whole && (head->chunked || head->has_length))
        print_number(how->length, out);
    else if (head->chunked)
        buf_puts(out, "Transfer-Encoding: chunked\r\n");
    else
        print_length(head, out);
    buf_puts(out, how->via ? VIA : "");
    buf_puts(out, how->last ? "Connection: close\r\n" : "");
    buf_puts(out, how->trailers ? "Connection: TE\r\nTE: trailers\r\n" : "");
    if (how->websocket)
        print_upgrade(how, out);
    buf_puts(out, "\r\n");
}

struct egress_framing egress_frame_response(const struct http_head *request,
                                            const struct http_head *response)
{
    struct egress_framing framing = {
        .no_body = strcmp(request->method, "HEAD") == 0 || response->status == 204 ||
                   response->status == 304};
    bool counted = framing.no_body || response->has_length;
    framing.chunked = !counted && request->minor > 0;
    framing.keep_alive = request->keep_alive && (counted || framing.chunked);
    return framing;
}

void egress_rewrite_response(const struct http_head *request, const struct http_head *response,
                             const struct egress_framing *framing, bool via, struct buf *out)
{
    egress_status_line(response->status, out);
    print_fields(response, "Connection", NULL, out);
    if (framing->chunked)
        buf_puts(out, "Transfer-Encoding: chunked\r\n");
    if (response->status != 204)
        print_length(response, out);
    buf_puts(out, via ? VIA : "");
    if (!framing->keep_alive)
        buf_puts(out, "Connection: close\r\n");
    else if (request->minor == 0)
        buf_puts(out, "Connection: keep-alive\r\n");
    buf_puts(out, "\r\n");
}

void egress_rewrite_interim(const struct http_head *response, struct buf *out)
{
    egress_status_line(response->status, out);
    print_fields(response, "Connection", NULL, out);
    buf_puts(out, "\r\n");
}

static void print_fields_of_upgrade(const struct http_head *head, struct buf *out)
{
    static const char *const own[] = {"Sec-WebSocket-Accept", "Sec-WebSocket-Protocol",
                                      "Sec-WebSocket-Extensions", NULL};
    for (size_t i = 0; i < head->n_fields; i++)
        if (http_field_in(&head->fields[i], own))
            print_field(&head->fields[i], out);
}

void egress_rewrite_upgrade(const struct http_head *response, bool bare, struct buf *out)
{
    egress_status_line(response->status, out);
    if (bare)
        print_fields_of_upgrade(response, out);
    else
        print_fields(response, "Connection", NULL, out);
    buf_puts(out, WEBSOCKET "\r\n");
}

void egress_frame_body(struct buf *out, bool chunked, const char *bytes, size_t len)
{
    if (chunked)
        buf_printf(out, "%zx\r\n", len);
    buf_add(out, bytes, len);
    if (chunked)
        buf_puts(out, "\r\n");
}

/* Those that a message must not end with (RFC 9110, 6.5.1) belong to its beginning. */
static bool may_follow(const struct http_field *field)
{
    static const char *const beginning[] = {
        "Host",           "Authorization", "Content-Encoding", "Content-Type", "Content-Range",
        "Content-Length", "Set-Cookie",    "Cache-Control",    "Location",     NULL};
    return !http_field_in(field, beginning);
}

void egress_frame_end(struct buf *out, bool chunked, const struct http_head *trailers)
{
    if (!chunked)
        return;
    buf_puts(out, "0\r\n");
    for (size_t i = 0; trailers && i < trailers->n_fields; i++) {
        const struct http_field *field = &trailers->fields[i];
        if (may_follow(field) && !stays_behind(trailers, field))
            print_field(field, out);
    }
    buf_puts(out, "\r\n");
}
