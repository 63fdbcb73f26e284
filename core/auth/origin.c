/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/origin.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "http/request.h"

bool origin_is_other_site(const struct http_request *req)
{
    for (size_t i = 0; i < req->head->n_fields; i++) {
        const struct http_field *f = &req->head->fields[i];
        if (strcasecmp(f->name, "Sec-Fetch-Site") == 0 && strcasecmp(f->value, "none") != 0 &&
            strcasecmp(f->value, "same-origin") != 0)
            return true;
    }
    return false;
}

bool origin_is_foreign_page(const struct http_request *req)
{
    const char *host = http_request_header(req, "Host");
    for (size_t i = 0; i < req->head->n_fields; i++) {
        const struct http_field *f = &req->head->fields[i];
        if (strcasecmp(f->name, "Origin") != 0)
            continue;
        const char *of = strstr(f->value, "://");
        if (!of || !host || strcasecmp(of + 3, host) != 0)
            return true;
    }
    return false;
}

bool origin_host_is_local(const struct http_request *req)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = http_request_header(req, "Host");
    for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (strncasecmp(host, names[i], len) == 0 && (host[len] == '\0' || host[len] == ':'))
            return true;
    }
    return false;
}

bool origin_host_is_below_local(const struct http_request *req)
{
    static const char suffix[] = ".localhost";
    const char *host = http_request_header(req, "Host");
    size_t len = host ? strcspn(host, ":") : 0, n = sizeof suffix - 1;
    return len > n && strncasecmp(host + len - n, suffix, n) == 0;
}

static char plain(char c)
{
    return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

/* A mark is a name, or with '*' at its end the beginning of names. */
static bool bears_mark(const char *name, const char *mark)
{
    while (*mark && *mark != '*' && plain(*name) == plain(*mark)) {
        name++;
        mark++;
    }
    return *mark == '*' || (!*mark && !*name);
}

const char *origin_forwarded_by(const struct http_request *req)
{
    static const char *const marks[] = {
        "Forwarded*",
        "Via",
        "X-Forward*",
        "X-Real-*",
        "X-Client-*",
        "X-Cluster-Client-*",
        "X-Original-*",
        "X-Originating-*",
        "X-Remote-*",
        "X-Proxy*",
        "X-Envoy-*",
        "X-Amzn-*",
        "X-Azure-*",
        "X-Appengine-*",
        "X-Host",
        "X-Auth-Request-*",
        "True-Client-*",
        "Client-IP",
        "CF-*",
        "CDN-Loop",
        "Fastly-*",
        "Proxy-*",
        "Remote-*",
        "Tailscale-*",
        "WL-Proxy-*",
        "Ali-CDN-*",
        "Akamai-*",
        "X-Akamai-*",
        "Fly-*",
        "Incap-*",
        "X-Sucuri-*",
        "X-Varnish*",
        "Surrogate-Capability",
        "X-Vercel-*",
        "X-WebAuth-*",
        "X-Traefik-*",
        "X-Nginx-*",
        "X-ARR-*",
        "X-SSL-*",
        "SSL-Client-*",
        "Front-End-Https",
    };
    for (size_t i = 0; i < req->head->n_fields; i++)
        for (size_t m = 0; m < sizeof marks / sizeof *marks; m++)
            if (bears_mark(req->head->fields[i].name, marks[m]))
                return req->head->fields[i].name;
    return NULL;
}
