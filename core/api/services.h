/* SPDX-License-Identifier: Apache-2.0 */
/* Services of sandboxes that are exposed, on the gateway's listeners: a request whose host begins
 * with WORKSPACE--SANDBOX--SERVICE as one label goes to the service's port, once its sender was
 * judged as for a command in that sandbox.  The sandbox's program is never trusted: it does not see
 * how its visitors are known to the gateway.  Loop thread only. */
#ifndef API_SERVICES_H
#define API_SERVICES_H

#include "http/router.h"

/* With a struct api as context (http_server_offer). */
extern const struct http_service api_exposed_services;

#endif
