/* SPDX-License-Identifier: Apache-2.0 */
/* Checks commands for a sandbox and makes their environment.  Any thread. */
#ifndef SANDBOX_SUPERVISOR_PROCESS_COMMAND_H
#define SANDBOX_SUPERVISOR_PROCESS_COMMAND_H

#include "sandbox/wire/protocol.h"

struct arena;
struct error;
struct secret_credentials;

enum {
    COMMAND_ARGS_MAX = 1024,
    COMMAND_ARG_MAX = 32 * 1024,                    /* bytes */
    COMMAND_TOTAL_MAX = 256 * 1024,        /* bytes of all arguments; of the environment likewise */
    COMMAND_FOLDER_MAX = 4096,
    COMMAND_ENV_MAX = 128,
    COMMAND_ENV_VALUE_MAX = 8192,
};

/* The environment as "NAME=VALUE" texts: the defaults, the sandbox's, the command's, placeholders
 * of credentials (NULL: none), and last the proxy's, which nothing can override. */
const char **sandbox_env_make(const struct sandbox_spec *spec, const struct sandbox_exec *exec,
                              const struct secret_credentials *credentials, struct arena *arena,
                              size_t *n);

#endif
