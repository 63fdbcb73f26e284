/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the supervisor: its state, and what it tells the gateway.  Loop thread. */
#ifndef SANDBOX_SUPERVISOR_SUPERVISOR_PARTS_H
#define SANDBOX_SUPERVISOR_SUPERVISOR_PARTS_H

#include <uv.h>

#include "base/error.h"
#include "sandbox/supervisor/inspectors.h"
#include "sandbox/supervisor/network.h"
#include "sandbox/supervisor/process/exec.h"
#include "sandbox/supervisor/process/ssh.h"

enum supervisor_state {
    SUPERVISOR_STARTING,
    SUPERVISOR_RUNNING,
    SUPERVISOR_FAILED,                              /* the gateway is to be told, then ENDING */
    SUPERVISOR_ENDING,
};

enum { WARNINGS_MAX = 64 };

struct supervisor {
    uv_loop_t loop;
    const struct sandbox_spec *spec;
    const struct log *log;
    enum supervisor_state state;
    struct container *container;
    bool container_gone;
    struct exec_table *execs;
    struct main_process *main;                      /* NULL: there is none, or not yet */
    struct gateway_link *link;
    struct denial_book *denials;
    struct network *network;                        /* NULL: the sandbox has none */
    struct enforcement *enforcement;                /* NULL: the policy cannot be enforced */
    struct held_inspectors inspectors;              /* voters on requests */
    struct secret_credentials *credentials;         /* that the sandbox may use; NULL: none yet */
    struct lines *lines;                            /* NULL: ended */
    struct traffic_book *traffic;
    struct ssh_files ssh;
    const char *warnings[WARNINGS_MAX];             /* of the start; owned */
    size_t n_warnings;
    bool stopping;
    unsigned open_parts;                            /* ENDING: of link and container */
    struct error failure;                           /* valid when FAILED or ENDING with code 1 */
    uv_signal_t terminate, interrupt;
    uv_timer_t patience, idle;
    int exit_code;
};

/* ---- tell.c ---- */
/* What the proxy sees: ctx is the supervisor. */
extern const struct network_calls supervisor_network_calls;

bool supervisor_in_touch(const struct supervisor *s);
bool supervisor_send_traffic(void *ctx, const struct sandbox_traffic *batch);
bool supervisor_send_denials(void *ctx, const struct sandbox_denials *denials);
void supervisor_tell_of_grant(void *ctx, const struct sandbox_grant *grant);
void supervisor_tell_detached(void *ctx, const struct sandbox_detached *detached);
void supervisor_tell_of_main(struct supervisor *s);
void supervisor_tell_of_inspectors(struct supervisor *s);
bool supervisor_send_inspected(void *ctx, const struct sandbox_inspected *counts);
/* The first message of a connection, and what waited for one. */
void supervisor_say_hello(struct supervisor *s);

#endif
