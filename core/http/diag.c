/* SPDX-License-Identifier: Apache-2.0 */
#include "http/diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

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

static void put_question(const struct sockaddr_storage *own, const struct sockaddr_storage *other,
                         struct question *q)
{
    *q = (struct question){
        .header = {.nlmsg_len = sizeof *q, .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = (uint8_t)own->ss_family,
                    .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u,
                    .id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    put_end(own, q->request.id.idiag_src, &q->request.id.idiag_sport);
    put_end(other, q->request.id.idiag_dst, &q->request.id.idiag_dport);
}

static bool read_answer(const char *bytes, size_t len, struct http_tcp_socket *out)
{
    const struct nlmsghdr *header = (const struct nlmsghdr *)bytes;
    struct inet_diag_msg message;
    if (len < NLMSG_LENGTH(sizeof message) || !NLMSG_OK(header, len) ||
        header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    memcpy(&message, NLMSG_DATA(header), sizeof message);
    *out = (struct http_tcp_socket){.listening = message.idiag_state == TCP_LISTEN,
                                    .inode = message.idiag_inode, .uid = message.idiag_uid};
    return true;
}

static bool ask(int fd, const struct question *q, struct http_tcp_socket *out)
{
    _Alignas(struct nlmsghdr) char answer[4096];
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct timeval patience = {.tv_usec = 100 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (sendto(fd, q, sizeof *q, 0, (struct sockaddr *)&kernel, sizeof kernel) != sizeof *q)
        return false;
    ssize_t len = recv(fd, answer, sizeof answer, 0);
    return len > 0 && read_answer(answer, (size_t)len, out);
}

bool http_diag_find(const struct sockaddr_storage *own, const struct sockaddr_storage *other,
                    struct http_tcp_socket *out)
{
    struct question q;
    put_question(own, other, &q);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return false;
    bool found = ask(fd, &q, out);
    close(fd);
    return found;
}

/* A connection that nobody has accepted yet has no owner, so it is asked who listens: for a client
 * that there cannot be, as its port is 0. */
bool http_diag_server(const struct sockaddr_storage *client, const struct sockaddr_storage *server,
                      uid_t *uid)
{
    struct sockaddr_storage nobody = *client;
    struct http_tcp_socket found;
    if (!http_diag_find(server, client, &found) || found.listening)
        return false;
    if (found.inode == 0) {
        if (client->ss_family == AF_INET)
            ((struct sockaddr_in *)&nobody)->sin_port = 0;
        else
            ((struct sockaddr_in6 *)&nobody)->sin6_port = 0;
        if (!http_diag_find(server, &nobody, &found) || !found.listening || found.inode == 0)
            return false;
    }
    *uid = found.uid;
    return true;
}
