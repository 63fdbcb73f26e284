/* SPDX-License-Identifier: Apache-2.0 */
/* The folders that a gateway needs before it can start.  One in which others could replace what the
 * gateway opens is refused, with its path (base/trusted_path.h). */
#ifndef GATEWAY_FOLDER_H
#define GATEWAY_FOLDER_H

#include <stdbool.h>

#include "base/error.h"
#include "gateway/listen.h"

/* Makes the state folder and takes it for this gateway alone.  Returns a descriptor that holds it
 * until it is closed or the process ends, -1 with the reason. */
int folder_take(const char *path, struct error *err);
/* Whether what was opened at path may be read as configuration: it and every folder and link on the
 * way to it are safe, its own folder being one that may be sticky. */
int folder_check_file(int fd, const char *path, struct error *err);
/* Makes the folders that the Unix sockets listened on are in. */
int folder_for_sockets(const struct gateway_listener *const *listen, size_t n, struct error *err);

/* Opens a file that only the gateway's own user may read, or makes it.  path: of the folder. */
int folder_open_secret(int folder, const char *path, const char *name, struct error *err);

#endif
