/* SPDX-License-Identifier: Apache-2.0 */
#include "http/peer.h"

#include "http/holder.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

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

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
};

static void put_end(const struct sockaddr_storage *ip, __be32 address[4], __be16 *port)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)ip;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ip;
    *port = ip->ss_family == AF_INET ? v4->sin_port : v6->sin6_port;
    if (ip->ss_family == AF_INET)
        memcpy(address, &v4->sin_addr, sizeof v4->sin_addr);
    else
        memcpy(address, &v6->sin6_addr, sizeof v6->sin6_addr);
}

/* The socket wanted is the other end of ours: its source is our remote address. */
static void put_question(const struct http_peer *peer, struct question *q)
{
    *q = (struct question){
        .header = {.nlmsg_len = sizeof *q, .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = (uint8_t)peer->remote.ss_family,
                    .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u,
                    .id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    put_end(&peer->remote, q->request.id.idiag_src, &q->request.id.idiag_sport);
    put_end(&peer->local, q->request.id.idiag_dst, &q->request.id.idiag_dport);
}

/* A socket in TIME_WAIT and one that no process holds are reported with uid 0 and inode 0: they
 * must not pass for root's. */
static bool read_answer(const char *bytes, size_t len, struct inet_diag_msg *out)
{
    const struct nlmsghdr *header = (const struct nlmsghdr *)bytes;
    if (len < NLMSG_LENGTH(sizeof *out) || !NLMSG_OK(header, len) ||
        header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    memcpy(out, NLMSG_DATA(header), sizeof *out);
    return out->idiag_inode != 0;
}

static bool ask(int fd, const struct http_peer *peer, struct inet_diag_msg *out)
{
    struct question q;
    _Alignas(struct nlmsghdr) char answer[4096];
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct timeval patience = {.tv_usec = 100 * 1000};
    put_question(peer, &q);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (sendto(fd, &q, sizeof q, 0, (struct sockaddr *)&kernel, sizeof kernel) != sizeof q)
        return false;
    ssize_t len = recv(fd, answer, sizeof answer, 0);
    return len > 0 && read_answer(answer, (size_t)len, out);
}

void http_peer_look(struct http_peer *peer)
{
    struct inet_diag_msg found;
    if (peer->uid_known || peer->kind != HTTP_TCP || !peer->loopback)
        return;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return;
    if (ask(fd, peer, &found)) {
        peer->uid_known = http_socket_held_here(found.idiag_inode, found.idiag_uid);
        peer->apart = !peer->uid_known;
        peer->uid = peer->uid_known ? found.idiag_uid : (uid_t)-1;
    }
    close(fd);
}

bool http_peer_uid(const struct http_peer *peer, uid_t *uid)
{
    if (peer->uid_known)
        *uid = peer->uid;
    return peer->uid_known;
}
