/* SPDX-License-Identifier: Apache-2.0 */
/* Who opened each connection to the proxy.
 *
 * The sandbox's init has a seccomp filter that suspends every connect of the workload.  While the
 * caller stands still, its address is read and its program looked up; its socket is borrowed and
 * connected, and a record is kept under the connection's source address until the proxy takes it.
 *
 * A record holds the client's socket, so that its source address cannot become another
 * connection's. A connection without a record was opened in another way and speaks for nobody.
 *
 * A TCP connect to an address outside of the sandbox is redirected to a listening socket of ours,
 * and stays suspended until whoever takes its record answers it (connects.h).
 *
 * Connects to anywhere else go on untouched: in the sandbox's network namespace they lead to the
 * sandbox itself or nowhere, whatever the caller's memory says by then.
 *
 * Ownership: egress_callers_close frees it.  Threads: the loop's thread only. */
#ifndef EGRESS_CALLER_CALLERS_H
#define EGRESS_CALLER_CALLERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "egress/caller/caller.h"
#include "egress/caller/connects.h"

struct egress_callers;
struct error;
struct log;

struct egress_callers_config {
    int listener; /* of the filter; ours from here on, also on failure */
    int proxy; /* the proxy's listening socket; needed only now */
    int redirect;                                   /* that for connects to outside; 0: they are not
                                                     * redirected */
    pid_t init_pid;                                 /* the sandbox's PID 1, as we see it */
    const struct log *log;
};

struct egress_callers *
egress_callers_new(uv_loop_t *loop, const struct egress_callers_config *config, struct error *err);

/* Takes the record of the connection that comes from that address: the caller frees it.  -1 with
 * err when there is none, or when the program could not be told.  Does not block. */
int egress_callers_take(struct egress_callers *callers, const struct sockaddr_storage *client,
                        struct egress_caller *out, struct error *err);

/* The same of a connection that was redirected: its connect, which the caller answers, or NULL with
 * err when it is none.  out->binary NULL: the program could not be told, and err says why. */
struct egress_connect *egress_callers_take_redirected(struct egress_callers *callers,
                                                      const struct sockaddr_storage *client,
                                                      struct egress_caller *out, struct error *err);

/* How many records of connections to the proxy wait to be taken. */
size_t egress_callers_pending(const struct egress_callers *callers);

/* Every connect that was taken is answered.  Whoever connects from now on gets ENOSYS.
 * on_closed(ctx) follows from the loop. */
void egress_callers_close(struct egress_callers *callers, void (*on_closed)(void *ctx), void *ctx);

#endif
