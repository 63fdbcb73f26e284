/* SPDX-License-Identifier: Apache-2.0 */
/* Proposed rules. */
#include "openshell/messages.h"
#include "openshell/parts.h"
#include "policy/policy.h"

static const struct schema_field no_fields[] = {{0}};

static const struct schema_field get_draft_policy_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "status_filter"),
    TEXT(3, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_get_draft_policy_request = {
    .name = "GetDraftPolicyRequest", .fields = get_draft_policy_request_fields};

static const struct schema_field policy_chunk_fields[] = {
    TEXT(1, "id"),
    TEXT(2, "status"),
    TEXT(3, "rule_name"),
    MESSAGE(4, "proposed_rule", &policy_rule_schema),
    TEXT(5, "rationale"),
    TEXT(6, "security_notes"),
    FLOAT(7, "confidence"),
    TEXTS(8, "denial_summary_ids"),
    I64(9, "created_at_ms"),
    I64(10, "decided_at_ms"),
    TEXT(11, "stage"),
    TEXT(12, "supersedes_chunk_id"),
    I32(13, "hit_count"),
    I64(14, "first_seen_ms"),
    I64(15, "last_seen_ms"),
    TEXT(16, "binary"),
    TEXT(17, "validation_result"),
    TEXT(18, "rejection_reason"),
    TEXT(19, "application_error"),
    TEXT(20, "review_token"),
    TEXT(21, "current_effective_policy_hash"),
    TEXT(22, "candidate_effective_policy_hash"),
    MESSAGE(23, "current_effective_policy", &policy_schema),
    MESSAGE(24, "candidate_effective_policy", &policy_schema),
    TIME(109, "created_time"),
    TIME(110, "decided_time"),
    TIME(114, "first_seen_time"),
    TIME(115, "last_seen_time"),
    {0},
};
static const struct schema policy_chunk = {.name = "PolicyChunk", .fields = policy_chunk_fields};

static const struct schema_field get_draft_policy_response_fields[] = {
    MESSAGES(1, "chunks", &policy_chunk),
    TEXT(2, "rolling_summary"),
    U64(3, "draft_version"),
    I64(4, "last_analyzed_at_ms"),
    TIME(104, "last_analyzed_time"),
    {0},
};
const struct schema openshell_get_draft_policy_response = {
    .name = "GetDraftPolicyResponse", .fields = get_draft_policy_response_fields};

static const struct schema_field approve_draft_chunk_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "chunk_id"),
    TEXT(3, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(4, "review_token"),
    TEXT(5, "request_id"),
    {0},
};
const struct schema openshell_approve_draft_chunk_request = {
    .name = "ApproveDraftChunkRequest", .fields = approve_draft_chunk_request_fields};

static const struct schema_field approve_draft_chunk_response_fields[] = {
    U32(1, "policy_version"),
    TEXT(2, "policy_hash"),
    {0},
};
const struct schema openshell_approve_draft_chunk_response = {
    .name = "ApproveDraftChunkResponse", .fields = approve_draft_chunk_response_fields};

static const struct schema_field reject_draft_chunk_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "chunk_id"),
    TEXT(3, "reason"),
    TEXT(4, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(4, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(5, "request_id"),
    {0},
};
const struct schema openshell_reject_draft_chunk_request = {
    .name = "RejectDraftChunkRequest", .fields = reject_draft_chunk_request_fields};

static const struct schema_field draft_chunk_approval_fields[] = {
    TEXT(1, "chunk_id"),
    TEXT(2, "review_token"),
    {0},
};
static const struct schema draft_chunk_approval = {.name = "DraftChunkApproval",
                                                   .fields = draft_chunk_approval_fields};

static const struct schema_field approve_all_draft_chunks_request_fields[] = {
    TEXT(1, "sandbox"),
    BOOL(2, "include_security_flagged"),
    TEXT(3, "workspace", .flags = SCHEMA_SHARED),
    MESSAGES(3, "approvals", &draft_chunk_approval, .flags = SCHEMA_SHARED),
    MESSAGES(4, "approvals_or_scope", &draft_chunk_approval),
    TEXT(5, "request_id"),
    {0},
};
const struct schema openshell_approve_all_draft_chunks_request = {
    .name = "ApproveAllDraftChunksRequest", .fields = approve_all_draft_chunks_request_fields};

static const struct schema_field approve_all_draft_chunks_response_fields[] = {
    U32(1, "policy_version"),
    TEXT(2, "policy_hash"),
    U32(3, "chunks_approved"),
    U32(4, "chunks_skipped"),
    {0},
};
const struct schema openshell_approve_all_draft_chunks_response = {
    .name = "ApproveAllDraftChunksResponse", .fields = approve_all_draft_chunks_response_fields};

static const struct schema_field edit_draft_chunk_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "chunk_id"),
    MESSAGE(3, "proposed_rule", &policy_rule_schema),
    TEXT(4, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(4, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(5, "request_id"),
    {0},
};
const struct schema openshell_edit_draft_chunk_request = {
    .name = "EditDraftChunkRequest", .fields = edit_draft_chunk_request_fields};

static const struct schema_field undo_draft_chunk_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "chunk_id"),
    TEXT(3, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(4, "request_id"),
    {0},
};
const struct schema openshell_undo_draft_chunk_request = {
    .name = "UndoDraftChunkRequest", .fields = undo_draft_chunk_request_fields};

static const struct schema_field undo_draft_chunk_response_fields[] = {
    U32(1, "policy_version"),
    TEXT(2, "policy_hash"),
    {0},
};
const struct schema openshell_undo_draft_chunk_response = {
    .name = "UndoDraftChunkResponse", .fields = undo_draft_chunk_response_fields};

static const struct schema_field clear_draft_chunks_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(3, "request_id"),
    {0},
};
const struct schema openshell_clear_draft_chunks_request = {
    .name = "ClearDraftChunksRequest", .fields = clear_draft_chunks_request_fields};

static const struct schema_field clear_draft_chunks_response_fields[] = {
    U32(1, "chunks_cleared"),
    {0},
};
const struct schema openshell_clear_draft_chunks_response = {
    .name = "ClearDraftChunksResponse", .fields = clear_draft_chunks_response_fields};

static const struct schema_field get_draft_history_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_get_draft_history_request = {
    .name = "GetDraftHistoryRequest", .fields = get_draft_history_request_fields};

static const struct schema_field draft_history_entry_fields[] = {
    I64(1, "timestamp_ms"),
    TEXT(2, "event_type"),
    TEXT(3, "description"),
    TEXT(4, "chunk_id"),
    TIME(101, "event_time"),
    {0},
};
static const struct schema draft_history_entry = {.name = "DraftHistoryEntry",
                                                  .fields = draft_history_entry_fields};

static const struct schema_field get_draft_history_response_fields[] = {
    MESSAGES(1, "entries", &draft_history_entry),
    {0},
};
const struct schema openshell_get_draft_history_response = {
    .name = "GetDraftHistoryResponse", .fields = get_draft_history_response_fields};

static const struct schema_field l7_request_sample_fields[] = {
    TEXT(1, "method"),
    TEXT(2, "path"),
    TEXT(3, "decision"),
    U32(4, "count"),
    {0},
};
static const struct schema l7_request_sample = {.name = "L7RequestSample",
                                                .fields = l7_request_sample_fields};

static const struct schema_field denial_summary_fields[] = {
    TEXT(1, "sandbox_id"),
    TEXT(2, "host"),
    U32(3, "port"),
    TEXT(4, "binary"),
    TEXTS(5, "ancestors"),
    TEXT(6, "deny_reason"),
    I64(7, "first_seen_ms"),
    I64(8, "last_seen_ms"),
    U32(9, "count"),
    U32(10, "suppressed_count"),
    U32(11, "total_count"),
    TEXTS(12, "sample_cmdlines"),
    TEXT(13, "binary_sha256"),
    BOOL(14, "persistent"),
    TEXT(15, "denial_stage"),
    MESSAGES(16, "l7_request_samples", &l7_request_sample),
    BOOL(17, "l7_inspection_active"),
    TIME(107, "first_seen_time"),
    TIME(108, "last_seen_time"),
    {0},
};
static const struct schema denial_summary = {.name = "DenialSummary",
                                             .fields = denial_summary_fields};

static const struct schema_field denial_group_count_fields[] = {
    TEXT(1, "deny_group"),
    U32(2, "denied_count"),
    {0},
};
static const struct schema denial_group_count = {.name = "DenialGroupCount",
                                                 .fields = denial_group_count_fields};

static const struct schema_field network_activity_summary_fields[] = {
    U32(1, "network_activity_count"),
    U32(2, "denied_action_count"),
    MESSAGES(3, "denials_by_group", &denial_group_count),
    {0},
};
static const struct schema network_activity_summary = {.name = "NetworkActivitySummary",
                                                       .fields = network_activity_summary_fields};

static const struct schema_field submit_policy_analysis_request_fields[] = {
    MESSAGES(1, "summaries", &denial_summary),
    MESSAGES(2, "proposed_chunks", &policy_chunk),
    TEXT(3, "analysis_mode"),
    TEXT(4, "name"),
    MESSAGES(5, "network_activity_summaries", &network_activity_summary),
    TEXT(6, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(6, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_submit_policy_analysis_request = {
    .name = "SubmitPolicyAnalysisRequest", .fields = submit_policy_analysis_request_fields};

static const struct schema_field submit_policy_analysis_response_fields[] = {
    U32(1, "accepted_chunks"),
    U32(2, "rejected_chunks"),
    TEXTS(3, "rejection_reasons"),
    TEXTS(4, "accepted_chunk_ids"),
    {0},
};
const struct schema openshell_submit_policy_analysis_response = {
    .name = "SubmitPolicyAnalysisResponse", .fields = submit_policy_analysis_response_fields};

const struct schema openshell_reject_draft_chunk_response = {.name = "RejectDraftChunkResponse",
                                                             .fields = no_fields};

const struct schema openshell_edit_draft_chunk_response = {.name = "EditDraftChunkResponse",
                                                           .fields = no_fields};
