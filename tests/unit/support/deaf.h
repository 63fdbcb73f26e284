/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_DEAF_H
#define TESTS_SUPPORT_DEAF_H

#include "support/network.h"

/* A listener whose backlog is full drops what comes, as a packet filter would. */
struct deaf {
    int listener, fill[8];
};

static inline struct deaf deaf_begin(const char *address, uint16_t port)
{
    struct deaf deaf;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &at.sin_addr);
    deaf.listener = network_listen(address, &port);
    listen(deaf.listener, 0);
    for (int i = 0; i < 8; i++) {
        deaf.fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(deaf.fill[i], (struct sockaddr *)&at, sizeof at);
    }
    return deaf;
}

static inline void deaf_end(struct deaf *deaf)
{
    for (int i = 0; i < 8; i++)
        close(deaf->fill[i]);
    close(deaf->listener);
}

#endif
