/* SPDX-License-Identifier: Apache-2.0 */
/* A voter in a shared object, opened in two steps: native_read takes a file that nobody has
 * checked, native_open runs its code.  A process that locks itself in does so in between, when
 * there is nothing left to be read or made for the loader. */
#ifndef CHAIN_NATIVE_NATIVE_H
#define CHAIN_NATIVE_NATIVE_H

#include "chain/native/image.h"
#include "chain/voter.h"

struct native_code {
    char *path, sha256[DIGEST_HEX_SIZE];
    struct image image;
};

/* Finds, checks and copies the file; native_code_free releases what is left of it. */
int native_read(const struct chain_config *chain, const struct chain_voter_config *config,
                struct native_code *out, struct error *err);
void native_code_free(struct native_code *code);

/* Takes the image out of the code.  Afterwards as voter_native_open. */
struct voter *native_open(struct native_code *code, const struct chain_config *chain,
                          const struct chain_voter_config *config, const struct log *log,
                          struct error *err);

#endif
