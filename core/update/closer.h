/* SPDX-License-Identifier: Apache-2.0 */
/* Frees chains that a reload replaced, after their last vote, on a thread of its own: fini of a
 * voter may take a while, and no update waits for it.
 *
 * Any thread but for closer_free, after which nobody may use it. */
#ifndef UPDATE_CLOSER_H
#define UPDATE_CLOSER_H

#include "chain/chain.h"

struct closer;

struct closer *closer_new(void);
void closer_free(struct closer *closer);            /* ends what it has first */
/* Takes the reference. */
void closer_unref(struct closer *closer, struct chain *chain);

#endif
