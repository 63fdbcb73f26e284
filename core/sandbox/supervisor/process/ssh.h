/* SPDX-License-Identifier: Apache-2.0 */
/* SSH into a sandbox.  OpenSSH's sshd serves one connection on its standard input and output; it
 * runs in the sandbox like any other command and has no right that the workload lacks.  Who may
 * connect is decided before: the gateway authenticates the client, so sshd asks for nothing.
 *
 * Any thread. */
#ifndef SANDBOX_SUPERVISOR_PROCESS_SSH_H
#define SANDBOX_SUPERVISOR_PROCESS_SSH_H

#include <stddef.h>

#include "base/buf.h"

#define SANDBOX_SSH_SERVER "/usr/sbin/sshd"
/* Of the sandbox's own, for its sshd to read. */
#define SANDBOX_SSH_KEY_FILE "/etc/sluice-ssh/host_key"
#define SANDBOX_ATTACH_FILE "/etc/sluice-ssh/attach"

enum { SSH_FINGERPRINT_SIZE = 64 };

struct arena;
struct container_files;
struct error;
struct own_file;
struct sandbox_exec;

struct ssh_files {
    struct own_file *items;
    struct buf key;                                 /* private, PEM text */
    char fingerprint[SSH_FINGERPRINT_SIZE];         /* of the public one, as ssh-keygen tells it */
};

/* Makes a new host key and adds its file to the sandbox's own, which then live as long as out; and
 * what attaches to the main process, if there is one.  -1: err says why there is no key. */
int sandbox_ssh_make_files(struct ssh_files *out, const struct sandbox_exec *main,
                           struct container_files *files, struct error *err);
void sandbox_ssh_free_files(struct ssh_files *files);
/* The command line of sshd, which ends in NULL.  Its sessions get the environment, "NAME=VALUE"
 * texts, except for TERM, which is the client's.  main: what the subsystem openshell-main attaches
 * to; NULL: it is a login shell. */
const char *const *sandbox_ssh_command(const char *const *env, size_t n_env,
                                       const struct sandbox_exec *main, struct arena *arena,
                                       size_t *n);

#endif
