/* SPDX-License-Identifier: Apache-2.0 */
/* Every route of the gateway, once: the router, the permissions and the OpenAPI document come from
 * here. */
#include "api/routes.h"

#include "api/bodies.h"
#include "api/call.h"
#include "api/parameters.h"

#define SANDBOX "/v1/sandboxes/{name}"

#define WORK(method_, pattern_, summary_, ...)                                                     \
    {.method = method_, .pattern = pattern_, .handler = api_dispatch, .summary = summary_,         \
     .doc = &(const struct api_route){__VA_ARGS__}}
#define HANDLE(method_, pattern_, summary_, ...)                                                   \
    {.method = method_, .pattern = pattern_, .handler = api_handle, .summary = summary_,           \
     .doc = &(const struct api_route){__VA_ARGS__}}

static const struct http_route routes[] = {
    HANDLE("GET", "/healthz", "Whether the gateway runs", .permission = AUTH_ANYBODY,
           .stateless = true, .handle = handle_health, .answer = "text/plain"),
    HANDLE("GET", "/readyz", "Whether the gateway takes requests", .permission = AUTH_ANYBODY,
           .stateless = true, .handle = handle_ready, .answer = "text/plain"),
    WORK("GET", "/metrics", "Metrics in Prometheus text format", .permission = AUTH_ANYBODY,
         .work = route_metrics, .answer = "text/plain"),
    HANDLE("GET", "/openapi.json", "This interface as OpenAPI 3.1", .permission = AUTH_ANYBODY,
           .stateless = true, .handle = handle_openapi, .answer = "application/json"),
    WORK("GET", "/v1/status", "What the gateway is and does", .permission = AUTH_GATEWAY_READ,
         .work = route_status, .answer = "status"),

    WORK("POST", "/v1/sandboxes", "Make a sandbox and wait until it is ready",
         .permission = AUTH_SANDBOX_CREATE, .work = route_sandbox_create,
         .body = &body_create_schema, .answer = "created", .made = true,
         .takes = TAKES(DRY_RUN) | TAKES_DECISION),
    WORK("GET", "/v1/sandboxes", "All sandboxes, or those with a label",
         .permission = AUTH_SANDBOX_READ, .work = route_sandbox_list, .answer = "sandboxes",
         .takes = TAKES(LABEL)),
    WORK("GET", SANDBOX, "One sandbox", .permission = AUTH_SANDBOX_READ, .work = route_sandbox_get,
         .answer = "sandbox"),
    WORK("PATCH", SANDBOX, "Change what may change while a sandbox runs, at once",
         .permission = AUTH_SANDBOX_CREATE, .work = route_sandbox_set, .ordered = true,
         .body = &body_settings_schema, .answer = "sandbox"),
    WORK("DELETE", SANDBOX, "Stop a sandbox and delete it with its files",
         .permission = AUTH_SANDBOX_DELETE, .work = route_sandbox_delete, .ordered = true,
         .answer = "sandbox"),
    WORK("POST", SANDBOX "/stop", "Stop a sandbox; its files stay", .permission = AUTH_SANDBOX_RUN,
         .work = route_sandbox_stop, .ordered = true, .answer = "sandbox"),
    WORK("POST", SANDBOX "/start", "Start a stopped sandbox", .permission = AUTH_SANDBOX_RUN,
         .work = route_sandbox_start, .ordered = true, .answer = "sandbox"),
    WORK("POST", SANDBOX "/exec", "Run a command in a sandbox (Upgrade: sluice-exec)",
         .permission = AUTH_SANDBOX_RUN, .work = route_exec, .body = &body_exec_schema,
         .upgrade = "sluice-exec"),
    HANDLE("GET", SANDBOX "/logs", "The log of a sandbox", .permission = AUTH_SANDBOX_READ,
           .handle = handle_logs, .answer = "text/plain", .takes = TAKES(FOLLOW)),
    WORK("GET", SANDBOX "/traffic",
         "What a sandbox asked its proxy for, counted; also of one that was deleted",
         .permission = AUTH_SANDBOX_READ, .work = route_traffic_list, .answer = "traffic",
         .takes = TAKES(VERDICT) | TAKES(AFTER) | TAKES(LIMIT)),
    WORK("GET", SANDBOX "/requests",
         "What a sandbox was permitted, request by request without queries, counted; also of one "
         "that was deleted",
         .permission = AUTH_SANDBOX_READ, .work = route_request_list, .answer = "requests",
         .takes = TAKES(AFTER) | TAKES(LIMIT)),
    WORK("GET", SANDBOX "/audit-report",
         "What its endpoints let through although their rules refuse it, as they only audit, "
         "counted; also of a sandbox that was deleted",
         .permission = AUTH_SANDBOX_READ, .work = route_audit_report, .answer = "audit_report",
         .takes = TAKES(AFTER) | TAKES(LIMIT)),

    WORK("GET", SANDBOX "/policy", "The newest policy, or that of a revision",
         .permission = AUTH_POLICY_READ, .work = route_policy_get, .answer = "policy",
         .takes = TAKES(REVISION)),
    WORK("PUT", SANDBOX "/policy", "Replace the policy", .permission = AUTH_POLICY_CHANGE,
         .work = route_policy_put, .ordered = true, .body = &policy_schema, .answer = "update",
         .takes = TAKES_UPDATE),
    WORK("PATCH", SANDBOX "/policy", "Apply merge operations to the policy",
         .permission = AUTH_POLICY_CHANGE, .work = route_policy_patch, .ordered = true,
         .body = &policy_operations_schema, .answer = "update", .takes = TAKES_UPDATE),
    WORK("GET", SANDBOX "/revisions", "The policy's revisions, newest first",
         .permission = AUTH_POLICY_READ, .work = route_revision_list, .answer = "revisions",
         .takes = TAKES(LIMIT)),
    WORK("GET", SANDBOX "/revisions/{revision}",
         "One revision; with wait_ms, when it leaves pending", .permission = AUTH_POLICY_READ,
         .work = route_revision_get, .answer = "revision", .takes = TAKES(WAIT_MS)),
    WORK("POST", SANDBOX "/revisions/{revision}/rollback",
         "Make an earlier revision the policy again", .permission = AUTH_POLICY_CHANGE,
         .work = route_rollback, .ordered = true, .answer = "update", .takes = TAKES_UPDATE),

    WORK("GET", SANDBOX "/drafts", "Proposed rules and what the voters would say",
         .permission = AUTH_DRAFT_READ, .work = route_draft_list, .answer = "drafts",
         .takes = TAKES(STATUS) | TAKES(AFTER)),
    WORK("POST", SANDBOX "/drafts", "Propose rules", .permission = AUTH_POLICY_PROPOSE,
         .work = route_draft_submit, .ordered = true, .body = &body_proposals_schema,
         .answer = "drafts", .made = true),
    WORK("DELETE", SANDBOX "/drafts", "Delete the pending chunks", .permission = AUTH_DRAFT_DECIDE,
         .work = route_draft_clear, .ordered = true, .answer = "cleared", .takes = TAKES(REASON)),
    WORK("GET", SANDBOX "/drafts/history", "What happened to the chunks, and by whom",
         .permission = AUTH_DRAFT_READ, .work = route_draft_history, .answer = "history",
         .takes = TAKES(LIMIT)),
    WORK("POST", SANDBOX "/drafts/approve-all", "Approve every pending chunk in one update",
         .permission = AUTH_DRAFT_DECIDE, .work = route_draft_approve_all, .ordered = true,
         .body = &body_approve_all_schema, .answer = "update", .body_optional = true,
         .takes = TAKES_DECISION),
    WORK("POST", SANDBOX "/drafts/{id}/approve", "Approve a chunk that was reviewed",
         .permission = AUTH_DRAFT_DECIDE, .work = route_draft_approve, .ordered = true,
         .body = &body_approve_schema, .answer = "update", .body_optional = true,
         .takes = TAKES_DECISION | TAKES(REVIEW_TOKEN)),
    WORK("POST", SANDBOX "/drafts/{id}/reject", "Reject a chunk", .permission = AUTH_DRAFT_DECIDE,
         .work = route_draft_reject, .ordered = true, .body = &body_reject_schema,
         .answer = "draft", .may_update = true, .body_optional = true, .takes = TAKES_DECISION),
    WORK("POST", SANDBOX "/drafts/{id}/undo", "Take an approved chunk back",
         .permission = AUTH_DRAFT_DECIDE, .work = route_draft_undo, .ordered = true,
         .answer = "update", .takes = TAKES_DECISION),
    WORK("GET", SANDBOX "/drafts/{id}", "One chunk and what the voters would say",
         .permission = AUTH_DRAFT_READ, .work = route_draft_get, .answer = "draft"),
    WORK("PATCH", SANDBOX "/drafts/{id}", "Edit a pending chunk's rule",
         .permission = AUTH_DRAFT_DECIDE, .work = route_draft_edit, .ordered = true,
         .body = &body_edit_schema, .answer = "draft", .takes = TAKES(REASON)),
    WORK("GET", "/v1/drafts", "The chunks of all sandboxes", .permission = AUTH_DRAFT_READ,
         .work = route_draft_list_all, .answer = "drafts", .takes = TAKES(STATUS) | TAKES(AFTER)),

    WORK("GET", "/v1/decisions", "Decisions, newest first", .permission = AUTH_DECISION_READ,
         .work = route_decision_list, .answer = "decisions",
         .takes =
             TAKES(SANDBOX) | TAKES(SINCE_MS) | TAKES(BEFORE) | TAKES(LIMIT) | TAKES(CANDIDATE)),
    WORK("GET", "/v1/decisions/{id}", "One decision with candidate, votes, diff and effect",
         .permission = AUTH_DECISION_READ, .work = route_decision_get, .answer = "full_decision"),
    WORK("GET", "/v1/audit/verify", "Check the audit chain from its first record",
         .permission = AUTH_AUDIT_READ, .work = route_audit_verify, .answer = "audit",
         .takes = TAKES(HEAD)),
    WORK("GET", "/v1/plugins", "The chain of voters", .permission = AUTH_GATEWAY_READ,
         .work = route_plugin_list, .answer = "plugins"),
    WORK("GET", "/v1/permissions", "The permissions, and the roles that have each",
         .permission = AUTH_GATEWAY_READ, .work = route_permission_list, .answer = "permissions"),
    WORK("POST", "/v1/plugins/reload", "Read the configuration again and reload its chain",
         .permission = AUTH_PLUGIN_MANAGE, .work = route_plugin_reload, .answer = "plugins"),
    WORK("GET", "/v1/events", "Server-sent events, resumable by Last-Event-ID",
         .permission = AUTH_GATEWAY_READ, .work = route_events, .answer = "text/event-stream",
         .takes = TAKES(SANDBOX) | TAKES(FOLLOW) | TAKES(LAST_EVENT_ID)),

    HANDLE("GET", "/v1/supervisor/stream", "A supervisor's stream (Upgrade: sluice-supervisor)",
           .permission = AUTH_SUPERVISE, .handle = handle_supervisor_stream,
           .upgrade = "sluice-supervisor"),
    HANDLE("GET", "/v1/supervisor/exec/{id}",
           "A supervisor's end of a command (Upgrade: sluice-exec)", .permission = AUTH_SUPERVISE,
           .handle = handle_supervisor_exec, .upgrade = "sluice-exec"),
};

const struct http_router api_router = {routes, sizeof routes / sizeof *routes, api_authenticate};
