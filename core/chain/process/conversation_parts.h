/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a conversation share: starting its process, and what a failure comes to. */
#ifndef CHAIN_PROCESS_CONVERSATION_PARTS_H
#define CHAIN_PROCESS_CONVERSATION_PARTS_H

#include "chain/process/conversation.h"

/* Ends the process, or sees that it ended; appends how to how.  True: by itself, in order. */
bool conversation_end_process(struct conversation *c, struct buf *how);
/* Counts and logs a failure; the last one in a row quarantines the voter. */
void conversation_note_failure(struct conversation *c, const char *how);

#endif
