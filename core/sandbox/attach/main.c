/* SPDX-License-Identifier: Apache-2.0 */
/* Joins its own streams to those of the sandbox's main process: what sshd runs as the subsystem
 * openshell-main.
 *
 *     sluice-attach tty|pipe
 *
 * tty: the main process has a terminal, so that its own, if it has one, becomes raw, and ctrl-p
 * ctrl-q leaves.  It speaks the frames of sandbox/wire/frame.h at WIRE_MAIN_SOCKET and exits with
 * the code of the main process.  It runs as the workload and has no other right.
 *
 * sshd drops what a subsystem writes to its standard error, so everything goes to the output. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "sandbox/wire/frame.h"
#include "sandbox/wire/wire.h"

enum { CODE_LOST = 255, KEY_PREFIX = 'P' - '@', KEY_LEAVE = 'Q' - '@', READ_MAX = 16 * 1024 };

struct attached {
    int socket;
    bool raw;                                       /* our terminal is */
    bool types;                                     /* standard input is for the main process */
    bool prefix;                                    /* the first key of leaving was typed */
    size_t out_at, out_len;                         /* of a frame that waits for the socket */
    size_t in_len;
    uint8_t out[FRAME_HEADER_SIZE + READ_MAX + 1];
    uint8_t in[FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX];
};

/* A signal says no more than this. */
static volatile sig_atomic_t size_changed = 1;

static void on_size(int number)
{
    (void)number;
    size_changed = 1;
}

/* ---- to the main process ---- */

static void put_frame(struct attached *a, enum sandbox_frame_type type, size_t len)
{
    sandbox_frame_header(a->out, type, len);
    a->out_at = 0;
    a->out_len = FRAME_HEADER_SIZE + len;
}

static void put_size(struct attached *a)
{
    struct winsize size;
    size_changed = 0;
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_col || !size.ws_row)
        return;
    int len = snprintf((char *)a->out + FRAME_HEADER_SIZE, 64, "{\"cols\":%u,\"rows\":%u}",
                       size.ws_col, size.ws_row);
    put_frame(a, FRAME_RESIZE, (size_t)len);
}

/* Without the keys that leave, and with a first one that turned out to be meant.  -1: leave. */
static ssize_t take_keys(struct attached *a, const uint8_t *keys, size_t n, uint8_t *out)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (a->raw && a->prefix && keys[i] == KEY_LEAVE)
            return -1;
        if (a->prefix)
            out[len++] = KEY_PREFIX;
        a->prefix = a->raw && keys[i] == KEY_PREFIX;
        if (!a->prefix)
            out[len++] = keys[i];
    }
    return (ssize_t)len;
}

/* false: the client leaves. */
static bool read_input(struct attached *a)
{
    uint8_t keys[READ_MAX];
    ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n <= 0) {
        a->types = false;
        put_frame(a, FRAME_STDIN, 0);
        return true;
    }
    ssize_t len = take_keys(a, keys, (size_t)n, a->out + FRAME_HEADER_SIZE);
    if (len > 0)
        put_frame(a, FRAME_STDIN, (size_t)len);
    return len >= 0;
}

/* false: the supervisor is gone. */
static bool send_output(struct attached *a)
{
    ssize_t n = send(a->socket, a->out + a->out_at, a->out_len - a->out_at,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    a->out_at += (size_t)n;
    return true;
}

/* ---- from it ---- */

/* false: nobody reads it any more. */
static bool write_all(const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, len);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        if (n < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, -1);
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* {"code":N}, with "error" where it could not be run: the supervisor writes it without spaces. */
static int read_exit(const uint8_t *payload, size_t len)
{
    static const char code[] = "\"code\":", error[] = "\"error\":\"";
    char text[4096];
    size_t n = len < sizeof text - 1 ? len : sizeof text - 1;
    memcpy(text, payload, n);
    text[n] = '\0';
    const char *number = strstr(text, code), *why = strstr(text, error);
    if (why)
        dprintf(STDOUT_FILENO, "%.*s\r\n", (int)strcspn(why + sizeof error - 1, "\""),
                why + sizeof error - 1);
    return number ? atoi(number + sizeof code - 1) & 255 : CODE_LOST;
}

/* The code to exit with; -1: it goes on. */
static int take_frames(struct attached *a)
{
    struct sandbox_frame frame;
    ssize_t taken;
    size_t at = 0;
    while ((taken = sandbox_frame_next(a->in + at, a->in_len - at, &frame)) > 0) {
        if (frame.type == FRAME_EXIT)
            return read_exit(frame.payload, frame.len);
        if (!write_all(frame.payload, frame.len))
            return CODE_LOST;
        at += (size_t)taken;
    }
    memmove(a->in, a->in + at, a->in_len - at);
    a->in_len -= at;
    return taken < 0 ? CODE_LOST : -1;
}

static int read_frames(struct attached *a)
{
    ssize_t n = recv(a->socket, a->in + a->in_len, sizeof a->in - a->in_len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return -1;
    if (n <= 0) {
        dprintf(STDOUT_FILENO, "the connection to the main process broke\r\n");
        return CODE_LOST;
    }
    a->in_len += (size_t)n;
    return take_frames(a);
}

/* ---- the loop ---- */

static int relay(struct attached *a)
{
    int code = -1;
    while (code < 0) {
        bool sends = a->out_at < a->out_len;
        if (!sends && size_changed)
            put_size(a);
        sends = a->out_at < a->out_len;
        struct pollfd fds[] = {
            {.fd = a->socket, .events = (short)(POLLIN | (sends ? POLLOUT : 0))},
            {.fd = a->types && !sends ? STDIN_FILENO : -1, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[0].revents & POLLOUT && !send_output(a))
            code = CODE_LOST;
        if (fds[1].revents && !read_input(a))
            return 0;
        if (fds[0].revents & ~POLLOUT)
            code = read_frames(a);
    }
    return code;
}

static int open_socket(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(at.sun_path, WIRE_MAIN_SOCKET, sizeof WIRE_MAIN_SOCKET - 1);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, WIRE_MAIN_SOCKET_LEN) == 0)
        return fd;
    dprintf(STDOUT_FILENO, "cannot attach to the main process: %s\r\n", strerror(errno));
    return -1;
}

/* What it was is set again, as the terminal may be somebody's who goes on. */
static bool make_raw(struct termios *before)
{
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, before) != 0)
        return false;
    raw = *before;
    cfmakeraw(&raw);
    return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

int main(int argc, char **argv)
{
    static struct attached a;
    struct termios before;
    if (argc != 2 || (strcmp(argv[1], "tty") != 0 && strcmp(argv[1], "pipe") != 0)) {
        fprintf(stderr, "usage: sluice-attach tty|pipe\n");
        return 2;
    }
    sigaction(SIGWINCH, &(struct sigaction){.sa_handler = on_size}, NULL);
    a.socket = open_socket();
    if (a.socket < 0)
        return CODE_LOST;
    const char *silent = getenv("OPENSHELL_MAIN_READ_ONLY");
    a.types = !silent || strcmp(silent, "1") != 0;
    a.raw = strcmp(argv[1], "tty") == 0 && make_raw(&before);
    int code = relay(&a);
    if (a.raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    return code;
}
