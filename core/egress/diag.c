/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/diag.h"

#include "base/error.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

int egress_ends_of(int fd, struct egress_ends *out)
{
    socklen_t client = sizeof out->client, proxy = sizeof out->proxy;
    memset(out, 0, sizeof *out);
    if (getpeername(fd, (struct sockaddr *)&out->client, &client) != 0 ||
        getsockname(fd, (struct sockaddr *)&out->proxy, &proxy) != 0)
        return -1;
    return 0;
}

static void put_end(const struct sockaddr_storage *ip, __be32 address[4], __be16 *port)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)ip;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ip;
    bool four = ip->ss_family == AF_INET;
    *port = four ? v4->sin_port : v6->sin6_port;
    memcpy(address, four ? (const void *)&v4->sin_addr : &v6->sin6_addr, four ? 4 : 16);
}

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
};

static int ask(int fd, uint32_t number, const struct egress_ends *ends, struct inet_diag_sockid *id)
{
    struct question q = {
        .header = {.nlmsg_len = sizeof q, .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = number},
        .request = {.sdiag_family = (uint8_t)ends->client.ss_family,
                    .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u,
                    .id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    put_end(&ends->client, q.request.id.idiag_src, &q.request.id.idiag_sport);
    put_end(&ends->proxy, q.request.id.idiag_dst, &q.request.id.idiag_dport);
    *id = q.request.id;
    return sendto(fd, &q, sizeof q, 0, (struct sockaddr *)&kernel, sizeof kernel) == sizeof q ? 0
                                                                                             : -1;
}

/* Answers that nobody waited for are passed over. */
static ssize_t hear(int fd, uint32_t number, struct nlmsghdr *answer, size_t size)
{
    ssize_t len;
    do
        len = recv(fd, answer, size, MSG_DONTWAIT);
    while (len >= (ssize_t)sizeof *answer && answer->nlmsg_seq != number);
    return len;
}

/* Where there is no such connection the kernel answers with a listener that would take it. */
static bool same_connection(const struct inet_diag_msg *m, const struct inet_diag_sockid *id)
{
    return m->idiag_state != TCP_LISTEN && m->id.idiag_sport == id->idiag_sport &&
           m->id.idiag_dport == id->idiag_dport;
}

static int read_answer(const struct nlmsghdr *header, size_t len, const struct inet_diag_sockid *id,
                       uint32_t *inode)
{
    errno = EPROTO;
    if (!NLMSG_OK(header, len))
        return -1;
    if (header->nlmsg_type == NLMSG_ERROR && len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
        errno = -((const struct nlmsgerr *)NLMSG_DATA(header))->error;
        return errno == ENOENT ? 0 : -1;
    }
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
        return -1;
    const struct inet_diag_msg *message = NLMSG_DATA(header);
    *inode = same_connection(message, id) ? message->idiag_inode : 0;
    return 0;
}

int egress_diag_inode(int diag_fd, uint32_t number, const struct egress_ends *ends, uint32_t *inode,
                      struct error *err)
{
    union {
        struct nlmsghdr header;
        char bytes[4096];
    } answer;
    struct inet_diag_sockid id;
    *inode = 0;
    ssize_t len = ask(diag_fd, number, ends, &id) == 0
        ? hear(diag_fd, number, &answer.header, sizeof answer) : -1;
    if (len < 0 || read_answer(&answer.header, (size_t)len, &id, inode) != 0)
        return error_errno(err, ERROR_INTERNAL, "the kernel's socket diagnostics do not answer");
    return 0;
}
