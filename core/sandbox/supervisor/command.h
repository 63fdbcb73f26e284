/* SPDX-License-Identifier: Apache-2.0 */
/* What a command in a sandbox may look like and what environment it gets.  Any thread. */
#ifndef SANDBOX_SUPERVISOR_COMMAND_H
#define SANDBOX_SUPERVISOR_COMMAND_H

#include "sandbox/wire/protocol.h"

struct arena;
struct error;

enum {
    COMMAND_ARGS_MAX = 1024,
    COMMAND_ARG_MAX = 32 * 1024,                    /* bytes */
    COMMAND_TOTAL_MAX = 256 * 1024,        /* bytes of all arguments; of the environment likewise */
    COMMAND_FOLDER_MAX = 4096,
    COMMAND_ENV_MAX = 128,
    COMMAND_ENV_VALUE_MAX = 8192,
};

/* The whole environment as "NAME=VALUE" texts: what every command has, the sandbox's own, the
 * command's, and last what nobody may override, the way to the proxy. */
const char **sandbox_env_make(const struct sandbox_spec *spec, const struct sandbox_exec *exec,
                              struct arena *arena, size_t *n);

#endif
