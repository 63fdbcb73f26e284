/* SPDX-License-Identifier: Apache-2.0 */
/* The folders that a gateway needs before it can start. */
#ifndef GATEWAY_FOLDER_H
#define GATEWAY_FOLDER_H

#include <stdbool.h>

#include "base/error.h"
#include "gateway/config.h"

/* Makes the state folder and takes it for this gateway alone.  Returns a descriptor that holds it
 * until it is closed or the process ends, -1 with the reason. */
int folder_take(const char *path, struct error *err);
/* The same with a store that is open.  To be closed after it: closing any descriptor of the file earlier
 * would drop the database's own locks. */
int folder_take_store(const char *url, struct error *err);
/* Makes the folders that the Unix sockets listened on are in. */
int folder_for_sockets(const struct gateway_config *config, struct error *err);

#endif
