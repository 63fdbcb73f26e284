/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a request in a ballot on the wire.  Everything lives in the arena.  Any thread. */
#ifndef CHAIN_PROCESS_CHANGES_H
#define CHAIN_PROCESS_CHANGES_H

#include "chain/process/message.h"
#include <sluice/ballot.h>

/* Fills in the members of the message that carry them. */
void changes_encode(const struct inspect_change *changes, size_t n, struct arena *arena,
                    struct message_voted *out);
/* Makes them in the ballot.  -1 with err: the body is not base64. */
int changes_make(const struct message_voted *voted, struct sluice_ballot *ballot,
                 struct error *err);

#endif
