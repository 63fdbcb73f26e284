/* SPDX-License-Identifier: Apache-2.0 */
#include "http/peer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http/diag.h"
#include "http/holder.h"

static void read_unix(int fd, struct http_peer *peer)
{
    struct ucred cred;
    socklen_t len = sizeof cred;
    peer->kind = HTTP_UNIX;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0) {
        peer->uid = cred.uid;
        peer->pid = cred.pid;
        peer->apart = http_process_apart(cred.pid, cred.uid);
        peer->uid_known = !peer->apart;
    }
    snprintf(peer->text, sizeof peer->text, "unix:uid=%u,pid=%d", (unsigned)peer->uid,
             (int)peer->pid);
}

void http_peer_read(int fd, struct http_peer *peer)
{
    struct http_address address;
    socklen_t len = sizeof peer->remote, local_len = sizeof peer->local;
    memset(peer, 0, sizeof *peer);
    peer->uid = (uid_t)-1;
    /* Our own end tells the kind: a TCP peer that has reset the connection has no name any more,
     * but must not pass for a local one. */
    if (getsockname(fd, (struct sockaddr *)&peer->local, &local_len) == 0 &&
        peer->local.ss_family == AF_UNIX) {
        read_unix(fd, peer);
        return;
    }
    peer->kind = HTTP_TCP;
    if (getpeername(fd, (struct sockaddr *)&peer->remote, &len) != 0 ||
        (peer->remote.ss_family != AF_INET && peer->remote.ss_family != AF_INET6)) {
        snprintf(peer->text, sizeof peer->text, "tcp:gone");
        return;
    }
    peer->loopback = http_address_loopback((struct sockaddr *)&peer->remote);
    http_address_from_ip((struct sockaddr *)&peer->remote, &address);
    http_address_format(&address, peer->text);
}

/* The socket wanted is the other end of ours.  One in TIME_WAIT and one that no process holds are
 * reported with uid 0 and inode 0: they must not pass for root's. */
void http_peer_look(struct http_peer *peer)
{
    struct http_tcp_socket found;
    if (peer->uid_known || peer->kind != HTTP_TCP || !peer->loopback ||
        !http_diag_find(&peer->remote, &peer->local, &found) || found.listening || found.inode == 0)
        return;
    peer->uid_known = http_socket_held_here(found.inode, found.uid);
    peer->apart = !peer->uid_known;
    peer->uid = peer->uid_known ? found.uid : (uid_t)-1;
}

bool http_peer_uid(const struct http_peer *peer, uid_t *uid)
{
    if (peer->uid_known)
        *uid = peer->uid;
    return peer->uid_known;
}
