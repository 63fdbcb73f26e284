/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: ?wait_ms=M, an answer that waits until what is on record has changed. */
#ifndef API_WAITING_H
#define API_WAITING_H

#include "api/call.h"
#include "runtime/wait.h"

/* What the sandbox {name} is to be waited for, as long as the call asks for.  NULL: call->err. */
struct record_wait_for *api_wait_for(struct api_call *call,
                                     bool (*settled)(const struct record_wait_for *what));
/* In a work function that has replied: if the call asks for a wait, the answer is what again
 * replies after it. */
void api_wait(struct api_call *call, struct record_wait_for *what,
              int (*again)(struct api_call *call));

#endif
