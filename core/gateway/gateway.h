/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway: everything wired together around one loop. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "gateway/config.h"

/* Runs until it is told to stop.  Returns the exit code: 0, 1 when it could not start, 2 when the
 * configuration or the chain is wrong. */
int gateway_run(const struct gateway_flags *flags, const struct log *log);
/* --check: validates the configuration, loads the chain and prints it. */
int gateway_check(const struct gateway_flags *flags, const struct log *log);

#endif
