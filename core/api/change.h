/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: what routes that change a policy share. */
#ifndef API_CHANGE_H
#define API_CHANGE_H

#include "api/call.h"

/* The header field Sluice-Reason, NULL if there is none. */
int api_reason(struct api_call *call, const char **out);
/* Whether Sluice-Override asks to overrule voters. */
bool api_overrides(const struct http_request *req);
/* The same; a value that is no boolean is an error. */
int api_override(struct api_call *call, bool *out);
/* Fills in the members that every update takes from the request: actor, Sluice-Reason,
 * Sluice-Override, If-Match, dry_run, and the sandbox {name}. */
int api_update_begin(struct api_call *call, enum sluice_kind kind, struct update_request *out);
/* Answers with the update document: 200, 202 when held, 403 with the votes when denied. */
int api_update_reply(struct api_call *call, const struct update_result *result);
/* The same with the document in call->body, for routes that add to it. */
int api_update_body(struct api_call *call, const struct update_result *result);
/* update_run, then api_update_reply. */
int api_update(struct api_call *call, const struct update_request *request);

#endif
