/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of the main process from within the sandbox: people who came by SSH, by way of
 * core/sandbox/attach.  Whatever runs in the sandbox may connect; it could reach the process by its
 * own means as well, as both have the same uid. */
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "net/stream.h"
#include "sandbox/supervisor/process/main_process_parts.h"

static void read_nothing(void *owner, const char *bytes, ssize_t n)
{
    (void)owner, (void)bytes, (void)n;
}

static void closed(void *owner)
{
    (void)owner;
}

static void on_connection(uv_stream_t *listener, int status)
{
    static const struct net_calls nobody = {.read = read_nothing, .closed = closed};
    static const struct sandbox_attach unknown = {.id = ""};
    struct main_process *p = listener->data;
    if (status < 0)
        return;
    struct net_stream *stream = net_socket_new(p->made.loop, NET_PIPE, &nobody, NULL);
    if (net_accept(stream, listener) != 0 || p->n_inside >= MAIN_INSIDE_MAX) {
        net_discard(stream);
        return;
    }
    struct main_client *c = main_process_add_client(p, &unknown, arena_new());
    c->inside = true;
    p->n_inside++;
    main_process_take_client(c, http_tunnel_of(stream));
}

static void listener_closed(uv_handle_t *listener)
{
    main_process_part_closed(listener->data);
}

void sandbox_main_listen(struct main_process *p, int fd)
{
    if (p->ending || p->listens) {
        close(fd);
        return;
    }
    uv_pipe_init(p->made.loop, &p->listener, 0);
    p->listener.data = p;
    p->listens = true;
    p->parts++;
    if (uv_pipe_open(&p->listener, fd) != 0)
        close(fd);
    else
        uv_listen((uv_stream_t *)&p->listener, MAIN_INSIDE_MAX, on_connection);
}

void main_process_stop_listening(struct main_process *p)
{
    if (p->listens)
        uv_close((uv_handle_t *)&p->listener, listener_closed);
    p->listens = false;
}
