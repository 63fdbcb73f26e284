/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the agent of a host.  Loop thread, but for what is said to be for a worker. */
#ifndef SANDBOX_HOST_AGENT_PARTS_H
#define SANDBOX_HOST_AGENT_PARTS_H

#include <uv.h>

#include "base/digest.h"
#include "base/log.h"
#include "sandbox/host/agent.h"
#include "sandbox/host/gateways.h"
#include "sandbox/host/relay.h"
#include "sandbox/site/place.h"
#include "sandbox/supervisor/link.h"

/* A sandbox that has files on this host. */
struct tenant {
    struct tenant *next;
    struct agent *agent;
    char *id, *dir;
    enum { TENANT_DOWN, TENANT_STARTING, TENANT_UP } state;
    bool removing;                                  /* once it is down */
    bool cleaning;                                  /* a worker deletes it */
    uint32_t uid;
    int uid_lock;                                   /* -1: none */
    int pidfd;                                      /* of its supervisor; -1: none */
    uv_poll_t *exit_poll;
};

struct agent {
    uv_loop_t loop;
    const struct host_options *options;
    const struct log *log;
    char token[512];
    char instance[UUID_SIZE];
    char *state_dir;
    char *control_path, *supervisors_path;          /* sockets of the relays */
    char *control_address;
    char *supervisor, *init, *bwrap;                /* programs */
    struct error no_bwrap;
    struct uid_range uids;
    struct cgroup_home cgroups;
    struct host_gateways gateways;
    struct host_relay *control, *supervisors;
    struct gateway_link *link;
    struct tenant *tenants;
    uv_signal_t signals[2];
    int lock;                                       /* of the state folder */
    bool ending;
};

/* ---- tenants.c ---- */
/* Those of an earlier agent. */
void tenants_find(struct agent *agent);
/* They run on; nobody hears of their end. */
void tenants_unwatch(struct agent *agent);
void tenants_free(struct agent *agent);
void tenants_place(struct agent *agent, const struct host_place *wanted);
void tenants_kill(struct agent *agent, const char *id);
void tenants_remove(struct agent *agent, const char *id);

/* ---- agent.c ---- */
void agent_send(struct agent *agent, enum sandbox_message_type type, const char *id,
                const char *error);

#endif
