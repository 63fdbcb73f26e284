/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/connection/endpoint.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/standard.h"

/* Of the machine's gateway, as its package configures it. */
static const char machine[] = "unix:/run/sluice/sluice.sock", machine_state[] = "/var/lib/sluice";

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

/* Of a gateway with no other configuration. */
static char *own_socket(void)
{
    if (geteuid() == 0)
        return alloc_str("unix:/var/lib/sluice/sluice.sock");
    char *home = standard_state_home();
    char *gateway = alloc_printf("unix:%s/sluice/sluice.sock", home ? home : "/.local/state");
    free(home);
    return gateway;
}

/* Somebody listens there, also if this user may not connect. */
static bool is_served(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    size_t len = strlen(path);
    if (fd < 0 || len >= sizeof name.sun_path)
        len = 0;
    memcpy(name.sun_path, path, len);
    bool served = len && (connect(fd, (struct sockaddr *)&name, sizeof name) == 0 ||
                          errno == EACCES || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return served;
}

/* One's own gateway; where there is none, that of the machine. */
char *endpoint_default(void)
{
    char *own = own_socket();
    if (is_served(after(own, unix_scheme)) || !is_served(after(machine, unix_scheme)))
        return own;
    free(own);
    return alloc_str(machine);
}

char *endpoint_state_folder(const char *gateway)
{
    const char *path = after(gateway, unix_scheme), *slash = path ? strrchr(path, '/') : NULL;
    if (strcmp(gateway, machine) == 0)
        return alloc_str(machine_state);
    return slash ? alloc_printf("%.*s", (int)(slash - path) + (slash == path), path)
                 : alloc_str(path ? "." : NULL);
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
