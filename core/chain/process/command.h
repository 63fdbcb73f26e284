/* SPDX-License-Identifier: Apache-2.0 */
/* A voter that is any program: found, checked, and what sluice-plugin-host is told to start it.
 *
 * The program is an absolute path, a path relative to base_dir, or a name looked up in the system's
 * folders.  It and every argument that begins with /, ./ or ../ (from base_dir) must be files that
 * nobody but root and the gateway's user may write; their contents are part of the digest, so that
 * a program that changed is not taken for the one that was loaded.
 *
 * Ownership: everything lives in the arena.  Any thread; blocks. */
#ifndef CHAIN_PROCESS_COMMAND_H
#define CHAIN_PROCESS_COMMAND_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "chain/config.h"

#define COMMAND_PATH "/usr/local/bin:/usr/bin:/bin"

struct command {
    const char *path;                               /* the last of its files: a script, if any */
    const char *const *host_arguments;              /* of sluice-plugin-host, ended by NULL */
    char sha256[DIGEST_HEX_SIZE];                   /* of its arguments and files */
};

int command_read(const struct chain_config *chain, const struct chain_voter_config *config,
                 struct arena *arena, struct command *out, struct error *err);

/* In sluice-plugin-host: confines the process as its arguments say and becomes the program.
 * Returns only when that failed. */
int command_run(int argc, char **argv, struct error *err);

#endif
