/* SPDX-License-Identifier: Apache-2.0 */
/* Which methods there are, and what a method is: a row of callbacks, which grpc/call.h calls.
 * Constant; any thread. */
#ifndef GRPC_SERVICES_H
#define GRPC_SERVICES_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/permission.h"
#include "base/error.h"

struct doc_writer;
struct grpc_call;
struct grpc_work;

enum {
    GRPC_MESSAGE_MAX = 5 * 1024 * 1024,
    GRPC_STRANGER_MAX = 4096,                       /* where anybody may call */
};

enum grpc_kind {
    GRPC_CLIENT_STREAMS = 1, /* any number of messages come */
    GRPC_SERVER_STREAMS = 2, /* any number of messages go: the head is sent at once */
};

struct grpc_method {
    const char *name;
    enum auth_permission permission;
    /* The permission is judged once the message was read, by grpc_find_sandbox or grpc_judge: its
     * work does nothing before that, and fails if neither was called. */
    bool of_sandbox;
    unsigned kind;                                  /* of enum grpc_kind; 0: unary */
    size_t max;                                     /* bytes of a message; 0: one of the two */
    /* What is not needed is NULL. */
    void (*begin)(struct grpc_call *call);
    /* Of a method whose client does not stream: called once, when the client has said all. */
    void (*message)(struct grpc_call *call, const char *bytes, size_t len);
    void (*half_closed)(struct grpc_call *call);    /* of a method whose client streams */
    void (*drained)(struct grpc_call *call);        /* after grpc_send said false */
    void (*cancelled)(struct grpc_call *call);
    /* Of methods of grpc/work.h: what they do on a worker thread. */
    int (*work)(struct grpc_work *work, struct doc_writer *answer);
    bool ordered;                                   /* it changes the sandbox that it names */
    bool administers; /* it has no decision on record: an event says who did it */
    bool secret; /* its message has credentials: memory is overwritten before it is freed */
};

struct grpc_methods {
    const char *service;
    const struct grpc_method *items;
    size_t n;
};

struct grpc_services {
    const struct grpc_methods *const *items;
    size_t n;
};

/* A service may be in several parts. */
extern const struct grpc_methods grpc_health_methods, grpc_reflection_methods,
    grpc_reflection_alpha_methods, grpc_workspace_methods, grpc_gateway_methods,
    grpc_sandbox_methods, grpc_config_methods, grpc_drafts_methods, grpc_exec_methods,
    grpc_forward_methods, grpc_logs_methods, grpc_watch_methods, grpc_provider_methods,
    grpc_profile_methods, grpc_attachment_methods, grpc_refresh_methods, grpc_exposed_methods;

/* By its path, such as /grpc.health.v1.Health/Check.  NULL: err says what there is not. */
const struct grpc_method *grpc_find_method(const struct grpc_services *services, const char *path,
                                           struct error *err);
bool grpc_has_service(const struct grpc_services *services, const char *name);

#endif
