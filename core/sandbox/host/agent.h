/* SPDX-License-Identifier: Apache-2.0 */
/* A host's agent: registers this machine with a gateway and starts the supervisors of the sandboxes
 * that the gateway places here.
 *
 * It is between the two for their start and their end alone.  Supervisors have their own streams
 * to the gateway, through the relay, and outlive it.  What it knows of sandboxes is in its state
 * folder, so a new one finds them again. */
#ifndef SANDBOX_HOST_AGENT_H
#define SANDBOX_HOST_AGENT_H

#include <stdint.h>

#include "base/error.h"

struct log;

struct host_options {
    const char *gateways;                           /* host/gateways.h */
    const char *ca;                                 /* NULL: the system's authorities */
    const char *token_file;
    const char *state_dir;
    const char *labels;                             /* a JSON map of texts */
    uint32_t capacity;
};

/* Runs until SIGTERM or SIGINT, which leave the sandboxes running.  Returns the exit code. */
int host_run(const struct host_options *options, const struct log *log);

/* `sluice-supervisor host ARGS`. */
int host_command(int argc, char **argv, const struct log *log);

#endif
