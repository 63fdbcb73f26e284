/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a connection, as far as this machine's kernel can say.  Plain
 * values. */
#ifndef HTTP_PEER_H
#define HTTP_PEER_H

#include <sys/types.h>

#include "http/address.h"

struct net_certificate;

struct http_peer {
    enum http_address_kind kind;
    unsigned listener;                              /* the flags it listens with: http/address.h */
    bool loopback;                                  /* tcp from this machine */
    bool apart;                                     /* in another user namespace, or it may be */
    bool uid_known;
    uid_t uid;
    pid_t pid;                                      /* unix only, else 0; may have ended since */
    bool encrypted;                                 /* by TLS, which ends here */
    struct net_certificate *certificate;            /* verified by the listener; NULL: none */
    struct sockaddr_storage local, remote;          /* tcp */
    char text[HTTP_ADDRESS_SIZE];  /* for logs: "unix:uid=1000,pid=4711" or "tcp:1.2.3.4:5" */
};

/* Fills peer from a connected socket; a unix peer's uid is that of its connect(2) (SO_PEERCRED),
 * and a tcp peer's is not known.  A peer that is apart has no uid: who makes a user namespace runs
 * others under its own uid there. */
void http_peer_read(int fd, struct http_peer *peer);

/* Looks for the uid of a loopback tcp peer: the kernel says who owns its socket (socket
 * diagnostics), and /proc says whether a process of that uid in our user namespace holds it.
 * Whatever is in doubt leaves the uid unknown: a peer that has closed already, is in another
 * network namespace, or whose descriptors this process may not see.  Blocks, so not on the loop
 * thread. */
void http_peer_look(struct http_peer *peer);

/* Returns false when the uid is unknown; *uid is then untouched. */
bool http_peer_uid(const struct http_peer *peer, uid_t *uid);

#endif
