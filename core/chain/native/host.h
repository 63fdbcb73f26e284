/* SPDX-License-Identifier: Apache-2.0 */
/* What one native voter is offered by the gateway, and what it says while it starts.
 * Ownership: lives in the voter; borrows log.  Any thread. */
#ifndef CHAIN_NATIVE_HOST_H
#define CHAIN_NATIVE_HOST_H

#include <pthread.h>
#include <stdbool.h>

#include "base/log.h"
#include <sluice/host.h>

enum { HOST_SAID_MAX = 256 };

struct host {
    struct sluice_host face;
    const struct log *log;
    const char *voter;                              /* its name, for log lines */
    pthread_mutex_t mutex;
    bool starting;                                  /* guarded: init() is running */
    char said[HOST_SAID_MAX]; /* guarded: the last line it logged while starting */
};

void host_open(struct host *host, const char *voter, const struct log *log);
void host_started(struct host *host);
void host_close(struct host *host);

#endif
