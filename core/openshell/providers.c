/* SPDX-License-Identifier: Apache-2.0 */
/* Providers of credentials. */
#include "openshell/messages.h"
#include "openshell/parts.h"
#include "policy/policy.h"

static const char *const config_apply_outcome_words[] = {
    "UNSPECIFIED", "APPLIED", "IGNORED_DUPLICATE", "IGNORED_STALE", "RETAINED_LOCAL_OVERRIDE",
    "DEGRADED", "FAILED_RETAINED_LAST_KNOWN_GOOD", "FAILED_CLOSED", "UNSUPPORTED", NULL,
};

static const char *const config_component_words[] = {
    "UNSPECIFIED", "SANDBOX_CONFIG", "PROVIDER_ENVIRONMENT", NULL,
};

static const char *const config_update_operation_state_words[] = {
    "UNSPECIFIED", "PENDING", "APPLIED", "INACTIVE", "FAILED", "SUPERSEDED", "CANCELLED",
    NULL,
};

static const char *const provider_credential_token_grant_type_words[] = {
    "UNSPECIFIED", "CLIENT_CREDENTIALS", "TOKEN_EXCHANGE", NULL,
};

static const char *const provider_mutation_kind_words[] = {
    "UNSPECIFIED", "ATTACH", "DETACH", "UPDATE", "OBSERVE", NULL,
};

static const char *const provider_profile_category_words[] = {
    "UNSPECIFIED", "OTHER", "INFERENCE", "AGENT", "SOURCE_CONTROL", "MESSAGING", "DATA",
    "KNOWLEDGE", NULL,
};

static const char *const provider_readiness_reason_words[] = {
    "UNSPECIFIED", "WAITING_FOR_SUPERVISOR", "WAITING_FOR_CREDENTIALS", "WAITING_FOR_POLICY",
    "WAITING_FOR_PROCESS", "UNSUPPORTED_SUPERVISOR", "CREDENTIALS_WITHHELD",
    "CREDENTIAL_INSTALL_FAILED", "POLICY_ACTIVATION_FAILED", "PROCESS_INSTALL_FAILED",
    "SUPERVISOR_DISCONNECTED", "SUPERVISOR_LEASE_EXPIRED", "DESIRED_STATE_CHANGED",
    "CREDENTIAL_EXPIRED", "LOCAL_POLICY", "SNAPSHOT_MISMATCH", NULL,
};

static const char *const provider_readiness_state_words[] = {
    "UNSPECIFIED", "PERSISTED", "PENDING", "READY", "WITHHELD", "REVOKED", "FAILED",
    "SUPERSEDED", NULL,
};

static const struct schema_field credential_handle_fields[] = {
    TEXT(1, "driver"),
    TEXT(2, "handle"),
    TEXT_MAP(3, "metadata"),
    {0},
};
static const struct schema credential_handle = {.name = "CredentialHandle",
                                                .fields = credential_handle_fields};

static const struct schema_field provider_fields[] = {
    MESSAGE(1, "metadata", &openshell_object_meta),
    TEXT(2, "type"),
    TEXT_MAP(3, "credentials"),
    TEXT_MAP(4, "config"),
    I64_MAP(5, "credential_expires_at_ms"),
    TEXT(6, "profile_workspace"),
    MESSAGE_MAP(7, "credential_handles", &credential_handle),
    TIME_MAP(105, "credential_expiration_times"),
    {0},
};
const struct schema openshell_provider = {.name = "Provider", .fields = provider_fields};

static const struct schema_field provider_desired_identity_fields[] = {
    TEXT(1, "sandbox_id"),
    TEXT(2, "sandbox"),
    TEXT(3, "attachment_epoch"),
    TEXT(4, "provider_id"),
    U64(5, "provider_resource_version"),
    U64(6, "provider_env_revision"),
    U64(7, "config_revision"),
    TEXT(8, "policy_hash"),
    {0},
};
static const struct schema provider_desired_identity = {.name = "ProviderDesiredIdentity",
                                                        .fields = provider_desired_identity_fields};

static const struct schema_field provider_mutation_receipt_fields[] = {
    TEXT(1, "receipt_id"),
    TEXT(2, "mutation_id"),
    TEXT(3, "provider"),
    TEXT(4, "workspace"),
    ENUM(5, "kind", provider_mutation_kind_words),
    MESSAGE(6, "desired", &provider_desired_identity),
    TIME(107, "persisted_time"),
    {0},
};
const struct schema openshell_provider_mutation_receipt = {
    .name = "ProviderMutationReceipt", .fields = provider_mutation_receipt_fields};

static const struct schema_field provider_readiness_observation_fields[] = {
    TEXT(1, "session_id"),
    U64(2, "sequence"),
    TEXT(3, "attachment_epoch"),
    U64(4, "provider_env_revision"),
    U64(5, "config_revision"),
    TEXT(6, "policy_hash"),
    BOOL(7, "credentials_installed"),
    BOOL(8, "policy_active"),
    BOOL(9, "launch_environment_installed"),
    TEXT(10, "process_instance_id"),
    ENUM(11, "reason", provider_readiness_reason_words),
    {0},
};
static const struct schema provider_readiness_observation = {
    .name = "ProviderReadinessObservation", .fields = provider_readiness_observation_fields};

static const struct schema_field sandbox_config_revision_fields[] = {
    U64(1, "config_revision"),
    U32(2, "policy_version"),
    ENUM(3, "policy_source", openshell_policy_source_words),
    U32(4, "global_policy_version"),
    U64(5, "settings_revision"),
    {0},
};
static const struct schema sandbox_config_revision = {.name = "SandboxConfigRevision",
                                                      .fields = sandbox_config_revision_fields};

static const struct schema_field config_snapshot_revision_fields[] = {
    MESSAGE(1, "sandbox_config", &sandbox_config_revision, .oneof = "component"),
    U64(2, "provider_environment", .oneof = "component"),
    MESSAGE(3, "provider_target", &provider_desired_identity, .oneof = "component"),
    {0},
};
static const struct schema config_snapshot_revision = {.name = "ConfigSnapshotRevision",
                                                       .fields = config_snapshot_revision_fields};

static const struct schema_field config_update_operation_fields[] = {
    TEXT(1, "operation_id"),
    TEXT(2, "sandbox_id"),
    ENUM(3, "component", config_component_words),
    MESSAGE(4, "target_revision", &config_snapshot_revision),
    ENUM(5, "state", config_update_operation_state_words),
    ENUM(6, "outcome", config_apply_outcome_words),
    TEXT(7, "sanitized_error"),
    TIME(108, "created_time"),
    TIME(109, "updated_time"),
    TIME(110, "completed_time"),
    {0},
};
static const struct schema config_update_operation = {.name = "ConfigUpdateOperation",
                                                      .fields = config_update_operation_fields};

static const struct schema_field provider_readiness_status_fields[] = {
    MESSAGE(1, "receipt", &openshell_provider_mutation_receipt),
    ENUM(2, "state", provider_readiness_state_words),
    ENUM(3, "reason", provider_readiness_reason_words),
    MESSAGE(4, "observed", &provider_readiness_observation),
    TEXT(5, "network_instance_id"),
    MESSAGE(8, "operation", &config_update_operation),
    TIME(106, "observed_time"),
    TIME(107, "evaluated_time"),
    {0},
};
const struct schema openshell_provider_readiness_status = {
    .name = "ProviderReadinessStatus", .fields = provider_readiness_status_fields};

static const struct schema_field provider_credential_value_fields[] = {
    TEXT(1, "value"),
    TIME(2, "expiration_time"),
    {0},
};
const struct schema openshell_provider_credential_value = {
    .name = "ProviderCredentialValue", .fields = provider_credential_value_fields};

static const struct schema_field provider_credential_refresh_material_fields[] = {
    TEXT(1, "name"),
    TEXT(2, "description"),
    BOOL(3, "required"),
    BOOL(4, "secret"),
    {0},
};
static const struct schema provider_credential_refresh_material = {
    .name = "ProviderCredentialRefreshMaterial",
    .fields = provider_credential_refresh_material_fields};

static const struct schema_field provider_credential_refresh_output_fields[] = {
    TEXT(1, "output"),
    TEXT(2, "credential"),
    {0},
};
static const struct schema provider_credential_refresh_output = {
    .name = "ProviderCredentialRefreshOutput", .fields = provider_credential_refresh_output_fields};

static const struct schema_field provider_credential_refresh_fields[] = {
    ENUM(1, "strategy", openshell_provider_credential_refresh_strategy_words),
    TEXT(2, "token_url"),
    TEXTS(3, "scopes"),
    I64(4, "refresh_before_seconds"),
    I64(5, "max_lifetime_seconds"),
    MESSAGES(6, "material", &provider_credential_refresh_material),
    MESSAGES(7, "additional_outputs", &provider_credential_refresh_output),
    DURATION(104, "refresh_before"),
    DURATION(105, "max_lifetime"),
    {0},
};
static const struct schema provider_credential_refresh = {
    .name = "ProviderCredentialRefresh", .fields = provider_credential_refresh_fields};

static const struct schema_field provider_credential_token_grant_audience_override_fields[] = {
    TEXT(1, "host"),
    U32(2, "port"),
    TEXT(3, "path"),
    TEXT(4, "audience"),
    TEXTS(5, "scopes"),
    {0},
};
static const struct schema provider_credential_token_grant_audience_override = {
    .name = "ProviderCredentialTokenGrantAudienceOverride",
    .fields = provider_credential_token_grant_audience_override_fields};

static const struct schema_field provider_credential_token_grant_subject_token_fields[] = {
    TEXT(1, "source"),
    TEXT(2, "credential"),
    TEXT(3, "subject_token_type"),
    {0},
};
static const struct schema provider_credential_token_grant_subject_token = {
    .name = "ProviderCredentialTokenGrantSubjectToken",
    .fields = provider_credential_token_grant_subject_token_fields};

static const struct schema_field provider_credential_token_grant_fields[] = {
    TEXT(1, "token_endpoint"),
    TEXT(2, "audience"),
    TEXTS(3, "scopes"),
    I64(4, "cache_ttl_seconds"),
    MESSAGES(5, "audience_overrides", &provider_credential_token_grant_audience_override),
    TEXT(6, "jwt_svid_audience"),
    TEXT(7, "client_assertion_type"),
    ENUM(8, "grant_type", provider_credential_token_grant_type_words),
    MESSAGE(9, "subject_token", &provider_credential_token_grant_subject_token),
    TEXT(10, "requested_token_type"),
    DURATION(104, "cache_ttl"),
    {0},
};
static const struct schema provider_credential_token_grant = {
    .name = "ProviderCredentialTokenGrant", .fields = provider_credential_token_grant_fields};

static const struct schema_field provider_profile_credential_fields[] = {
    TEXT(1, "name"),
    TEXT(2, "description"),
    TEXTS(3, "env_vars"),
    BOOL(4, "required"),
    TEXT(5, "auth_style"),
    TEXT(6, "header_name"),
    TEXT(7, "query_param"),
    MESSAGE(8, "refresh", &provider_credential_refresh),
    TEXT(9, "path_template"),
    MESSAGE(10, "token_grant", &provider_credential_token_grant),
    TEXTS(11, "token_grant_owners"),
    BOOL(12, "stable_placeholder"),
    {0},
};
static const struct schema provider_profile_credential = {
    .name = "ProviderProfileCredential", .fields = provider_profile_credential_fields};

static const struct schema_field provider_profile_discovery_fields[] = {
    TEXTS(1, "credentials"),
    {0},
};
static const struct schema provider_profile_discovery = {
    .name = "ProviderProfileDiscovery", .fields = provider_profile_discovery_fields};

static const struct schema_field provider_profile_file_fields[] = {
    TEXT(1, "path"),
    TEXT(2, "content"),
    TEXT(3, "env_var"),
    {0},
};
static const struct schema provider_profile_file = {.name = "ProviderProfileFile",
                                                    .fields = provider_profile_file_fields};

static const struct schema_field provider_profile_fields[] = {
    TEXT(1, "id"),
    TEXT(2, "display_name"),
    TEXT(3, "description"),
    ENUM(4, "category", provider_profile_category_words),
    MESSAGES(5, "credentials", &provider_profile_credential),
    MESSAGES(6, "endpoints", &policy_endpoint_schema),
    MESSAGES(7, "binaries", &policy_binary_schema),
    BOOL(8, "inference_capable"),
    MESSAGE(9, "discovery", &provider_profile_discovery),
    U64(10, "resource_version"),
    TEXT_MAP(11, "annotations"),
    TEXT(12, "source"),
    TEXT(13, "scope"),
    MESSAGES(14, "files", &provider_profile_file),
    {0},
};
const struct schema openshell_provider_profile = {.name = "ProviderProfile",
                                                  .fields = provider_profile_fields};

static const struct schema_field provider_profile_import_item_fields[] = {
    MESSAGE(1, "profile", &openshell_provider_profile),
    TEXT(2, "source"),
    {0},
};
const struct schema openshell_provider_profile_import_item = {
    .name = "ProviderProfileImportItem", .fields = provider_profile_import_item_fields};

static const struct schema_field provider_profile_diagnostic_fields[] = {
    TEXT(1, "source"),
    TEXT(2, "profile_id"),
    TEXT(3, "field"),
    TEXT(4, "message"),
    TEXT(5, "severity"),
    {0},
};
const struct schema openshell_provider_profile_diagnostic = {
    .name = "ProviderProfileDiagnostic", .fields = provider_profile_diagnostic_fields};

static const struct schema_field provider_credential_refresh_status_fields[] = {
    TEXT(1, "provider"),
    TEXT(2, "provider_id"),
    TEXT(3, "credential_key"),
    ENUM(4, "strategy", openshell_provider_credential_refresh_strategy_words),
    TEXT(5, "status"),
    I64(6, "expires_at_ms"),
    I64(7, "next_refresh_at_ms"),
    I64(8, "last_refresh_at_ms"),
    TEXT(9, "last_error"),
    ENUM(10, "recovery_action", openshell_provider_credential_refresh_recovery_action_words),
    TEXT(11, "failure_code"),
    TEXT(12, "provider_error_subtype"),
    TIME(106, "expiration_time"),
    TIME(107, "next_refresh_time"),
    TIME(108, "last_refresh_time"),
    I64(13, "last_error_at_ms"),
    TIME(113, "last_error_time"),
    {0},
};
const struct schema openshell_provider_credential_refresh_status = {
    .name = "ProviderCredentialRefreshStatus", .fields = provider_credential_refresh_status_fields};
