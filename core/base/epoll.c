/* SPDX-License-Identifier: Apache-2.0 */
/* epoll_ctl, epoll_wait and epoll_pwait for libuv, which ends the process when the kernel refuses
 * to watch a descriptor.  The kernel does so when the user's account of watches
 * (fs.epoll.max_user_watches) is full, and any process of that user can fill it.
 *
 * A descriptor that is refused is kept in a list and watched with poll(2) until there is room.
 * Every watch of a loop goes through here, so no caller has to know.  The functions replace those
 * of the C library by symbol interposition: libuv finds the executable's own first.
 *
 * The list belongs to the thread: a loop is used by one. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

struct refused {
    int epoll, fd;
    struct epoll_event event;
};

static _Thread_local struct {
    struct refused *items;
    size_t n;
} refused;

static int kernel_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

static int kernel_wait(int epoll, struct epoll_event *events, int max, int timeout,
                       const sigset_t *mask)
{
    return (int)syscall(SYS_epoll_pwait, epoll, events, max, timeout, mask, NSIG / 8);
}

static struct refused *find(int epoll, int fd)
{
    for (size_t i = 0; i < refused.n; i++)
        if (refused.items[i].epoll == epoll && refused.items[i].fd == fd)
            return &refused.items[i];
    return NULL;
}

static void keep(int epoll, int fd, const struct epoll_event *event)
{
    refused.items = alloc_resize(refused.items, refused.n + 1, sizeof *refused.items);
    refused.items[refused.n++] = (struct refused){epoll, fd, *event};
}

static void drop(struct refused *item)
{
    *item = refused.items[--refused.n];
    if (refused.n > 0)
        return;
    free(refused.items);
    refused.items = NULL;
}

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    struct refused *item = find(epoll, fd);
    if (item && op == EPOLL_CTL_ADD) {
        errno = EEXIST;
        return -1;
    }
    if (item && op == EPOLL_CTL_MOD)
        item->event = *event;
    else if (item)
        drop(item);
    else if (kernel_ctl(epoll, op, fd, event) == 0)
        return 0;
    else if (op == EPOLL_CTL_ADD && (errno == ENOSPC || errno == ENOMEM))
        keep(epoll, fd, event);
    else
        return -1;
    return 0;
}

/* Lets the kernel watch the refused descriptors that it accepts now; returns how many are left. */
static size_t ask_again(int epoll)
{
    size_t left = 0;
    for (size_t i = refused.n; i-- > 0;) {
        struct refused *item = &refused.items[i];
        if (item->epoll != epoll)
            continue;
        int rc = kernel_ctl(epoll, EPOLL_CTL_ADD, item->fd, &item->event);
        if (rc != 0 && errno == EEXIST)
            rc = kernel_ctl(epoll, EPOLL_CTL_MOD, item->fd, &item->event);
        if (rc != 0 && (errno == ENOSPC || errno == ENOMEM))
            left++;
        else
            drop(item);
    }
    return left;
}

static size_t add_refused(int epoll, struct pollfd *fds)
{
    size_t n = 0;
    for (size_t i = 0; i < refused.n; i++)
        if (refused.items[i].epoll == epoll)
            fds[n++] = (struct pollfd){.fd = refused.items[i].fd,
                                       .events = (short)(refused.items[i].event.events &
                                                         (POLLIN | POLLPRI | POLLOUT | POLLRDHUP))};
    return n;
}

static int take_events(int epoll, const struct pollfd *fds, size_t n, struct epoll_event *events,
                       int max)
{
    int taken = 0;
    for (size_t i = 0; i < n && taken < max; i++) {
        struct refused *item = fds[i].revents ? find(epoll, fds[i].fd) : NULL;
        if (item && (fds[i].revents & POLLNVAL)) {
            drop(item);                             /* closed: epoll would have forgotten it */
        } else if (item) {
            events[taken] = item->event;
            events[taken++].events = (uint32_t)(unsigned short)fds[i].revents;
        }
    }
    return taken;
}

int epoll_pwait(int epoll, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
    size_t n = refused.n > 0 ? ask_again(epoll) : 0;
    if (n == 0)
        return kernel_wait(epoll, events, max, timeout, mask);
    struct pollfd *fds = alloc_zero(n + 1, sizeof *fds);
    struct timespec limit = {timeout / 1000, timeout % 1000 * 1000000L};
    fds[0] = (struct pollfd){.fd = epoll, .events = POLLIN};
    n = add_refused(epoll, fds + 1);
    int got = ppoll(fds, n + 1, timeout < 0 ? NULL : &limit, mask);
    if (got < 0)
        errno = EINTR;                              /* libuv asks again after this error alone */
    else if (got > 0)
        got = take_events(epoll, fds + 1, n, events, max);
    if (got >= 0 && got < max && fds[0].revents) {
        int more = kernel_wait(epoll, events + got, max - got, 0, NULL);
        got += more > 0 ? more : 0;
    }
    free(fds);
    return got;
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
    return epoll_pwait(epoll, events, max, timeout, NULL);
}
