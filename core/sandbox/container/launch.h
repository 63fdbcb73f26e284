/* SPDX-License-Identifier: Apache-2.0 */
/* Starts bubblewrap with sluice-init in it.
 *
 * Where the supervisor is the host's root, bubblewrap runs under a host uid of the sandbox's own,
 * so that nothing in the sandbox is ever root on the host.  An ordinary user runs it under the own
 * uid.  Called once, from the main thread, before any other thread exists: the
 * sandbox dies with the thread that started it.
 *
 * Ownership: the caller closes the descriptors and waits for the process. */
#ifndef SANDBOX_CONTAINER_LAUNCH_H
#define SANDBOX_CONTAINER_LAUNCH_H

#include <stdint.h>
#include <sys/types.h>

struct error;
struct sandbox_spec;

struct launch {
    pid_t pid;                                    /* bubblewrap; init is another process below it */
    int channel;                                    /* to init, see wire.h */
    int complaints;                              /* what bubblewrap and init print: why it failed */
};

struct launch_request {
    const struct sandbox_spec *spec;
    uint32_t host_uid;                              /* of workload_identity_choose */
};
int sandbox_launch(const struct launch_request *request, struct launch *out, struct error *err);

/* Explains bubblewrap's complaints to the user. */
void sandbox_launch_explain(const char *complaints, struct error *err);

#endif
