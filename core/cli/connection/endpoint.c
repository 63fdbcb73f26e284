/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/connection/endpoint.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/standard.h"

static const char unix_scheme[] = "unix:", tls_scheme[] = "https://";
static const char *const tcp_schemes[] = {"tcp:", "http://", tls_scheme};

enum { TCP_SCHEMES = sizeof tcp_schemes / sizeof *tcp_schemes };

/* What follows the scheme, or NULL. */
static const char *after(const char *text, const char *scheme)
{
    size_t len = strlen(scheme);
    return strncmp(text, scheme, len) == 0 ? text + len : NULL;
}

static const char *after_tcp_scheme(const char *text)
{
    const char *rest = NULL;
    for (size_t i = 0; i < TCP_SCHEMES && !rest; i++)
        rest = after(text, tcp_schemes[i]);
    return rest;
}

char *endpoint_default(void)
{
    if (geteuid() == 0)
        return alloc_str("unix:/var/lib/sluice/sluice.sock");
    char *home = standard_state_home();
    char *gateway = alloc_printf("unix:%s/sluice/sluice.sock", home ? home : "/.local/state");
    free(home);
    return gateway;
}

/* The address goes into a request's head. */
static bool is_plain_text(const char *text)
{
    while (isgraph((unsigned char)*text))
        text++;
    return !*text;
}

static bool is_address(const char *gateway)
{
    struct endpoint e;
    const char *path = after(gateway, unix_scheme);
    if (path)
        return *path;
    if (!after_tcp_scheme(gateway) || !is_plain_text(gateway))
        return false;
    endpoint_read(gateway, &e);
    bool complete = *e.host && *e.port;
    endpoint_free(&e);
    return complete;
}

int endpoint_check(const struct cli *cli)
{
    if (is_address(cli->gateway))
        return -1;
    return usage_error(cli,
                       "a gateway is unix:PATH, http://HOST:PORT or https://HOST:PORT, not '%s'",
                       cli->gateway);
}

/* HOST, HOST:PORT or [HOST]:PORT. */
static void read_authority(const char *authority, bool tls, struct endpoint *out)
{
    const char *host = authority, *end = strchr(authority, ']');
    bool bracketed = *host == '[' && end;
    const char *colon = strchr(bracketed ? end : host, ':');
    if (bracketed)
        host++;
    else
        end = colon ? colon : host + strlen(host);
    out->host = alloc_printf("%.*s", (int)(end - host), host);
    out->port = alloc_str(colon ? colon + 1 : tls ? "443" : "80");
}

static char *trimmed(const char *prefix)
{
    size_t len = strlen(prefix);
    while (len && prefix[len - 1] == '/')
        len--;
    return alloc_printf("%.*s", (int)len, prefix);
}

void endpoint_read(const char *gateway, struct endpoint *out)
{
    const char *path = after(gateway, unix_scheme);
    *out = (struct endpoint){.tls = after(gateway, tls_scheme)};
    if (path) {
        out->path = alloc_str(path);
        out->authority = alloc_str("localhost");
        out->prefix = alloc_str("");
        return;
    }
    const char *rest = after_tcp_scheme(gateway);
    size_t len = strcspn(rest, "/");
    char *authority = alloc_printf("%.*s", (int)len, rest), *at = strrchr(authority, '@');
    out->authority = alloc_str(at ? at + 1 : authority);
    out->prefix = trimmed(rest + len);
    read_authority(out->authority, out->tls, out);
    free(authority);
}

void endpoint_free(struct endpoint *endpoint)
{
    free(endpoint->path);
    free(endpoint->host);
    free(endpoint->port);
    free(endpoint->authority);
    free(endpoint->prefix);
}
