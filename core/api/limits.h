/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: what a sandbox may use of its host, asked for and shown. */
#ifndef API_LIMITS_H
#define API_LIMITS_H

#include "api/bodies.h"
#include "api/call.h"

/* Fills the limits of the record.  What is no limit, or cannot be enforced on this host, becomes a
 * problem of the call. */
void api_limits_read(struct api_call *call, const struct body_create *body,
                     struct store_sandbox *out);
json_t *api_limits_json(const struct api_call *call, const struct store_sandbox *sandbox);
json_t *api_limits_host(const struct api *api);     /* for the status */

#endif
