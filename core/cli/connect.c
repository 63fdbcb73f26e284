/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/connect.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

static const char unix_scheme[] = "unix:", tcp_scheme[] = "tcp:";

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

char *connect_default(void)
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (geteuid() == 0)
        return alloc_str("unix:/var/lib/sluice/sluice.sock");
    if (xdg && *xdg == '/')
        return alloc_printf("unix:%s/sluice/sluice.sock", xdg);
    return alloc_printf("unix:%s/.local/state/sluice/sluice.sock", home ? home : "");
}

int connect_check(const struct cli *cli)
{
    static const char *const schemes[] = {unix_scheme, tcp_scheme, "http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (begins(cli->gateway, schemes[i]) && cli->gateway[strlen(schemes[i])])
            return -1;
    return usage_error(cli, "a gateway is unix:PATH, http://HOST:PORT or https://HOST:PORT, not '%s'", cli->gateway);
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

CURL *connect_new(const struct cli *cli, const char *path)
{
    char *url = make_url(cli->gateway, path);
    CURL *curl = curl_easy_init();
    if (begins(cli->gateway, unix_scheme))
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->gateway + strlen(unix_scheme));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    free(url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    return curl;
}

/* Of a Unix socket curl says only that it could not connect to localhost port 80. */
int connect_failed(const struct cli *cli, CURL *curl, CURLcode code, const char *detail)
{
    long number = 0;
    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
    if (begins(cli->gateway, unix_scheme) && code == CURLE_COULDNT_CONNECT && number)
        detail = strerror((int)number);
    complain("cannot reach the gateway at %s: %s\nis sluiced running? --gateway or SLUICE_GATEWAY names another one",
             cli->gateway, *detail ? detail : curl_easy_strerror(code));
    return EXIT_UNREACHABLE;
}
