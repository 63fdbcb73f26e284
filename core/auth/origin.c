/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/origin.h"

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
    const char *origin = http_request_header(req, "Origin"), *host = http_request_header(req, "Host");
    const char *of = origin ? strstr(origin, "://") : NULL;
    return origin && (!of || !host || strcasecmp(of + 3, host) != 0);
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

const char *origin_forwarded_by(const struct http_request *req)
{
    /* Names, and beginnings of names that end in '*'. */
    static const char *const marks[] = {
        "Forwarded*", "Via", "X-Forward*", "X-Real-*", "X-Client-*", "X-Cluster-Client-*", "X-Original-*",
        "X-Originating-*", "X-Remote-*", "X-Proxy*", "X-Envoy-*", "X-Amzn-*", "X-Azure-*", "X-Appengine-*",
        "X-Host", "X-Auth-Request-*", "True-Client-*", "Client-IP", "CF-*", "CDN-Loop", "Fastly-*",
        "Proxy-*", "Remote-*", "Tailscale-*",
    };
    for (size_t i = 0; i < req->head->n_fields; i++)
        for (size_t m = 0; m < sizeof marks / sizeof *marks; m++) {
            const char *name = req->head->fields[i].name;
            size_t len = strlen(marks[m]);
            bool begins = marks[m][len - 1] == '*';
            if (begins ? strncasecmp(name, marks[m], len - 1) == 0 : strcasecmp(name, marks[m]) == 0)
                return name;
        }
    return NULL;
}
