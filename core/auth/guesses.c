/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/guesses.h"

#include <stdio.h>
#include <string.h>

/* A user of this machine, or an address: what a new connection does not change. */
static void put_source(const struct http_peer *peer, char out[64])
{
    const char *colon = strrchr(peer->text, ':');
    if (peer->kind == HTTP_UNIX)
        snprintf(out, 64, "uid %u", (unsigned)peer->uid);
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
    if (strcmp(g->rows[i].source, source) != 0 || now_ms >= g->rows[i].since_ms + GUESSES_WINDOW_MS) {
        memcpy(g->rows[i].source, source, sizeof source);
        g->rows[i].failed = 0;
        g->rows[i].since_ms = now_ms;
    }
    g->rows[i].failed++;
}
