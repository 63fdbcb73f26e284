/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's own files on the host, which sandboxes must not see or must not write.
 * Lists live in the arena they were made in.  Any thread. */
#ifndef GATEWAY_OWN_FILES_H
#define GATEWAY_OWN_FILES_H

#include "gateway/config.h"
#include "runtime/runtime.h"

void own_files_list(const struct gateway_config *config, const struct gateway_flags *flags,
                    const char *bwrap, struct arena *arena, struct runtime_files *out);

/* -1 when a running sandbox may write one of them, as it was started before they were ours. */
struct store;
int own_files_check(const struct runtime_files *own, const char *state_dir, struct store *store,
                    struct error *err);

#endif
