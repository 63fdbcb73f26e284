/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials that the gateway sent, for whoever uses them in a supervisor.  Loop thread
 * only. */
#ifndef SANDBOX_SUPERVISOR_CREDENTIALS_H
#define SANDBOX_SUPERVISOR_CREDENTIALS_H

#include "sandbox/wire/protocol.h"

struct exec_table;
struct network;
struct secret_credentials;

/* They take the place of what is in *held, which the caller frees in the end.  network, execs:
 * NULL: there is none. */
void sandbox_credentials_use(struct secret_credentials **held,
                             const struct sandbox_credentials *list, struct network *network,
                             struct exec_table *execs);

#endif
