/* SPDX-License-Identifier: Apache-2.0 */
/* Other machines that run sandboxes of this gateway.
 *
 * A host's agent (sandbox/host/agent.h) keeps a stream to one gateway.  Over it supervisors are
 * started and ended, and nothing else goes: each supervisor has a stream of its own, with its
 * sandbox's token, as those of the gateway's machine have.  So a host can say something about
 * sandboxes that are placed on it alone.
 *
 * Ownership: hosts belong to the runtime.  Threads: the loop's thread, except what is said to be
 * for any thread. */
#ifndef RUNTIME_HOSTS_HOSTS_H
#define RUNTIME_HOSTS_HOSTS_H

#include "auth/auth.h"
#include "runtime/runtime.h"

struct sandbox;

/* ---- for whoever serves clients ---- */

/* Whether the host with the principal's name may connect.  instance: random text of the host's
 * state folder.  -1: ERROR_EXISTS when another machine has connected with this name; ERROR_LIMIT,
 * ERROR_DRAINING, ERROR_INVALID. */
int runtime_host_check(struct runtime *runtime, const struct auth_principal *who,
                       const char *instance, struct error *err);
/* Takes the stream of a host that was checked; a newer one takes the place of an older one.  auth:
 * asked from time to time whether the principal still may. */
void runtime_host_connect(struct runtime *runtime, const struct auth *auth,
                          const struct auth_principal *who, const char *instance,
                          struct net_stream *stream);
/* {"hosts": [...]}, a new object: those connected, those that were, those that sandboxes are on. */
json_t *runtime_hosts_json(struct runtime *runtime);
/* Where a new sandbox goes.  wanted: the name of a host, labels that it has (k=v,k=v), "*": any;
 * "": this machine, or any host where it can make no sandboxes.  *host: the name, in the arena; "":
 * this machine.  -1: ERROR_STATE or ERROR_NOT_FOUND.  Any thread. */
int runtime_pick_host(struct runtime *runtime, const char *wanted, struct arena *arena,
                      const char **host, struct error *err);

/* ---- inside the runtime ---- */

/* Whether the sandbox is on another machine. */
bool sandbox_is_hosted(const struct sandbox *s);
/* NULL: its host can be told something; else why not, in the buffer. */
const char *sandbox_host_away(const struct sandbox *s, struct error *err);
/* line: a PLACE message for the sandbox's host.  -1: it is away. */
int sandbox_place(struct sandbox *s, struct buf *line, struct error *err);
/* Its supervisor ends at once, if its host is there. */
void sandbox_kill_hosted(struct sandbox *s);
/* Its files there are deleted.  done: they are, or err says why not. */
void sandbox_remove_hosted(struct sandbox *s, runtime_done *done, void *arg);
/* Nobody waits for that any longer. */
void sandbox_give_up_removal(struct sandbox *s);
/* Every SANDBOX_PING_MS. */
void runtime_ping_hosts(struct runtime *runtime);
void runtime_close_hosts(struct runtime *runtime);
void runtime_free_hosts(struct runtime *runtime);

#endif
