/* SPDX-License-Identifier: Apache-2.0 */
/* Sandboxes. */
#include "openshell/messages.h"
#include "openshell/parts.h"
#include "policy/policy.h"

static const char *const configuration_admission_state_words[] = {
    "UNSPECIFIED", "PENDING", "ACCEPTED", "REJECTED", NULL,
};

static const char *const endpoint_failure_domain_words[] = {
    "UNSPECIFIED", "TOKEN_GRANT", NULL,
};

static const char *const endpoint_result_words[] = {
    "UNSPECIFIED", "NO_OBSERVED_EXCHANGE", "HTTP_RESPONSE_RECEIVED", "POLICY_DENIED",
    "CREDENTIAL_UNAVAILABLE", "TLS_FAILED", "TRANSPORT_FAILED", "UPSTREAM_REJECTED", NULL,
};

static const char *const sandbox_phase_words[] = {
    "UNSPECIFIED", "PROVISIONING", "READY", "ERROR", "DELETING", "UNKNOWN", "STOPPING",
    "STOPPED", "STARTING", "COMPLETED", NULL,
};

static const char *const sandbox_restart_policy_words[] = {
    "UNSPECIFIED", "NEVER", "ON_FAILURE", "ALWAYS", NULL,
};

static const struct schema_field sandbox_template_fields[] = {
    TEXT(1, "image"),
    TEXT(2, "runtime_class_name"),
    TEXT(3, "agent_socket"),
    TEXT_MAP(4, "labels"),
    TEXT_MAP(5, "annotations"),
    TEXT_MAP(6, "environment"),
    ANY_MAP(7, "resources"),
    BOOL(10, "user_namespaces", .flags = SCHEMA_OPTIONAL),
    ANY_MAP(11, "driver_config"),
    {0},
};
static const struct schema sandbox_template = {.name = "SandboxTemplate",
                                               .fields = sandbox_template_fields};

static const struct schema_field resource_requirements_fields[] = {
    MESSAGE(1, "gpu", &openshell_gpu_resource_requirements),
    {0},
};
static const struct schema resource_requirements = {.name = "ResourceRequirements",
                                                    .fields = resource_requirements_fields};

static const struct schema_field sandbox_spec_fields[] = {
    TEXT(1, "log_level"),
    TEXT_MAP(5, "environment"),
    MESSAGE(6, "template", &sandbox_template),
    MESSAGE(7, "policy", &policy_schema),
    TEXTS(8, "providers"),
    MESSAGE(9, "resource_requirements", &resource_requirements),
    TEXTS(12, "command"),
    BOOL(13, "tty"),
    TEXT(14, "provider_attachment_epoch"),
    ENUM(15, "restart_policy", sandbox_restart_policy_words),
    {0},
};
static const struct schema sandbox_spec = {.name = "SandboxSpec", .fields = sandbox_spec_fields};

static const struct schema_field sandbox_condition_fields[] = {
    TEXT(1, "type"),
    TEXT(2, "status"),
    TEXT(3, "reason"),
    TEXT(4, "message"),
    TEXT(5, "last_transition_time"),
    TIME(105, "transition_time"),
    {0},
};
static const struct schema sandbox_condition = {.name = "SandboxCondition",
                                                .fields = sandbox_condition_fields};

static const struct schema_field endpoint_failure_fields[] = {
    ENUM(1, "domain", endpoint_failure_domain_words),
    TEXT(2, "code"),
    ENUM(3, "recovery_action", openshell_provider_credential_refresh_recovery_action_words),
    TEXT(4, "provider"),
    TEXT(5, "credential_key"),
    TEXT(6, "stage"),
    U32(7, "upstream_http_status", .flags = SCHEMA_OPTIONAL),
    TEXT(8, "request_id"),
    {0},
};
static const struct schema endpoint_failure = {.name = "EndpointFailure",
                                               .fields = endpoint_failure_fields};

static const struct schema_field endpoint_status_fields[] = {
    TEXT(1, "endpoint_id"),
    TEXT(2, "host"),
    U32S(3, "ports"),
    TEXT(4, "path"),
    ENUM(5, "last_result", endpoint_result_words),
    MESSAGE(7, "last_failure", &endpoint_failure),
    TIME(106, "last_reported_time"),
    {0},
};
static const struct schema endpoint_status = {.name = "EndpointStatus",
                                              .fields = endpoint_status_fields};

static const struct schema_field sandbox_configuration_admission_fields[] = {
    TEXT(1, "instance_id"),
    ENUM(2, "state", configuration_admission_state_words),
    U32(3, "policy_version"),
    TEXT(4, "policy_hash"),
    U64(5, "config_revision"),
    U64(6, "provider_env_revision"),
    TEXT(7, "error"),
    {0},
};
static const struct schema sandbox_configuration_admission = {
    .name = "SandboxConfigurationAdmission", .fields = sandbox_configuration_admission_fields};

static const struct schema_field sandbox_provisioning_fields[] = {
    TEXT(1, "attempt_id"),
    TEXT(2, "configuration_change_id"),
    TIME(3, "configuration_change_time"),
    TIME(4, "first_rejection_time"),
    TIME(5, "deadline"),
    TIME(6, "timeout_time"),
    TIME(7, "cleanup_completed_time"),
    TEXT(8, "cleanup_error"),
    TIME(9, "cleanup_retry_time"),
    TEXT(10, "attachment_change_id"),
    TIME(11, "attachment_change_time"),
    TIME(12, "preparation_deadline"),
    TIME(13, "admission_start_time"),
    BOOL(14, "driver_operation_pending"),
    TEXT(15, "driver_operation_id"),
    {0},
};
static const struct schema sandbox_provisioning = {.name = "SandboxProvisioning",
                                                   .fields = sandbox_provisioning_fields};

static const struct schema_field token_grant_failure_observation_fields[] = {
    TEXT(1, "destination_host"),
    U32(2, "destination_port"),
    MESSAGE(3, "failure", &endpoint_failure),
    {0},
};
static const struct schema token_grant_failure_observation = {
    .name = "TokenGrantFailureObservation", .fields = token_grant_failure_observation_fields};

static const struct schema_field sandbox_status_fields[] = {
    TEXT(1, "sandbox_name"),
    TEXT(2, "agent_pod"),
    TEXT(3, "agent_fd"),
    TEXT(4, "sandbox_fd"),
    MESSAGES(5, "conditions", &sandbox_condition),
    ENUM(6, "phase", sandbox_phase_words),
    U32(7, "current_policy_version"),
    TEXT(8, "main_process_instance_id"),
    I32(9, "exit_code", .flags = SCHEMA_OPTIONAL),
    MESSAGES(10, "endpoint_statuses", &endpoint_status),
    MESSAGE(11, "configuration_admission", &sandbox_configuration_admission),
    BOOL(12, "configuration_activated", .flags = SCHEMA_OPTIONAL),
    MESSAGE(13, "provisioning", &sandbox_provisioning),
    U32(14, "restart_count"),
    TIME(15, "next_restart_time"),
    TIME(16, "main_process_started_time"),
    MESSAGE(17, "last_token_grant_failure", &token_grant_failure_observation),
    {0},
};
static const struct schema sandbox_status = {.name = "SandboxStatus",
                                             .fields = sandbox_status_fields};

static const struct schema_field sandbox_workload_template_provenance_fields[] = {
    TEXT(1, "name"),
    TEXT(2, "resource_version"),
    {0},
};
static const struct schema sandbox_workload_template_provenance = {
    .name = "SandboxWorkloadTemplateProvenance",
    .fields = sandbox_workload_template_provenance_fields};

static const struct schema_field sandbox_fields[] = {
    MESSAGE(1, "metadata", &openshell_object_meta),
    MESSAGE(2, "spec", &sandbox_spec),
    MESSAGE(3, "status", &sandbox_status),
    TEXT(6, "host_key_fingerprint"),
    MESSAGE(20, "created_from_workload_template", &sandbox_workload_template_provenance),
    {0},
};
const struct schema openshell_sandbox = {.name = "Sandbox", .fields = sandbox_fields};

static const struct schema_field sandbox_service_exposure_fields[] = {
    TEXT(1, "service"),
    U32(2, "target_port"),
    ENUM(3, "authorization_mode", openshell_service_authorization_mode_words),
    {0},
};
static const struct schema sandbox_service_exposure = {.name = "SandboxServiceExposure",
                                                       .fields = sandbox_service_exposure_fields};

static const struct schema_field create_sandbox_request_fields[] = {
    MESSAGE(1, "spec", &sandbox_spec),
    TEXT(2, "name"),
    TEXT_MAP(3, "labels"),
    TEXT_MAP(4, "annotations"),
    TEXT(5, "workspace"),
    BOOL(5, "await_main_process_attachment"),
    TEXT(6, "workload_template"),
    MESSAGE(7, "workspace_scope", &openshell_workspace_selector),
    TEXT(8, "request_id"),
    MESSAGES(9, "service_exposures", &sandbox_service_exposure),
    {0},
};
const struct schema openshell_create_sandbox_request = {.name = "CreateSandboxRequest",
                                                        .fields = create_sandbox_request_fields};

static const struct schema_field sandbox_response_fields[] = {
    MESSAGE(1, "sandbox", &openshell_sandbox),
    TEXT_MAP(2, "service_urls"),
    {0},
};
const struct schema openshell_sandbox_response = {.name = "SandboxResponse",
                                                  .fields = sandbox_response_fields};

static const struct schema_field get_sandbox_request_fields[] = {
    TEXT(1, "name"),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_get_sandbox_request = {.name = "GetSandboxRequest",
                                                     .fields = get_sandbox_request_fields};

static const struct schema_field list_sandboxes_request_fields[] = {
    I32(1, "page_size"),
    U32(2, "offset"),
    TEXT(2, "page_token"),
    TEXT(3, "label_selector"),
    TEXT(4, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(4, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    BOOL(5, "all_workspaces"),
    {0},
};
const struct schema openshell_list_sandboxes_request = {.name = "ListSandboxesRequest",
                                                        .fields = list_sandboxes_request_fields};

static const struct schema_field list_sandboxes_response_fields[] = {
    MESSAGES(1, "sandboxes", &openshell_sandbox),
    TEXT(2, "next_page_token"),
    {0},
};
const struct schema openshell_list_sandboxes_response = {.name = "ListSandboxesResponse",
                                                         .fields = list_sandboxes_response_fields};

static const struct schema_field delete_sandbox_request_fields[] = {
    TEXT(1, "name"),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    BOOL(3, "allow_missing"),
    TEXT(4, "request_id"),
    {0},
};
const struct schema openshell_delete_sandbox_request = {.name = "DeleteSandboxRequest",
                                                        .fields = delete_sandbox_request_fields};

static const struct schema_field delete_sandbox_response_fields[] = {
    BOOL(1, "deleted"),
    ENUM(2, "outcome", openshell_deletion_outcome_words),
    TEXT(3, "sandbox_id"),
    {0},
};
const struct schema openshell_delete_sandbox_response = {.name = "DeleteSandboxResponse",
                                                         .fields = delete_sandbox_response_fields};

static const struct schema_field stop_sandbox_request_fields[] = {
    TEXT(1, "name"),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(3, "request_id"),
    {0},
};
const struct schema openshell_stop_sandbox_request = {.name = "StopSandboxRequest",
                                                      .fields = stop_sandbox_request_fields};

static const struct schema_field start_sandbox_request_fields[] = {
    TEXT(1, "name"),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(3, "request_id"),
    {0},
};
const struct schema openshell_start_sandbox_request = {.name = "StartSandboxRequest",
                                                       .fields = start_sandbox_request_fields};

static const struct schema_field gpu_resource_requirements_fields[] = {
    U32(1, "count", .flags = SCHEMA_OPTIONAL),
    {0},
};
const struct schema openshell_gpu_resource_requirements = {
    .name = "GpuResourceRequirements", .fields = gpu_resource_requirements_fields};
