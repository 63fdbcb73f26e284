/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: one request to an exposed service, and its answer, piece by piece.  What
 * concerns the gateway alone is taken out of both: Authorization, fields of one connection, cookies
 * for hosts other than the service's own.  Loop thread only. */
#ifndef API_SERVICE_RELAY_H
#define API_SERVICE_RELAY_H

#include "api/api.h"
#include "http/request.h"
#include "net/stream.h"

struct service_relay;

enum { SERVICE_ANSWER_MS = 60 * 1000 }; /* until the head of the answer comes */

/* Takes the request, whose body waits until the port is there.  sandbox: its name. */
struct service_relay *service_relay_new(struct api *api, struct http_request *req,
                                        const char *sandbox);
/* The port, which it takes; or NULL, and err says why there is none. */
void service_relay_run(struct service_relay *relay, struct net_stream *port,
                       const struct error *err);

#endif
