/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a connection, as far as this machine's kernel can say.
 *
 * Asking costs two system calls on a socket that answers at once, so it may be done on the loop
 * thread.  Plain values. */
#ifndef HTTP_PEER_H
#define HTTP_PEER_H

#include "http/address.h"

#include <sys/types.h>

struct http_peer {
    enum http_address_kind kind;
    bool loopback;                                  /* tcp from this machine */
    bool apart;                                     /* unix: in another user namespace than ours */
    bool uid_known;                                 /* unix: unless apart; tcp: see http_peer_uid */
    uid_t uid;
    pid_t pid;                                      /* unix only, else 0; may have ended since */
    struct sockaddr_storage local, remote;          /* tcp */
    char text[HTTP_ADDRESS_SIZE];  /* for logs: "unix:uid=1000,pid=4711" or "tcp:1.2.3.4:5" */
};

/* Fills peer from a connected socket; a unix peer's uid is that of its connect(2) (SO_PEERCRED). */
void http_peer_read(int fd, struct http_peer *peer);

/* The uid that owns the peer's end.  A unix peer that is apart has none, as one who makes a user
 * namespace runs others under its own uid there: what is in a sandbox must not pass for the user
 * who made it.  Nor has one under our uid that has ended before it was looked at.  For loopback TCP it is asked of the kernel by socket
 * diagnostics, once, and only an answer about a socket that a process still holds counts: a peer
 * that has closed already, is on another machine or in another network namespace has none.
 * Returns false when it is unknown; *uid is then untouched. */
bool http_peer_uid(struct http_peer *peer, uid_t *uid);

#endif
