/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of OpenShell's gRPC services as schema tables, for doc/protobuf.h.
 *
 * A request has the fields of both wires, 0.0.x and 0.1.x: where they give one number to two types,
 * the bytes tell which is meant.  Where only the name changed, the row has the newer one.  Answers
 * have the fields of both side by side; each client passes over what it does not know.  Policies
 * are those of core/policy/schema.c.  There are no structs: the records are trees.  Any thread. */
#ifndef OPENSHELL_MESSAGES_H
#define OPENSHELL_MESSAGES_H

#include "doc/schema.h"

extern const char *const openshell_policy_source_words[],
    *const openshell_deletion_outcome_words[],
        *const openshell_provider_credential_refresh_recovery_action_words[],
            *const openshell_provider_credential_refresh_strategy_words[],
                *const openshell_service_authorization_mode_words[];

/* What all methods share, and those about the gateway itself. */
extern const struct schema openshell_object_meta, openshell_workspace_selector,
    openshell_health_response, openshell_get_current_user_response,
    openshell_get_gateway_info_response, openshell_health_request,
    openshell_get_current_user_request, openshell_get_gateway_info_request;

/* Sandboxes. */
extern const struct schema openshell_sandbox, openshell_create_sandbox_request,
    openshell_sandbox_response, openshell_get_sandbox_request, openshell_list_sandboxes_request,
    openshell_list_sandboxes_response, openshell_delete_sandbox_request,
    openshell_delete_sandbox_response, openshell_stop_sandbox_request,
    openshell_start_sandbox_request, openshell_gpu_resource_requirements;

/* Watching, logs, commands and forwarded connections. */
extern const struct schema openshell_watch_sandbox_request, openshell_sandbox_stream_event,
    openshell_get_sandbox_logs_request, openshell_get_sandbox_logs_response,
    openshell_exec_sandbox_request, openshell_exec_sandbox_event, openshell_exec_sandbox_input,
    openshell_create_ssh_session_request, openshell_create_ssh_session_response,
    openshell_revoke_ssh_session_request, openshell_revoke_ssh_session_response,
    openshell_tcp_forward_frame;

/* Policies, their revisions and settings. */
extern const struct schema openshell_get_sandbox_config_request,
    openshell_get_sandbox_config_response, openshell_get_gateway_config_response,
    openshell_update_config_request, openshell_update_config_response,
    openshell_get_sandbox_policy_status_request, openshell_get_sandbox_policy_status_response,
    openshell_list_sandbox_policies_request, openshell_list_sandbox_policies_response,
    openshell_get_gateway_config_request;

/* Proposed rules. */
extern const struct schema openshell_get_draft_policy_request,
    openshell_get_draft_policy_response, openshell_approve_draft_chunk_request,
    openshell_approve_draft_chunk_response, openshell_reject_draft_chunk_request,
    openshell_approve_all_draft_chunks_request, openshell_approve_all_draft_chunks_response,
    openshell_edit_draft_chunk_request, openshell_undo_draft_chunk_request,
    openshell_undo_draft_chunk_response, openshell_clear_draft_chunks_request,
    openshell_clear_draft_chunks_response, openshell_get_draft_history_request,
    openshell_get_draft_history_response, openshell_submit_policy_analysis_request,
    openshell_submit_policy_analysis_response, openshell_reject_draft_chunk_response,
    openshell_edit_draft_chunk_response;

/* Workspaces and their members. */
extern const struct schema openshell_create_workspace_request,
    openshell_create_workspace_response, openshell_get_workspace_request,
    openshell_get_workspace_response, openshell_list_workspaces_request,
    openshell_list_workspaces_response, openshell_delete_workspace_request,
    openshell_delete_workspace_response, openshell_add_workspace_member_request,
    openshell_add_workspace_member_response, openshell_remove_workspace_member_request,
    openshell_remove_workspace_member_response, openshell_list_workspace_members_request,
    openshell_list_workspace_members_response;

/* Services of sandboxes, and sandbox templates. */
extern const struct schema openshell_expose_service_request, openshell_service_endpoint_response,
    openshell_get_service_request, openshell_list_services_request,
    openshell_list_services_response, openshell_delete_service_request,
    openshell_delete_service_response, openshell_create_sandbox_template_request,
    openshell_sandbox_template_response, openshell_get_sandbox_template_request,
    openshell_list_sandbox_templates_request, openshell_list_sandbox_templates_response,
    openshell_delete_sandbox_template_request, openshell_delete_sandbox_template_response;

/* Requests about providers of credentials, and their answers. */
extern const struct schema openshell_create_provider_request, openshell_provider_response,
    openshell_get_provider_request, openshell_list_providers_request,
    openshell_list_providers_response, openshell_update_provider_request,
    openshell_delete_provider_request, openshell_delete_provider_response,
    openshell_list_sandbox_providers_request, openshell_list_sandbox_providers_response,
    openshell_attach_sandbox_provider_request, openshell_attach_sandbox_provider_response,
    openshell_detach_sandbox_provider_request, openshell_detach_sandbox_provider_response,
    openshell_get_sandbox_provider_status_request, openshell_get_sandbox_provider_status_response,
    openshell_get_provider_credentials_request, openshell_get_provider_credentials_response,
    openshell_list_provider_profiles_request, openshell_list_provider_profiles_response,
    openshell_get_provider_profile_request, openshell_provider_profile_response,
    openshell_import_provider_profiles_request, openshell_import_provider_profiles_response,
    openshell_update_provider_profiles_request, openshell_update_provider_profiles_response,
    openshell_lint_provider_profiles_request, openshell_lint_provider_profiles_response,
    openshell_delete_provider_profile_request, openshell_delete_provider_profile_response,
    openshell_get_provider_refresh_status_request, openshell_get_provider_refresh_status_response,
    openshell_configure_provider_refresh_request, openshell_configure_provider_refresh_response,
    openshell_rotate_provider_credential_request, openshell_rotate_provider_credential_response,
    openshell_delete_provider_refresh_request, openshell_delete_provider_refresh_response;

/* Providers of credentials. */
extern const struct schema openshell_provider, openshell_provider_mutation_receipt,
    openshell_provider_readiness_status, openshell_provider_credential_value,
    openshell_provider_profile, openshell_provider_profile_import_item,
    openshell_provider_profile_diagnostic, openshell_provider_credential_refresh_status;

/* Routes of inference, which only the older wire has. */
extern const struct schema openshell_set_inference_route_request,
    openshell_set_inference_route_response, openshell_get_inference_route_request,
    openshell_get_inference_route_response, openshell_delete_inference_route_request,
    openshell_delete_inference_route_response;

#endif
