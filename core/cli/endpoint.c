/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/endpoint.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/trust.h"

static const char unix_scheme[] = "unix:", tcp_scheme[] = "tcp:";

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

char *endpoint_default(void)
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (geteuid() == 0)
        return alloc_str("unix:/var/lib/sluice/sluice.sock");
    if (xdg && *xdg == '/')
        return alloc_printf("unix:%s/sluice/sluice.sock", xdg);
    return alloc_printf("unix:%s/.local/state/sluice/sluice.sock", home ? home : "");
}

/* tcp:HOST:PORT is what sluiced prints; it means http. */
static char *make_url(const char *gateway, const char *path)
{
    if (begins(gateway, unix_scheme))
        return alloc_printf("http://localhost%s", path);
    if (begins(gateway, tcp_scheme))
        return alloc_printf("http://%s%s", gateway + strlen(tcp_scheme), path);
    size_t len = strlen(gateway);
    while (len && gateway[len - 1] == '/')
        len--;
    return alloc_printf("%.*s%s", (int)len, gateway, path);
}

int endpoint_check(const struct cli *cli)
{
    static const char *const schemes[] = {unix_scheme, tcp_scheme, "http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (begins(cli->gateway, schemes[i]) && cli->gateway[strlen(schemes[i])])
            return -1;
    return usage_error(cli,
                       "a gateway is unix:PATH, http://HOST:PORT or https://HOST:PORT, not '%s'",
                       cli->gateway);
}

static bool is_plain(const struct cli *cli)
{
    return !begins(cli->gateway, unix_scheme) && !begins(cli->gateway, "https://");
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct cli *cli = ctx;
    (void)purpose;
    if (is_plain(cli) && !trust_plain(cli, &address->addr)) {
        cli->distrusts = true;
        return CURL_SOCKET_BAD;
    }
    return cli->socket =
               socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool is_trusted(const struct cli *cli, struct trust_end gateway, struct trust_end own)
{
    if (begins(cli->gateway, unix_scheme))
        return trust_socket(cli, cli->socket, cli->gateway + strlen(unix_scheme));
    return !is_plain(cli) || trust_tcp(cli, gateway, own);
}

/* Connected, and nothing is sent yet. */
static int before_request(void *ctx, char *ip, char *own_ip, int port, int own_port)
{
    struct cli *cli = ctx;
    cli->distrusts =
        !is_trusted(cli, (struct trust_end){ip, port}, (struct trust_end){own_ip, own_port});
    return cli->distrusts ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

int endpoint_trusts(const struct cli *cli, CURL *curl)
{
    char *ip = NULL, *own_ip = NULL;
    long port = 0, own_port = 0;
    curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &ip);
    curl_easy_getinfo(curl, CURLINFO_PRIMARY_PORT, &port);
    curl_easy_getinfo(curl, CURLINFO_LOCAL_IP, &own_ip);
    curl_easy_getinfo(curl, CURLINFO_LOCAL_PORT, &own_port);
    return before_request((void *)(uintptr_t)cli, ip ? ip : "", own_ip ? own_ip : "", (int)port,
                          (int)own_port) == CURL_PREREQFUNC_OK
               ? 0
               : -1;
}

CURL *endpoint_curl(const struct cli *cli, const char *path)
{
    char *url = make_url(cli->gateway, path);
    CURL *curl = curl_easy_init();
    if (begins(cli->gateway, unix_scheme))
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->gateway + strlen(unix_scheme));
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, (void *)(uintptr_t)cli);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, (void *)(uintptr_t)cli);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    free(url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    return curl;
}

/* curl reports a header field that is too long for it as a failed allocation. */
const char *endpoint_reason(CURLcode code, const char *detail)
{
    if (code == CURLE_OUT_OF_MEMORY)
        return "a field of its answer's header has more than 100 KiB";
    return *detail ? detail : curl_easy_strerror(code);
}

/* Of a Unix socket curl says only that it could not connect to localhost port 80. */
int endpoint_failed(const struct cli *cli, CURL *curl, CURLcode code, const char *detail)
{
    long number = 0;
    if (cli->distrusts)
        return EXIT_UNREACHABLE;
    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
    if (begins(cli->gateway, unix_scheme) && code == CURLE_COULDNT_CONNECT && number)
        detail = strerror((int)number);
    complain("cannot reach the gateway at %s: %s\nis sluiced running? --gateway or SLUICE_GATEWAY "
             "names another one",
             cli->gateway, endpoint_reason(code, detail));
    return EXIT_UNREACHABLE;
}
