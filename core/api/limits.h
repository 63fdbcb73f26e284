/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: encodes the limits of a sandbox for answers. */
#ifndef API_LIMITS_H
#define API_LIMITS_H

#include "api/call.h"

json_t *api_limits_json(const struct api_call *call, const struct store_sandbox *sandbox);
json_t *api_limits_host(const struct api *api);     /* for the status */

#endif
