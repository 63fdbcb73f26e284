/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: the main process of a sandbox, as JSON. */
#ifndef API_MAIN_PROCESS_H
#define API_MAIN_PROCESS_H

#include "api/call.h"
#include "store/store.h"

/* A new object; JSON null where the sandbox has none. */
json_t *api_main_json(struct api_call *call, const struct store_sandbox *s);

#endif
