/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/cli/console: a loopback port through which one browser reaches the gateway as whoever
 * runs sluice.
 *
 * The link is redeemed once, within a minute, for a cookie.  Both are secrets of 256 random bits.
 * The cookie counts only on connections of the user who redeemed the link, as browsers send
 * cookies of 127.0.0.1 to every port there: whoever reads it at another port cannot use it.
 *
 * Each connection carries one request and is served by a process of its own; what they share is
 * struct relay_session, in shared memory.  Other users of the machine can reach the port as well:
 * they get few connections, and none of those of whoever redeemed the link. */
#ifndef CLI_CONSOLE_RELAY_H
#define CLI_CONSOLE_RELAY_H

#include <stdatomic.h>
#include <sys/types.h>

#include "base/digest.h"
#include "cli/cli.h"
#include "http/head.h"

enum { RELAY_LINK_S = 60, RELAY_AUTHORITY_SIZE = 32 };

enum relay_link { LINK_NEW, LINK_TAKEN, LINK_REDEEMED };

struct relay_session {
    _Atomic int link;                               /* enum relay_link */
    uid_t uid;                                      /* who redeemed it; set once it is redeemed */
};

struct relay {
    const struct cli *cli;
    struct relay_session *session;
    int64_t until;                                  /* of the link, on the boot clock */
    char authority[RELAY_AUTHORITY_SIZE];           /* 127.0.0.1:PORT */
    char cookie_name[RELAY_AUTHORITY_SIZE];         /* of this port: others keep theirs */
    char link[DIGEST_HEX_SIZE], cookie[DIGEST_HEX_SIZE];
};

/* What a request gets. */
struct relay_answer {
    int status; /* 0: it goes on to the gateway */
    const char *text;                               /* of a refusal */
    const char *location;                           /* of 303 */
    bool sets_cookie;
};

/* session.c: it is known whose console it is. */
bool relay_is_redeemed(const struct relay *relay);
/* Whether the request may pass, from a user of this machine ((uid_t)-1: not known). */
void relay_admit(const struct relay *relay, const struct http_head *head, uid_t uid, int64_t now,
                 struct relay_answer *out);

/* serve.c: the user at the other end, as the kernel says; (uid_t)-1: not known. */
uid_t relay_peer(int client);
/* One connection of that user, to its end. */
void relay_serve(const struct relay *relay, int client, uid_t uid);

#endif
