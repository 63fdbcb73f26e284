/* SPDX-License-Identifier: Apache-2.0 */
#include "net/handle.h"

#include <stdio.h>

#include "base/die.h"

static void or_die(int rc, const char *what)
{
    char text[128];
    if (rc == 0)
        return;
    snprintf(text, sizeof text, "cannot make %s: %s", what, uv_strerror(rc));
    die(text);
}

void net_make_loop(uv_loop_t *loop)
{
    or_die(uv_loop_init(loop), "an event loop");
}

void net_make_async(uv_loop_t *loop, uv_async_t *handle, uv_async_cb call)
{
    or_die(uv_async_init(loop, handle, call), "a way to wake the event loop");
}

void net_make_signal(uv_loop_t *loop, uv_signal_t *handle)
{
    or_die(uv_signal_init(loop, handle), "a watch of signals");
}

void net_make_poll(uv_loop_t *loop, uv_poll_t *handle, int fd)
{
    or_die(uv_poll_init(loop, handle, fd), "a watch of a descriptor");
}
