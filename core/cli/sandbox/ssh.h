/* SPDX-License-Identifier: Apache-2.0 */
/* How OpenSSH's clients reach a sandbox: through `sluice sandbox ssh-proxy`, which connects them to
 * the gateway.  The gateway knows its client and its sandbox, so neither end of the SSH connection
 * checks the other one's key. */
#ifndef CLI_SANDBOX_SSH_H
#define CLI_SANDBOX_SSH_H

#include "cli/cli.h"

/* -1: there is such a sandbox; else an exit code after saying why not. */
int ssh_find_sandbox(const struct cli *cli, const char *name);
/* Runs a client of OpenSSH such as sftp: words, which end in NULL, come after its options.  It
 * reads its standard input from the descriptor.  Its exit code, or ours after saying what is
 * wrong. */
int ssh_run(const struct cli *cli, const char *name, const char *program, const char *const *words,
            int input);

#endif
