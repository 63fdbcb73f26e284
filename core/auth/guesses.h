/* SPDX-License-Identifier: Apache-2.0 */
/* Who has sent wrong tokens, or asked for a login, lately: so that a secret that somebody made up
 * cannot be tried out, and strangers keep nobody busy.  Tokens that `sluice token create` makes
 * cannot be guessed and are not counted.  Loop thread only; plain values. */
#ifndef AUTH_GUESSES_H
#define AUTH_GUESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "http/peer.h"

enum { GUESSES_MAX = 60, GUESSES_WINDOW_MS = 60 * 1000, GUESSES_SOURCES = 64 };

struct guesses {
    struct {
        char source[64];
        unsigned failed;
        int64_t since_ms;
    } rows[GUESSES_SOURCES];
};

/* How many milliseconds the peer has to wait until a secret of its is looked at again; 0: none. */
int64_t guesses_wait_ms(const struct guesses *g, const struct http_peer *peer, int64_t now_ms);
void guesses_count(struct guesses *g, const struct http_peer *peer, int64_t now_ms);

#endif
