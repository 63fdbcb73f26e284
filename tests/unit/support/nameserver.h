/* SPDX-License-Identifier: Apache-2.0 */
/* A DNS server on a thread of its own, UDP and TCP, whose answers depend on the first label of the
 * name that it is asked for.  Its addresses: 10.77.0.2 and ::1, port 53. */
#ifndef TESTS_SUPPORT_NAMESERVER_H
#define TESTS_SUPPORT_NAMESERVER_H

#include "support/fake_dns.h"
#include "egress/destination/resolver.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#define GOOD "10.1.1.1"
#define EVIL "127.0.0.1"

struct nameserver {
    pthread_t thread;
    int udp[2], tcp, elsewhere, stop[2];
    atomic_uint asked, asked_by_tcp;
};

struct ns_question {
    const unsigned char *bytes;
    size_t len, name_len;
    char name[256], label[64];
    int type;
    bool tcp;
};

static inline void ns_header(struct buf *out, const struct ns_question *q, const char *flags,
                             int records)
{
    buf_add(out, q->bytes, 2);
    buf_add(out, flags, 2);
    buf_add(out, "\0\1", 2);
    buf_putc(out, (char)(records >> 8));
    buf_putc(out, (char)records);
    buf_add(out, "\0\0\0\0", 4);
    buf_add(out, q->bytes + 12, q->name_len + 4);
}

static inline void ns_addresses(struct buf *out, const struct ns_question *q, const char *four,
                                int n)
{
    ns_header(out, q, "\x81\x80", n);
    while (n-- > 0)
        resolver_record(out, q->type == 1 ? four : "fd00::2", q->type);
}

static inline void ns_aliases(struct buf *out, const struct ns_question *q)
{
    ns_header(out, q, "\x81\x80", 3);
    buf_add(out, "\xc0\x0c\0\5\0\1\0\0\0\0\0\x8\3two\2xx\0", 20);
    buf_add(out, "\3two\2xx\0\0\5\0\1\0\0\0\0\0\x8\3END\2xx\0", 26);
    buf_add(out, "\3end\2xx\0", 8);
    struct buf record = {0};
    resolver_record(&record, q->type == 1 ? GOOD : "fd00::2", q->type);
    buf_add(out, record.data + 2, record.len - 2);
    buf_free(&record);
}

static inline void ns_foreign(struct buf *out, const struct ns_question *q)
{
    ns_header(out, q, "\x81\x80", 1);
    buf_add(out, "\4evil\4test\0\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1", 25);
}

/* What is sent before the proper answer, for names that lie first. */
static inline bool ns_lie(struct buf *out, const struct ns_question *q)
{
    struct ns_question other = *q;
    unsigned char bytes[512];
    memcpy(bytes, q->bytes, q->len);
    other.bytes = bytes;
    if (strcmp(q->label, "wrong-id") == 0)
        bytes[0] ^= 1;
    else if (strcmp(q->label, "wrong-name") == 0)
        bytes[13] ^= 1;
    else if (strcmp(q->label, "wrong-type") == 0)
        bytes[12 + q->name_len + 1] ^= 2;
    else if (strcmp(q->label, "empty") == 0)
        return true;
    else if (strcmp(q->label, "elsewhere") != 0)
        return false;
    ns_addresses(out, &other, EVIL, q->type == 1);
    return true;
}

static inline void ns_answer(struct buf *out, const struct ns_question *q)
{
    const char *label = q->label;
    if (strcmp(label, "nx") == 0)
        ns_header(out, q, "\x81\x83", 0);
    else if (strcmp(label, "none") == 0)
        ns_header(out, q, "\x81\x80", 0);
    else if (strcmp(label, "servfail") == 0 || (strcmp(label, "half") == 0 && q->type != 1) ||
             (strcmp(label, "other-half") == 0 && q->type == 1))
        ns_header(out, q, "\x81\x82", 0);
    else if (strcmp(label, "refused") == 0)
        ns_header(out, q, "\x81\x85", 0);
    else if (strcmp(label, "foreign") == 0)
        ns_foreign(out, q);
    else if (strcmp(label, "alias") == 0)
        ns_aliases(out, q);
    else if (strcmp(label, "garbage") == 0)
        buf_add(out, q->bytes, 3);
    else if (strcmp(label, "loop") == 0) {
        ns_header(out, q, "\x81\x80", 1);
        buf_printf(out, "%c%c", 0xc0, (char)out->len);
        buf_add(out, "\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1", 14);
    } else if (strcmp(label, "many") == 0 && !q->tcp)
        ns_header(out, q, "\x83\x80", 0);
    else if (strcmp(label, "many") == 0)
        ns_addresses(out, q, GOOD, q->type == 1 ? 2000 : 0);
    else
        ns_addresses(out, q, GOOD,
                     q->type == 1 || strcmp(label, "both") == 0 ||
                         strcmp(label, "other-half") == 0);
}

static inline void ns_read(struct ns_question *q, const unsigned char *bytes, size_t len, bool tcp)
{
    *q = (struct ns_question){.bytes = bytes, .len = len, .tcp = tcp};
    q->name_len = resolver_name_of(bytes + 12, q->name);
    snprintf(q->label, sizeof q->label, "%.*s", (int)strcspn(q->name, "."), q->name);
    q->type = bytes[12 + q->name_len + 1];
}

static inline bool ns_silent(const struct ns_question *q)
{
    return strcmp(q->label, "silent") == 0 || (strcmp(q->label, "quiet") == 0 && q->type != 1);
}

static inline void ns_serve_udp(struct nameserver *ns, int fd)
{
    unsigned char bytes[512];
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    struct ns_question q;
    struct buf lie = {0}, out = {0};
    ssize_t n = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
    if (n < 17)
        return;
    atomic_fetch_add(&ns->asked, 1);
    ns_read(&q, bytes, (size_t)n, false);
    if (ns_lie(&lie, &q))
        sendto(strcmp(q.label, "elsewhere") == 0 ? ns->elsewhere : fd, buf_str(&lie), lie.len, 0,
               (struct sockaddr *)&from, size);
    if (!ns_silent(&q)) {
        ns_answer(&out, &q);
        sendto(fd, out.data, out.len, 0, (struct sockaddr *)&from, size);
    }
    buf_free(&lie);
    buf_free(&out);
}

static inline void ns_serve_tcp(struct nameserver *ns)
{
    unsigned char bytes[512];
    struct ns_question q;
    int fd = accept4(ns->tcp, NULL, NULL, SOCK_CLOEXEC);
    while (recv(fd, bytes, 2, MSG_WAITALL) == 2) {
        size_t len = (size_t)(bytes[0] << 8 | bytes[1]);
        struct buf out = {0};
        if (len > sizeof bytes || recv(fd, bytes, len, MSG_WAITALL) != (ssize_t)len)
            break;
        atomic_fetch_add(&ns->asked_by_tcp, 1);
        ns_read(&q, bytes, len, true);
        ns_answer(&out, &q);
        bytes[0] = (unsigned char)(out.len >> 8);
        bytes[1] = (unsigned char)out.len;
        send(fd, bytes, 2, MSG_NOSIGNAL);
        send(fd, out.data, out.len, MSG_NOSIGNAL);
        buf_free(&out);
    }
    close(fd);
}

static inline void *ns_run(void *arg)
{
    struct nameserver *ns = arg;
    struct pollfd fds[] = {{ns->udp[0], POLLIN, 0}, {ns->udp[1], POLLIN, 0}, {ns->tcp, POLLIN, 0},
                           {ns->stop[0], POLLIN, 0}};
    while (poll(fds, 4, -1) > 0 && !fds[3].revents) {
        for (int i = 0; i < 2; i++)
            if (fds[i].revents)
                ns_serve_udp(ns, fds[i].fd);
        if (fds[2].revents)
            ns_serve_tcp(ns);
    }
    return NULL;
}

static inline int ns_bind(const char *address, uint16_t port, int type)
{
    struct sockaddr_storage at;
    struct ipaddr ip;
    socklen_t len;
    int one = 1;
    ipaddr_parse(address, &ip);
    ipaddr_to_sockaddr(&ip, port, &at, &len);
    int fd = socket(ip.family, type | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        (type == SOCK_STREAM && listen(fd, 8) != 0))
        network_fail(address);
    return fd;
}

static inline void ns_start(struct nameserver *ns)
{
    ns->udp[0] = ns_bind(ORIGIN_ADDRESS, 53, SOCK_DGRAM);
    ns->udp[1] = ns_bind("::1", 53, SOCK_DGRAM);
    ns->tcp = ns_bind(ORIGIN_ADDRESS, 53, SOCK_STREAM);
    ns->elsewhere = ns_bind(ORIGIN_ADDRESS, 54, SOCK_DGRAM);
    if (pipe2(ns->stop, O_CLOEXEC) != 0)
        network_fail("pipe");
    pthread_create(&ns->thread, NULL, ns_run, ns);
}

static inline void ns_stop(struct nameserver *ns)
{
    close(ns->stop[1]);
    pthread_join(ns->thread, NULL);
    close(ns->stop[0]);
    close(ns->udp[0]);
    close(ns->udp[1]);
    close(ns->tcp);
    close(ns->elsewhere);
}

#endif
