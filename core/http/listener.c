/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "http/connection.h"

enum { BACKLOG = 511 };

static void on_connection(uv_stream_t *stream, int status)
{
    struct http_listener *listener = stream->data;
    struct http_server *server = listener->server;
    if (status < 0) {
        log_warn(server->log, "accepting a connection failed: %s", uv_strerror(status));
        return;
    }
    connection_begin(listener, stream->type == UV_TCP ? NET_TCP : NET_PIPE);
}

/* 1: somebody listens there, 0: nobody does any more, -1: the kernel does not say. */
static int answers(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    strcpy(name.sun_path, path);
    int rc = connect(fd, (struct sockaddr *)&name, sizeof name);
    int number = errno;
    close(fd);
    errno = number;
    return rc == 0 || number == EAGAIN ? 1 : number == ECONNREFUSED ? 0 : -1;
}

static int clear_stale(const char *path, struct error *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : error_errno(err, ERROR_INTERNAL, "cannot look at %s", path);
    if (!S_ISSOCK(st.st_mode))
        return error_set(err, ERROR_EXISTS, "%s is there already and is no socket: remove it or "
                         "listen elsewhere", path);
    int rc = answers(path);
    if (rc > 0)
        return error_set(err, ERROR_EXISTS, "another process listens on unix:%s already", path);
    if (rc < 0 || unlink(path) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot replace the socket %s", path);
    return 0;
}

static int refused(const struct http_address *address, int code, struct error *err)
{
    char text[HTTP_ADDRESS_SIZE];
    enum error_kind kind = code == UV_EADDRINUSE ? ERROR_EXISTS : ERROR_INTERNAL;
    return error_set(err, kind, "cannot listen on %s: %s", http_address_format(address, text),
                     uv_strerror(code));
}

/* Between bind and listen nobody can connect, so the mode is in time. */
static int bind_unix(struct http_listener *listener)
{
    int rc = uv_pipe_bind(&listener->uv.pipe, listener->address.path);
    if (rc == 0 && chmod(listener->address.path, 0600) != 0)
        rc = uv_translate_sys_error(errno);
    return rc;
}

static int bind_tcp(struct http_listener *listener)
{
    struct http_address *address = &listener->address;
    uv_tcp_t *tcp = &listener->uv.tcp;
    struct sockaddr_storage bound;
    int len = sizeof bound;
    int rc = uv_tcp_bind(tcp, (struct sockaddr *)&address->ip, UV_TCP_IPV6ONLY *
                         (address->ip.ss_family == AF_INET6));
    if (rc == 0)
        rc = uv_tcp_getsockname(tcp, (struct sockaddr *)&bound, &len);
    if (rc == 0)
        net_tune_tcp(tcp);
    if (rc == 0)
        http_address_from_ip((struct sockaddr *)&bound, address);
    return rc;
}

static void closed(uv_handle_t *handle)
{
    struct http_listener *listener = handle->data;
    struct http_server *server = listener->server;
    free(listener);
    server->n_listeners--;
    http_server_check(server);
}

static void remove_listener(struct http_listener *listener)
{
    struct http_listener **at = &listener->server->listeners;
    while (*at && *at != listener)
        at = &(*at)->next;
    if (*at)
        *at = listener->next;
}

void listener_close(struct http_listener *listener)
{
    remove_listener(listener);
    uv_close(&listener->uv.handle, closed);
}

static void append_listener(struct http_listener *listener)
{
    struct http_listener **at = &listener->server->listeners;
    while (*at)
        at = &(*at)->next;
    *at = listener;
}

int listener_open(struct http_server *server, const struct http_address *address, unsigned flags,
                  struct tls_server *tls, struct error *err)
{
    if (address->kind == HTTP_UNIX && clear_stale(address->path, err) != 0)
        return -1;
    struct http_listener *listener = alloc_zero(1, sizeof *listener);
    listener->server = server;
    listener->address = *address;
    listener->flags = flags;
    listener->tls = tls;
    if (address->kind == HTTP_UNIX)
        uv_pipe_init(server->loop, &listener->uv.pipe, 0);
    else
        uv_tcp_init(server->loop, &listener->uv.tcp);
    listener->uv.handle.data = listener;
    append_listener(listener);
    server->n_listeners++;
    int rc = address->kind == HTTP_UNIX ? bind_unix(listener) : bind_tcp(listener);
    if (rc == 0)
        rc = uv_listen(&listener->uv.stream, BACKLOG, on_connection);
    if (rc == 0)
        return 0;
    listener_close(listener);
    return refused(address, rc, err);
}
