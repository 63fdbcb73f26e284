/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/runtime/hosts. */
#ifndef RUNTIME_HOSTS_PARTS_H
#define RUNTIME_HOSTS_PARTS_H

#include "auth/auth.h"
#include "runtime/sandbox.h"

enum { HOSTS_MAX = 1024, HOST_REMOVE_MS = 60000 };

/* Changed by the loop's thread under the runtime's lock; other threads read it under the lock. */
struct host {
    struct host *next;
    struct runtime *all;
    char *name;
    char *instance, *labels, *version, *unable;     /* as its last hello says; unable "": it can */
    char origin[HTTP_ADDRESS_SIZE];
    uint32_t capacity;
    size_t n_sandboxes;                             /* that run, or were placed lately */
    int64_t seen_ms;
    uint64_t heard_ms;                              /* the same by the loop's clock */
    struct link *link;                              /* NULL: away */
    bool greeted;                                   /* it has said hello on this link */
    bool ready;                                     /* and was welcomed */
    bool refused;                                   /* or was told why not: it ends soon */
    const struct auth *auth;
    struct auth_principal who;
};

struct host *host_find(struct runtime *all, const char *name);
void host_send(struct host *h, enum sandbox_message_type type, const char *id, const char *error);
/* Tells it why it cannot be had, and ends the stream. */
void host_refuse(struct host *h, const char *why);
/* Counts what runs on each host. */
void hosts_count(struct runtime *all);
void host_publish(struct host *h, const char *state, const char *error);
/* hello.c */
void host_greet(struct host *h, const struct host_hello *hello);

#endif
