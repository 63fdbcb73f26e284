/* SPDX-License-Identifier: Apache-2.0 */
/* The listener of a seccomp filter that suspends system calls (SECCOMP_RET_USER_NOTIF).
 *
 * A suspended caller stands still until it is answered or killed.  Plain values; one thread. */
#ifndef EGRESS_CALLER_NOTIFICATION_H
#define EGRESS_CALLER_NOTIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

struct egress_notifications {
    int listener;
    struct seccomp_notif *request;                  /* as large as the kernel wants them */
    struct seccomp_notif_resp *response;
    size_t request_size, response_size;
};

struct egress_suspended_call {
    uint64_t id;
    pid_t thread;                                   /* as we see it */
    uint64_t args[6];
};

/* The listener belongs to the notifications from here on, also on failure. */
int egress_notifications_open(struct egress_notifications *n, int listener, struct error *err);
void egress_notifications_close(struct egress_notifications *n);

enum egress_notified {
    NOTIFIED_CALL,                                  /* *out is the next call */
    NOTIFIED_NOTHING,                               /* none waits */
    NOTIFIED_END,                                   /* no process has the filter any more */
};
/* Does not block. */
enum egress_notified egress_notifications_next(struct egress_notifications *n,
                                               struct egress_suspended_call *out);

/* Whether the caller still stands there.  What was read of the thread before this says yes was read
 * of the caller, and of no other one that got its number. */
bool egress_suspended_call_valid(const struct egress_notifications *n, uint64_t id);

/* These are false when the caller is gone.  result: 0 or a negative errno. */
bool egress_suspended_call_return(struct egress_notifications *n, uint64_t id, int result);
/* Lets the kernel run the call.  It reads the caller's memory again, which may have changed. */
bool egress_suspended_call_continue(struct egress_notifications *n, uint64_t id);

#endif
