/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking keep-alive HTTP client, as thin as a measurement wants it. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

struct client {
    int fd;
    char buffer[65536];
    size_t used;
};

uint64_t now_ns(void);
int connect_unix(const char *path);
int connect_tcp(const char *address, uint16_t port);
/* Sends all of text; ends the program when the connection breaks. */
void send_all(int fd, const char *text, size_t len);
/* Reads one response with a Content-Length; returns its status, 0 when the connection ended. */
int read_response(struct client *c, const char **body);
/* One request to the gateway; returns the status. */
int request(struct client *c, const char *method, const char *path, const char *type,
            const char *body, const char **answer);

#endif
