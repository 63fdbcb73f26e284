/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of sluice-plugin-host: opens the one voter that the first message names, then answers
 * votes until the socket closes.  One thread; blocks. */
#ifndef CHAIN_PROCESS_SERVE_H
#define CHAIN_PROCESS_SERVE_H

/* Returns the exit code of the process: 0 when the gateway closes the socket or the process
 * retires. */
int serve(int socket);

#endif
