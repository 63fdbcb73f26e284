/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

int sandbox_wire_send(int channel, const struct init_message *message, const int *fds, size_t n_fds)
{
    struct iovec part = {(void *)message, sizeof *message};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    union control control;
    if (n_fds > WIRE_FDS_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (n_fds > 0) {
        memset(&control, 0, sizeof control);
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, n_fds * sizeof(int));
    }
    ssize_t sent;
    do {
        sent = sendmsg(channel, &header, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

static void read_control(struct msghdr *header, struct wire_packet *out)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_RIGHTS) {
            out->n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(out->fds, CMSG_DATA(c), out->n_fds * sizeof(int));
        } else if (c->cmsg_type == SCM_CREDENTIALS) {
            struct ucred sender;
            memcpy(&sender, CMSG_DATA(c), sizeof sender);
            out->sender = sender.pid;
        }
    }
}

int sandbox_wire_receive(int channel, struct wire_packet *out)
{
    union control control;
    struct iovec part = {&out->message, sizeof out->message};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1,
                            .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    out->n_fds = 0;
    out->sender = 0;
    ssize_t got;
    do {
        got = recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got == 0 || (got < 0 && errno == ECONNRESET))
        return 0;
    if (got < 0)
        return -1;
    read_control(&header, out);
    out->message.text[WIRE_TEXT_SIZE - 1] = '\0';
    if (header.msg_flags & MSG_CTRUNC)              /* we may not open that many */
        sandbox_wire_drop_fds(out);
    if (got == (ssize_t)sizeof out->message && out->message.version == WIRE_VERSION &&
        !(header.msg_flags & MSG_TRUNC))
        return 1;
    sandbox_wire_drop_fds(out);
    errno = EPROTO;
    return -1;
}

void sandbox_wire_drop_fds(struct wire_packet *packet)
{
    for (size_t i = 0; i < packet->n_fds; i++)
        close(packet->fds[i]);
    packet->n_fds = 0;
}

int sandbox_wire_body(const void *bytes, size_t len)
{
    if (len > WIRE_BODY_MAX) {
        errno = E2BIG;
        return -1;
    }
    int fd = memfd_create("sluice-body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    if (write(fd, bytes, len) != (ssize_t)len ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}
