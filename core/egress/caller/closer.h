/* SPDX-License-Identifier: Apache-2.0 */
/* Closes borrowed descriptors on a thread of its own.
 *
 * Closing the last descriptor of an open file can take as long as its owner has arranged: a socket
 * that lingers waits for its peer, which may be the very loop that closes it.  What one turn of the
 * loop gives up goes to the thread together, before the loop waits: waking the thread for each one
 * costs more than closing it.
 *
 * Threads: the loop's thread only. */
#ifndef EGRESS_CALLER_CLOSER_H
#define EGRESS_CALLER_CLOSER_H

#include <stdbool.h>
#include <uv.h>

struct egress_closer;
struct error;

struct egress_closer *egress_closer_new(uv_loop_t *loop, struct error *err);
/* Waits until all are closed; its memory goes with the loop's next turn.  NULL is fine. */
void egress_closer_free(struct egress_closer *closer);
void egress_closer_close(struct egress_closer *closer, int fd);
/* False: so many wait that none should be borrowed. */
bool egress_closer_has_room(const struct egress_closer *closer);

#endif
