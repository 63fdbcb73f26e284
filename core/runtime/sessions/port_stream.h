/* SPDX-License-Identifier: Apache-2.0 */
/* A session with a port of a sandbox (SANDBOX_SERVICE_TCP) as the plain stream that it carries.  A
 * pause takes effect with the next frames that come.  Loop thread only. */
#ifndef RUNTIME_SESSIONS_PORT_STREAM_H
#define RUNTIME_SESSIONS_PORT_STREAM_H

#include "net/stream.h"

/* Takes the session; paused, until it is given an owner and read.  Reading ends with
 * UV_ECONNREFUSED where nothing listens there, or with UV_ECONNRESET where the session breaks. */
struct net_stream *runtime_port_stream(struct net_stream *session);

#endif
