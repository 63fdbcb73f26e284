/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/guesses.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* The first half of an IPv6 address: the rest is the host's own choice. */
static void put_network(const struct sockaddr_in6 *six, char out[64])
{
    struct in6_addr network = {0};
    char text[INET6_ADDRSTRLEN];
    memcpy(&network, &six->sin6_addr, 8);
    snprintf(out, 64, "tcp:[%s]/64", inet_ntop(AF_INET6, &network, text, sizeof text));
}

/* A user of this machine, an address, or those among which one client may choose: what a new
 * connection does not change. */
static void put_source(const struct http_peer *peer, char out[64])
{
    const char *colon = strrchr(peer->text, ':');
    if (peer->kind == HTTP_UNIX)
        snprintf(out, 64, "uid %u", (unsigned)peer->uid);
    else if (peer->loopback)
        snprintf(out, 64, "tcp:loopback");
    else if (peer->remote.ss_family == AF_INET6)
        put_network((const struct sockaddr_in6 *)&peer->remote, out);
    else
        snprintf(out, 64, "%.*s", (int)(colon ? colon - peer->text : 0), peer->text);
}

int64_t guesses_wait_ms(const struct guesses *g, const struct http_peer *peer, int64_t now_ms)
{
    char source[64];
    put_source(peer, source);
    for (size_t i = 0; i < GUESSES_SOURCES; i++)
        if (strcmp(g->rows[i].source, source) == 0 && g->rows[i].failed >= GUESSES_MAX &&
            now_ms < g->rows[i].since_ms + GUESSES_WINDOW_MS)
            return g->rows[i].since_ms + GUESSES_WINDOW_MS - now_ms;
    return 0;
}

/* The row of the source, or the one whose window began first. */
static size_t find_row(const struct guesses *g, const char *source)
{
    size_t oldest = 0;
    for (size_t i = 0; i < GUESSES_SOURCES; i++) {
        if (strcmp(g->rows[i].source, source) == 0)
            return i;
        if (g->rows[i].since_ms < g->rows[oldest].since_ms)
            oldest = i;
    }
    return oldest;
}

void guesses_count(struct guesses *g, const struct http_peer *peer, int64_t now_ms)
{
    char source[64];
    put_source(peer, source);
    size_t i = find_row(g, source);
    if (strcmp(g->rows[i].source, source) != 0 ||
        now_ms >= g->rows[i].since_ms + GUESSES_WINDOW_MS) {
        memcpy(g->rows[i].source, source, sizeof source);
        g->rows[i].failed = 0;
        g->rows[i].since_ms = now_ms;
    }
    g->rows[i].failed++;
}
