/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of libuv whose making can fail, and that their owner cannot go on without.
 *
 * They fail where the kernel has no memory or the process no descriptor left; what was made half
 * would end the process later, at a call that does not say why.  So these say why and end it
 * (base/die.h).  The loop's thread only; a handle is closed as one that libuv made. */
#ifndef NET_HANDLE_H
#define NET_HANDLE_H

#include <uv.h>

void net_make_loop(uv_loop_t *loop);
void net_make_async(uv_loop_t *loop, uv_async_t *handle, uv_async_cb call);
void net_make_signal(uv_loop_t *loop, uv_signal_t *handle);
/* fd stays the caller's. */
void net_make_poll(uv_loop_t *loop, uv_poll_t *handle, int fd);

#endif
