/* SPDX-License-Identifier: Apache-2.0 */
/* origin ADDRESS PORT [TLS_PORT CERTIFICATE KEY]: an HTTP/1.1 server for measurements. GET with any
 * path whose last component is a number gets so many bytes. It keeps connections unless it is told
 * to close. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 4096, EVENTS = 256, CHUNK = 256 * 1024 };

static const char content[CHUNK];

struct peer {
    int fd;
    SSL *ssl;                                       /* NULL: plain, or a listener */
    SSL_CTX *accepts;                               /* of a TLS listener */
    bool listens, closing, blocked;
    char in[HEAD_MAX];
    size_t n_in;
    char head[160];
    size_t n_head, head_sent;
    uint64_t left;                                  /* bytes of the body that are not sent */
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int poll, struct peer *peer, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = peer};
    if (epoll_ctl(poll, operation, peer->fd, &event) != 0)
        die("epoll_ctl");
}

static void listen_on(int poll, const char *address, const char *port, SSL_CTX *tls)
{
    struct peer *peer = calloc(1, sizeof *peer);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int one = 1;
    inet_pton(AF_INET, address, &in.sin_addr);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(peer->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(peer->fd, (struct sockaddr *)&in, sizeof in) != 0 || listen(peer->fd, 1024) != 0)
        die("listen");
    peer->listens = true;
    peer->accepts = tls;
    watch(poll, peer, EPOLL_CTL_ADD, EPOLLIN);
}

static void accept_all(int poll, const struct peer *listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct peer *peer = calloc(1, sizeof *peer);
        peer->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (listener->accepts) {
            peer->ssl = SSL_new(listener->accepts);
            SSL_set_fd(peer->ssl, fd);
            SSL_set_accept_state(peer->ssl);
        }
        watch(poll, peer, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void end(struct peer *peer)
{
    if (peer->ssl)
        SSL_free(peer->ssl);
    close(peer->fd);
    free(peer);
}

/* 0: not now. -1: it is over. */
static ssize_t outcome(const struct peer *peer, int n)
{
    if (n > 0)
        return n;
    if (!peer->ssl)
        return n < 0 && errno == EAGAIN ? 0 : -1;
    int why = SSL_get_error(peer->ssl, n);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t take(struct peer *peer, void *bytes, size_t len)
{
    return outcome(peer, peer->ssl ? SSL_read(peer->ssl, bytes, (int)len)
                                   : (int)recv(peer->fd, bytes, len, 0));
}

static ssize_t give(struct peer *peer, const void *bytes, size_t len)
{
    return outcome(peer, peer->ssl ? SSL_write(peer->ssl, bytes, (int)len)
                                   : (int)send(peer->fd, bytes, len, MSG_NOSIGNAL));
}

/* 1: all is sent. 0: not yet. -1: it is over. A small body goes along with its head. */
static int send_answer(struct peer *peer)
{
    char small[sizeof peer->head + 2048];
    ssize_t n;
    if (peer->head_sent == 0 && peer->left <= 2048) {
        memcpy(small, peer->head, peer->n_head);
        memcpy(small + peer->n_head, content, peer->left);
        n = give(peer, small, peer->n_head + peer->left);
        if (n <= 0)
            return (int)n;
        peer->head_sent = (size_t)n < peer->n_head ? (size_t)n : peer->n_head;
        peer->left -= (size_t)n - peer->head_sent;
    }
    while (peer->head_sent < peer->n_head) {
        if ((n = give(peer, peer->head + peer->head_sent, peer->n_head - peer->head_sent)) <= 0)
            return (int)n;
        peer->head_sent += (size_t)n;
    }
    while (peer->left) {
        if ((n = give(peer, content, peer->left < CHUNK ? (size_t)peer->left : CHUNK)) <= 0)
            return (int)n;
        peer->left -= (uint64_t)n;
    }
    return 1;
}

/* False: no whole head is here. */
static bool begin_answer(struct peer *peer)
{
    peer->in[peer->n_in] = '\0';
    char *head_end = strstr(peer->in, "\r\n\r\n"), *path = strchr(peer->in, ' ');
    if (!head_end || !path)
        return false;
    char *path_end = strchr(path + 1, ' ');
    *(path_end ? path_end : head_end) = '\0';
    char *number = strrchr(path, '/');
    peer->left = number ? strtoull(number + 1, NULL, 10) : 0;
    peer->closing = strcasestr(path_end ? path_end + 1 : "", "\r\nconnection: close") != NULL;
    peer->n_head = (size_t)snprintf(peer->head, sizeof peer->head,
                                    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                                    "Content-Length: %llu\r\n%s\r\n",
                                    (unsigned long long)peer->left,
                                    peer->closing ? "Connection: close\r\n" : "");
    peer->head_sent = 0;
    peer->n_in -= (size_t)(head_end + 4 - peer->in);
    memmove(peer->in, head_end + 4, peer->n_in);
    return true;
}

/* False: it is over. */
static bool answer_all(int poll, struct peer *peer)
{
    for (;;) {
        int sent = peer->head_sent < peer->n_head || peer->left ? send_answer(peer) : 1;
        if (sent < 0 || (sent && peer->n_head && peer->closing))
            return false;
        if (!sent || peer->blocked) {
            peer->blocked = !sent;
            watch(poll, peer, EPOLL_CTL_MOD, sent ? EPOLLIN : EPOLLOUT);
        }
        if (!sent)
            return true;
        peer->n_head = peer->head_sent = 0;
        while (!begin_answer(peer)) {
            ssize_t n = take(peer, peer->in + peer->n_in, sizeof peer->in - 1 - peer->n_in);
            if (n <= 0)
                return n == 0;
            peer->n_in += (size_t)n;
        }
    }
}

static SSL_CTX *tls_of(const char *certificate, const char *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "%s or %s cannot be used\n", certificate, key);
        exit(1);
    }
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return tls;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    if (argc != 3 && argc != 6) {
        fprintf(stderr, "usage: origin ADDRESS PORT [TLS_PORT CERTIFICATE KEY]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    listen_on(poll, argv[1], argv[2], NULL);
    if (argc == 6)
        listen_on(poll, argv[1], argv[3], tls_of(argv[4], argv[5]));
    puts("ready");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct peer *peer = events[i].data.ptr;
            if (peer->listens)
                accept_all(poll, peer);
            else if (!answer_all(poll, peer))
                end(peer);
        }
    }
}
