/* SPDX-License-Identifier: Apache-2.0 */
/* Where the gateway listens, and what each listener grants: entries of `listen` in the
 * configuration and the values of --listen.  Lives in the arena of the configuration. */
#ifndef GATEWAY_LISTEN_H
#define GATEWAY_LISTEN_H

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/problems.h"
#include "doc/schema.h"
#include "net/tls_server.h"

struct gateway_listener {
    const char *address;                            /* unix:PATH or tcp:HOST:PORT */
    const struct tls_files *tls;                    /* NULL: clear text */
    bool insecure; /* tokens are taken although others can read them */
    bool trust_local_uids; /* tcp: the uid of a local process is an identity */
    const char *group; /* unix: its members may connect; "": the gateway's user and root alone */
};

extern const struct schema listener_schema;

/* A value of --listen: an address, for tcp followed by ",insecure" and ",trust_local_uids". */
struct gateway_listener *listener_from_flag(const char *text, struct arena *arena);
/* What is wrong with a listener, as a problem at path.  from_flag: a tcp address that is not
 * loopback needs no "insecure", as it then takes no token. */
void listener_check(const struct gateway_listener *l, bool from_flag, const char *path,
                    struct arena *arena, struct problems *problems);
/* The listener with paths below base_dir made absolute. */
const struct gateway_listener *listener_below(const struct gateway_listener *l,
                                              const char *base_dir, struct arena *arena);
/* enum http_listener_flags */
unsigned listener_flags(const struct gateway_listener *l);
bool listener_is_unix(const struct gateway_listener *l);
/* Whether two listeners differ in nothing that needs a restart; the content of files does not. */
bool listener_same(const struct gateway_listener *a, const struct gateway_listener *b);
/* Lets the group of a Unix socket that is listened on connect to it.  -1: err. */
int listener_share(const struct gateway_listener *l, struct error *err);
/* Warns of what its traffic is exposed to. */
void listener_warn(const struct gateway_listener *l, const struct log *log);

#endif
