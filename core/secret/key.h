/* SPDX-License-Identifier: Apache-2.0 */
/* The key that seals credentials.  Blocks. */
#ifndef SECRET_KEY_H
#define SECRET_KEY_H

#include "secret/seal.h"

#define SECRET_KEY_FILE "secret.key"
#define SECRET_KEY_CREDENTIAL "sluice-secret-key"

/* From an open file that only the gateway's user may read; an empty one gets a new key, on disk
 * when this returns.  path is for messages. */
int secret_key_from_file(int fd, const char *path, struct secret_key *out, struct error *err);
/* From the credential of systemd.  1: done, 0: the service has none of that name, -1: err. */
int secret_key_from_systemd(struct secret_key *out, struct error *err);

#endif
