/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/frame.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

size_t frame_begin(struct buf *out)
{
    size_t begin = out->len;
    buf_add(out, "\0\0\0\0", FRAME_HEADER);
    return begin;
}

void frame_end(struct buf *out, size_t begin)
{
    size_t len = out->len - begin - FRAME_HEADER;
    for (int i = 0; i < FRAME_HEADER; i++)
        out->data[begin + (size_t)i] = (char)(unsigned char)(len >> (8 * (FRAME_HEADER - 1 - i)));
}

static int gone(struct error *err)
{
    return error_set(err, ERROR_UPSTREAM, "the other side is gone");
}

/* Waits until fd is ready for events. */
static int await(int fd, short events, uint64_t deadline_ns, struct error *err)
{
    struct pollfd poller = {.fd = fd, .events = events};
    for (;;) {
        uint64_t now = clock_mono_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
        struct timespec wait = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
        int n = ppoll(&poller, 1, deadline_ns == FRAME_FOREVER ? NULL : &wait, NULL);
        if (n > 0)
            return 0;
        if (n == 0)
            return error_set(err, ERROR_TIMEOUT, "no answer in time");
        if (errno != EINTR)
            return error_errno(err, ERROR_UPSTREAM, "poll");
    }
}

int frame_send(int fd, const struct buf *frames, uint64_t deadline_ns, struct error *err)
{
    for (size_t sent = 0; sent < frames->len;) {
        ssize_t n = send(fd, frames->data + sent, frames->len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            sent += (size_t)n;
        else if (errno == EAGAIN || errno == EINTR) {
            if (await(fd, POLLOUT, deadline_ns, err) != 0)
                return -1;
        } else
            return gone(err);
    }
    return 0;
}

/* Reads exactly len bytes behind what the buffer holds. */
static int read_exactly(int fd, size_t len, uint64_t deadline_ns, struct buf *out,
                        struct error *err)
{
    buf_reserve(out, len);
    while (len > 0) {
        ssize_t n = recv(fd, out->data + out->len, len, MSG_DONTWAIT);
        if (n > 0) {
            out->len += (size_t)n;
            len -= (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (await(fd, POLLIN, deadline_ns, err) != 0)
                return -1;
        } else {
            return gone(err);
        }
    }
    out->data[out->len] = '\0';
    return 0;
}

int frame_receive(int fd, size_t max, uint64_t deadline_ns, struct buf *json, struct error *err)
{
    buf_clear(json);
    if (read_exactly(fd, FRAME_HEADER, deadline_ns, json, err) != 0)
        return -1;
    size_t len = 0;
    for (int i = 0; i < FRAME_HEADER; i++)
        len = len << 8 | (unsigned char)json->data[i];
    if (len > max)
        return error_set(err, ERROR_TOO_LARGE, "a frame of %zu bytes, where %zu are allowed", len,
                         max);
    buf_clear(json);
    return read_exactly(fd, len, deadline_ns, json, err);
}
