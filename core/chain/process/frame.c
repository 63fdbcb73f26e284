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

int frame_write(int fd, const struct buf *frames, size_t *sent, struct error *err)
{
    while (*sent < frames->len) {
        ssize_t n =
            send(fd, frames->data + *sent, frames->len - *sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            *sent += (size_t)n;
        else if (errno == EAGAIN)
            return 0;
        else if (errno != EINTR)
            return gone(err);
    }
    return 1;
}

static size_t json_length(const struct buf *in)
{
    size_t len = 0;
    for (int i = 0; i < FRAME_HEADER; i++)
        len = len << 8 | (unsigned char)in->data[i];
    return len;
}

int frame_read(int fd, size_t max, struct buf *in, struct error *err)
{
    for (;;) {
        size_t whole = in->len < FRAME_HEADER ? 0 : json_length(in), left;
        if (whole > max)
            return error_set(err, ERROR_TOO_LARGE, "a frame of %zu bytes, where %zu are allowed",
                             whole, max);
        left = FRAME_HEADER + whole - in->len;
        if (left == 0 && in->len >= FRAME_HEADER)
            return 1;
        buf_reserve(in, left);
        ssize_t n = recv(fd, in->data + in->len, left, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n == 0 || (n < 0 && errno != EINTR))
            return gone(err);
        in->len += n > 0 ? (size_t)n : 0;
        in->data[in->len] = '\0';
    }
}

int frame_send(int fd, const struct buf *frames, uint64_t deadline_ns, struct error *err)
{
    size_t sent = 0;
    int rc;
    while ((rc = frame_write(fd, frames, &sent, err)) == 0)
        if (await(fd, POLLOUT, deadline_ns, err) != 0)
            return -1;
    return rc < 0 ? -1 : 0;
}

int frame_receive(int fd, size_t max, uint64_t deadline_ns, struct buf *json, struct error *err)
{
    int rc;
    buf_clear(json);
    while ((rc = frame_read(fd, max, json, err)) == 0)
        if (await(fd, POLLIN, deadline_ns, err) != 0)
            return -1;
    if (rc > 0)
        buf_consume(json, FRAME_HEADER);
    return rc < 0 ? -1 : 0;
}

int frame_whole(const struct buf *in, size_t max, size_t *len)
{
    *len = in->len < FRAME_HEADER ? 0 : json_length(in);
    if (*len > max)
        return -1;
    return in->len >= FRAME_HEADER + *len;
}

int frame_next(int fd, size_t max, struct buf *in, size_t *len)
{
    for (int rc; (rc = frame_whole(in, max, len)) <= 0;) {
        if (rc < 0)
            return -1;
        buf_reserve(in, FRAME_HEADER + *len > FRAME_AHEAD ? FRAME_HEADER + *len : FRAME_AHEAD);
        ssize_t n = recv(fd, in->data + in->len, in->cap - in->len - 1, 0);
        if (n == 0 || (n < 0 && errno != EINTR))
            return -1;
        in->len += n > 0 ? (size_t)n : 0;
        in->data[in->len] = '\0';
    }
    return 0;
}
