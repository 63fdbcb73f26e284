/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/peers/peers.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "runtime/peers/connections.h"

enum { BACKLOG = 128 };

void peers_release(struct peers *peers)
{
    if (peers->listener_gone && !peers->asks && !peers->conns && !peers->sessions)
        free(peers);
}

static void listener_closed(uv_handle_t *listener)
{
    struct peers *peers = listener->data;
    peers->listener_gone = true;
    peers_release(peers);
}

int runtime_open_peers(struct runtime *all, struct peer_identity *identity,
                       const struct sockaddr *address, struct error *err)
{
    struct peers *peers = all->peers = alloc_zero(1, sizeof *peers);
    *peers = (struct peers){.all = all, .identity = identity};
    uv_tcp_init(all->setup.loop, &peers->listener);
    peers->listener.data = peers;
    net_tune_tcp(&peers->listener);
    int rc = uv_tcp_bind(&peers->listener, address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&peers->listener, BACKLOG, peer_accept);
    uv_unref((uv_handle_t *)&peers->listener);
    return rc == 0 ? 0
                   : error_set(err, ERROR_INTERNAL, "cannot listen for other gateways: %s: "
                               "peers.address has to be a free port of this machine",
                               uv_strerror(rc));
}

void peers_check(struct runtime *all)
{
    if (all->peers)
        peer_sessions_check(all->peers);
}

void peers_close(struct runtime *all)
{
    struct peers *peers = all->peers;
    if (!peers)
        return;
    all->peers = NULL;
    peers->closing = true;
    peer_asks_fail(peers);
    peer_conns_close(peers);
    for (struct peer_session *s = peers->sessions, *next; s; s = next) {
        next = peer_session_next(s);
        peer_session_break(s, "this gateway is stopping");
    }
    uv_close((uv_handle_t *)&peers->listener, listener_closed);
}
