/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int open_socket(int family, const struct sockaddr *address, socklen_t len)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0 || connect(fd, address, len) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (family == AF_INET)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return open_socket(AF_UNIX, (struct sockaddr *)&address, sizeof address);
}

int connect_tcp(const char *address, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &in.sin_addr);
    return open_socket(AF_INET, (struct sockaddr *)&in, sizeof in);
}

void send_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

static size_t content_length(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");
    return at ? strtoul(at + 17, NULL, 10) : 0;
}

int read_response(struct client *c, const char **body)
{
    char *end;
    c->used = 0;
    c->buffer[0] = '\0';
    while (!(end = strstr(c->buffer, "\r\n\r\n")) ||
           c->used < (size_t)(end - c->buffer) + 4 + content_length(c->buffer)) {
        ssize_t n = recv(c->fd, c->buffer + c->used, sizeof c->buffer - 1 - c->used, 0);
        if (n <= 0)
            return 0;
        c->used += (size_t)n;
        c->buffer[c->used] = '\0';
    }
    if (body)
        *body = end + 4;
    return atoi(c->buffer + 9);
}

int request(struct client *c, const char *method, const char *path, const char *type,
            const char *body, const char **answer)
{
    char text[16384];
    int n = snprintf(
        text, sizeof text,
        "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
        method, path, type, strlen(body), body);
    send_all(c->fd, text, (size_t)n);
    return read_response(c, answer);
}
