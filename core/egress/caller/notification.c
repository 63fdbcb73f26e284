/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/notification.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

/* Kernel headers before 6.6 do not have it. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

int egress_notifications_open(struct egress_notifications *n, int listener, struct error *err)
{
    struct seccomp_notif_sizes sizes;
    *n = (struct egress_notifications){.listener = listener};
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) {
        close(listener);
        n->listener = -1;
        return error_errno(err, ERROR_UNSUPPORTED,
                           "this kernel cannot tell who connects (seccomp notifications)");
    }
    n->request_size = larger(sizes.seccomp_notif, sizeof *n->request);
    n->response_size = larger(sizes.seccomp_notif_resp, sizeof *n->response);
    n->request = alloc_zero(1, n->request_size);
    n->response = alloc_zero(1, n->response_size);
    /* Faster where the kernel knows it (6.6). */
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    return 0;
}

void egress_notifications_close(struct egress_notifications *n)
{
    if (n->listener >= 0)
        close(n->listener);
    free(n->request);
    free(n->response);
    *n = (struct egress_notifications){.listener = -1};
}

/* Receiving blocks when no call waits, so the listener is polled before. */
enum egress_notified egress_notifications_next(struct egress_notifications *n,
                                               struct egress_suspended_call *out)
{
    struct pollfd listener = {.fd = n->listener, .events = POLLIN};
    while (poll(&listener, 1, 0) == 1 && (listener.revents & POLLIN)) {
        memset(n->request, 0, n->request_size);
        if (ioctl(n->listener, SECCOMP_IOCTL_NOTIF_RECV, n->request) == 0) {
            *out = (struct egress_suspended_call){.id = n->request->id,
                                                  .thread = (pid_t)n->request->pid};
            for (size_t i = 0; i < 6; i++)
                out->args[i] = n->request->data.args[i];
            return NOTIFIED_CALL;
        }
        if (errno != ENOENT && errno != EINTR)      /* ENOENT: the caller was killed meanwhile */
            return NOTIFIED_NOTHING;
    }
    return listener.revents & POLLHUP ? NOTIFIED_END : NOTIFIED_NOTHING;
}

bool egress_suspended_call_valid(const struct egress_notifications *n, uint64_t id)
{
    return ioctl(n->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static bool respond(struct egress_notifications *n, uint64_t id, int error, uint32_t flags)
{
    memset(n->response, 0, n->response_size);
    n->response->id = id;
    n->response->error = error;
    n->response->flags = flags;
    return ioctl(n->listener, SECCOMP_IOCTL_NOTIF_SEND, n->response) == 0;
}

bool egress_suspended_call_return(struct egress_notifications *n, uint64_t id, int result)
{
    return respond(n, id, result, 0);
}

bool egress_suspended_call_continue(struct egress_notifications *n, uint64_t id)
{
    return respond(n, id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}
