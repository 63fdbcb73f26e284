/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: the work functions and handlers of the routes, one file per resource.
 * Work functions run on a worker thread (api/call.h), handlers on the loop thread. */
#ifndef API_ROUTES_H
#define API_ROUTES_H

struct api;
struct api_call;
struct http_request;

/* ceilings.c */
int route_ceiling_set(struct api_call *call);
int route_ceiling_list(struct api_call *call);
int route_ceiling_delete(struct api_call *call);

/* exports.c */
int route_export_list(struct api_call *call);

/* policy.c */
int route_policy_get(struct api_call *call);
int route_policy_put(struct api_call *call);
int route_policy_patch(struct api_call *call);
int route_revision_list(struct api_call *call);
int route_revision_get(struct api_call *call);
int route_rollback(struct api_call *call);

/* sandboxes.c */
int route_sandbox_create(struct api_call *call);
int route_sandbox_list(struct api_call *call);
int route_sandbox_get(struct api_call *call);
int route_sandbox_set(struct api_call *call);
int route_sandbox_delete(struct api_call *call);
int route_share(struct api_call *call);
int route_unshare(struct api_call *call);
int route_sandbox_stop(struct api_call *call);
int route_sandbox_start(struct api_call *call);
int route_exec(struct api_call *call);
int route_attach(struct api_call *call);
int route_main_get(struct api_call *call);
void handle_logs(struct api *api, struct http_request *req);
void handle_supervisor_stream(struct api *api, struct http_request *req);
void handle_supervisor_exec(struct api *api, struct http_request *req);
void handle_hosts(struct api *api, struct http_request *req);
void handle_host_stream(struct api *api, struct http_request *req);

/* drafts.c */
int route_draft_get(struct api_call *call);
int route_draft_list(struct api_call *call);
int route_draft_list_all(struct api_call *call);
int route_draft_submit(struct api_call *call);
int route_draft_clear(struct api_call *call);
int route_draft_approve(struct api_call *call);
int route_draft_reject(struct api_call *call);
int route_draft_undo(struct api_call *call);
int route_draft_edit(struct api_call *call);
int route_draft_approve_all(struct api_call *call);
int route_draft_history(struct api_call *call);

/* decisions.c */
int route_decision_list(struct api_call *call);
int route_decision_get(struct api_call *call);
int route_audit_verify(struct api_call *call);

/* traffic.c */
int route_traffic_list(struct api_call *call);
int route_audit_report(struct api_call *call);
int route_request_list(struct api_call *call);

/* tokens.c */
int route_token_create(struct api_call *call);
int route_token_list(struct api_call *call);
int route_token_revoke(struct api_call *call);
int route_whoami(struct api_call *call);

/* providers.c */
int route_provider_create(struct api_call *call);
int route_provider_list(struct api_call *call);
int route_provider_get(struct api_call *call);
int route_provider_rotate(struct api_call *call);
int route_provider_delete(struct api_call *call);
int route_provider_attach(struct api_call *call);
int route_provider_detach(struct api_call *call);

/* plugins.c */
int route_plugin_list(struct api_call *call);
int route_plugin_reload(struct api_call *call);

/* system.c */
int route_oidc_token(struct api_call *call);
void handle_oidc_token(struct api *api, struct http_request *req);
void handle_oidc_config(struct api *api, struct http_request *req);
void handle_health(struct api *api, struct http_request *req);
void handle_ready(struct api *api, struct http_request *req);
int route_status(struct api_call *call);
int route_permission_list(struct api_call *call);

/* metrics.c */
int route_metrics(struct api_call *call);

/* stream.c */
int route_events(struct api_call *call);

/* openapi.c */
void handle_openapi(struct api *api, struct http_request *req);

/* console.c */
void handle_console(struct api *api, struct http_request *req);
void handle_console_redirect(struct api *api, struct http_request *req);

#endif
