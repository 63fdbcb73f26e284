/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about providers of credentials, and their answers. */
#include "openshell/messages.h"
#include "openshell/parts.h"
#include "policy/policy.h"

static const struct schema_field create_provider_request_fields[] = {
    MESSAGE(1, "provider", &openshell_provider),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(3, "request_id"),
    {0},
};
const struct schema openshell_create_provider_request = {.name = "CreateProviderRequest",
                                                         .fields = create_provider_request_fields};

static const struct schema_field provider_response_fields[] = {
    MESSAGE(1, "provider", &openshell_provider),
    MESSAGES(2, "target_receipts", &openshell_provider_mutation_receipt),
    TEXT(3, "mutation_id"),
    {0},
};
const struct schema openshell_provider_response = {.name = "ProviderResponse",
                                                   .fields = provider_response_fields};

static const struct schema_field get_provider_request_fields[] = {
    TEXT(1, "name"),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_get_provider_request = {.name = "GetProviderRequest",
                                                      .fields = get_provider_request_fields};

static const struct schema_field list_providers_request_fields[] = {
    I32(1, "page_size"),
    U32(2, "offset"),
    TEXT(2, "page_token"),
    TEXT(3, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    BOOL(4, "all_workspaces"),
    TEXT(4, "label_selector"),
    {0},
};
const struct schema openshell_list_providers_request = {.name = "ListProvidersRequest",
                                                        .fields = list_providers_request_fields};

static const struct schema_field list_providers_response_fields[] = {
    MESSAGES(1, "providers", &openshell_provider),
    TEXT(2, "next_page_token"),
    {0},
};
const struct schema openshell_list_providers_response = {.name = "ListProvidersResponse",
                                                         .fields = list_providers_response_fields};

static const struct schema_field update_provider_request_fields[] = {
    MESSAGE(1, "provider", &openshell_provider),
    I64_MAP(2, "credential_expires_at_ms"),
    TEXT(3, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(4, "request_id"),
    TIME_MAP(102, "credential_expiration_times"),
    TEXTS(103, "clear_credential_expiration_keys"),
    {0},
};
const struct schema openshell_update_provider_request = {.name = "UpdateProviderRequest",
                                                         .fields = update_provider_request_fields};

static const struct schema_field delete_provider_request_fields[] = {
    TEXT(1, "name"),
    TEXT(2, "workspace"),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector),
    BOOL(4, "allow_missing"),
    TEXT(5, "request_id"),
    {0},
};
const struct schema openshell_delete_provider_request = {.name = "DeleteProviderRequest",
                                                         .fields = delete_provider_request_fields};

static const struct schema_field delete_provider_response_fields[] = {
    BOOL(1, "deleted"),
    ENUM(2, "outcome", openshell_deletion_outcome_words),
    {0},
};
const struct schema openshell_delete_provider_response = {
    .name = "DeleteProviderResponse", .fields = delete_provider_response_fields};

static const struct schema_field list_sandbox_providers_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    I32(3, "page_size"),
    TEXT(4, "page_token"),
    {0},
};
const struct schema openshell_list_sandbox_providers_request = {
    .name = "ListSandboxProvidersRequest", .fields = list_sandbox_providers_request_fields};

static const struct schema_field list_sandbox_providers_response_fields[] = {
    MESSAGES(1, "providers", &openshell_provider),
    TEXT(2, "next_page_token"),
    {0},
};
const struct schema openshell_list_sandbox_providers_response = {
    .name = "ListSandboxProvidersResponse", .fields = list_sandbox_providers_response_fields};

static const struct schema_field attach_sandbox_provider_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "provider"),
    U64(3, "expected_resource_version"),
    TEXT(4, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(4, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(5, "request_id"),
    {0},
};
const struct schema openshell_attach_sandbox_provider_request = {
    .name = "AttachSandboxProviderRequest", .fields = attach_sandbox_provider_request_fields};

static const struct schema_field attach_sandbox_provider_response_fields[] = {
    MESSAGE(1, "sandbox", &openshell_sandbox),
    BOOL(2, "attached"),
    MESSAGE(3, "receipt", &openshell_provider_mutation_receipt),
    {0},
};
const struct schema openshell_attach_sandbox_provider_response = {
    .name = "AttachSandboxProviderResponse", .fields = attach_sandbox_provider_response_fields};

static const struct schema_field detach_sandbox_provider_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "provider"),
    U64(3, "expected_resource_version"),
    TEXT(4, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(4, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(5, "request_id"),
    {0},
};
const struct schema openshell_detach_sandbox_provider_request = {
    .name = "DetachSandboxProviderRequest", .fields = detach_sandbox_provider_request_fields};

static const struct schema_field detach_sandbox_provider_response_fields[] = {
    MESSAGE(1, "sandbox", &openshell_sandbox),
    BOOL(2, "detached"),
    MESSAGE(3, "receipt", &openshell_provider_mutation_receipt),
    {0},
};
const struct schema openshell_detach_sandbox_provider_response = {
    .name = "DetachSandboxProviderResponse", .fields = detach_sandbox_provider_response_fields};

static const struct schema_field get_sandbox_provider_status_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "provider"),
    TEXT(3, "receipt_id"),
    MESSAGE(4, "workspace_scope", &openshell_workspace_selector),
    {0},
};
const struct schema openshell_get_sandbox_provider_status_request = {
    .name = "GetSandboxProviderStatusRequest",
    .fields = get_sandbox_provider_status_request_fields};

static const struct schema_field get_sandbox_provider_status_response_fields[] = {
    MESSAGE(1, "status", &openshell_provider_readiness_status),
    {0},
};
const struct schema openshell_get_sandbox_provider_status_response = {
    .name = "GetSandboxProviderStatusResponse",
    .fields = get_sandbox_provider_status_response_fields};

static const struct schema_field get_provider_credentials_request_fields[] = {
    MESSAGE(1, "workspace_scope", &openshell_workspace_selector),
    TEXT(2, "name"),
    TEXTS(3, "credential_keys"),
    DURATION(4, "minimum_remaining_lifetime"),
    {0},
};
const struct schema openshell_get_provider_credentials_request = {
    .name = "GetProviderCredentialsRequest", .fields = get_provider_credentials_request_fields};

static const struct schema_field get_provider_credentials_response_fields[] = {
    MESSAGE_MAP(1, "credentials", &openshell_provider_credential_value),
    {0},
};
const struct schema openshell_get_provider_credentials_response = {
    .name = "GetProviderCredentialsResponse", .fields = get_provider_credentials_response_fields};

static const struct schema_field list_provider_profiles_request_fields[] = {
    I32(1, "page_size"),
    U32(2, "offset"),
    TEXT(2, "page_token"),
    TEXT(3, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_list_provider_profiles_request = {
    .name = "ListProviderProfilesRequest", .fields = list_provider_profiles_request_fields};

static const struct schema_field list_provider_profiles_response_fields[] = {
    MESSAGES(1, "profiles", &openshell_provider_profile),
    TEXT(2, "next_page_token"),
    {0},
};
const struct schema openshell_list_provider_profiles_response = {
    .name = "ListProviderProfilesResponse", .fields = list_provider_profiles_response_fields};

static const struct schema_field get_provider_profile_request_fields[] = {
    TEXT(1, "id"),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_get_provider_profile_request = {
    .name = "GetProviderProfileRequest", .fields = get_provider_profile_request_fields};

static const struct schema_field provider_profile_response_fields[] = {
    MESSAGE(1, "profile", &openshell_provider_profile),
    {0},
};
const struct schema openshell_provider_profile_response = {
    .name = "ProviderProfileResponse", .fields = provider_profile_response_fields};

static const struct schema_field import_provider_profiles_request_fields[] = {
    MESSAGES(1, "profiles", &openshell_provider_profile_import_item),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(3, "request_id"),
    {0},
};
const struct schema openshell_import_provider_profiles_request = {
    .name = "ImportProviderProfilesRequest", .fields = import_provider_profiles_request_fields};

static const struct schema_field import_provider_profiles_response_fields[] = {
    MESSAGES(1, "diagnostics", &openshell_provider_profile_diagnostic),
    MESSAGES(2, "profiles", &openshell_provider_profile),
    BOOL(3, "imported"),
    {0},
};
const struct schema openshell_import_provider_profiles_response = {
    .name = "ImportProviderProfilesResponse", .fields = import_provider_profiles_response_fields};

static const struct schema_field update_provider_profiles_request_fields[] = {
    MESSAGE(1, "profile", &openshell_provider_profile_import_item),
    U64(2, "expected_resource_version"),
    TEXT(3, "id"),
    TEXT(4, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(4, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(5, "request_id"),
    {0},
};
const struct schema openshell_update_provider_profiles_request = {
    .name = "UpdateProviderProfilesRequest", .fields = update_provider_profiles_request_fields};

static const struct schema_field update_provider_profiles_response_fields[] = {
    MESSAGES(1, "diagnostics", &openshell_provider_profile_diagnostic),
    MESSAGE(2, "profile", &openshell_provider_profile),
    BOOL(3, "updated"),
    {0},
};
const struct schema openshell_update_provider_profiles_response = {
    .name = "UpdateProviderProfilesResponse", .fields = update_provider_profiles_response_fields};

static const struct schema_field lint_provider_profiles_request_fields[] = {
    MESSAGES(1, "profiles", &openshell_provider_profile_import_item),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_lint_provider_profiles_request = {
    .name = "LintProviderProfilesRequest", .fields = lint_provider_profiles_request_fields};

static const struct schema_field lint_provider_profiles_response_fields[] = {
    MESSAGES(1, "diagnostics", &openshell_provider_profile_diagnostic),
    BOOL(2, "valid"),
    BOOL(3, "supports_stable_placeholder"),
    {0},
};
const struct schema openshell_lint_provider_profiles_response = {
    .name = "LintProviderProfilesResponse", .fields = lint_provider_profiles_response_fields};

static const struct schema_field delete_provider_profile_request_fields[] = {
    TEXT(1, "id"),
    TEXT(2, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    BOOL(3, "allow_missing"),
    TEXT(4, "request_id"),
    {0},
};
const struct schema openshell_delete_provider_profile_request = {
    .name = "DeleteProviderProfileRequest", .fields = delete_provider_profile_request_fields};

static const struct schema_field delete_provider_profile_response_fields[] = {
    BOOL(1, "deleted"),
    ENUM(2, "outcome", openshell_deletion_outcome_words),
    {0},
};
const struct schema openshell_delete_provider_profile_response = {
    .name = "DeleteProviderProfileResponse", .fields = delete_provider_profile_response_fields};

static const struct schema_field get_provider_refresh_status_request_fields[] = {
    TEXT(1, "provider"),
    TEXT(2, "credential_key"),
    TEXT(3, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_get_provider_refresh_status_request = {
    .name = "GetProviderRefreshStatusRequest",
    .fields = get_provider_refresh_status_request_fields};

static const struct schema_field get_provider_refresh_status_response_fields[] = {
    MESSAGES(1, "credentials", &openshell_provider_credential_refresh_status),
    {0},
};
const struct schema openshell_get_provider_refresh_status_response = {
    .name = "GetProviderRefreshStatusResponse",
    .fields = get_provider_refresh_status_response_fields};

static const struct schema_field configure_provider_refresh_request_fields[] = {
    TEXT(1, "provider"),
    TEXT(2, "credential_key"),
    ENUM(3, "strategy", openshell_provider_credential_refresh_strategy_words),
    TEXT_MAP(4, "material"),
    TEXTS(5, "secret_material_keys"),
    I64(6, "expires_at_ms", .flags = SCHEMA_OPTIONAL),
    TEXT(7, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(7, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(8, "request_id"),
    TIME(106, "expiration_time"),
    {0},
};
const struct schema openshell_configure_provider_refresh_request = {
    .name = "ConfigureProviderRefreshRequest", .fields = configure_provider_refresh_request_fields};

static const struct schema_field configure_provider_refresh_response_fields[] = {
    MESSAGE(1, "status", &openshell_provider_credential_refresh_status),
    {0},
};
const struct schema openshell_configure_provider_refresh_response = {
    .name = "ConfigureProviderRefreshResponse",
    .fields = configure_provider_refresh_response_fields};

static const struct schema_field rotate_provider_credential_request_fields[] = {
    TEXT(1, "provider"),
    TEXT(2, "credential_key"),
    TEXT(3, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(4, "request_id"),
    {0},
};
const struct schema openshell_rotate_provider_credential_request = {
    .name = "RotateProviderCredentialRequest", .fields = rotate_provider_credential_request_fields};

static const struct schema_field rotate_provider_credential_response_fields[] = {
    MESSAGE(1, "status", &openshell_provider_credential_refresh_status),
    {0},
};
const struct schema openshell_rotate_provider_credential_response = {
    .name = "RotateProviderCredentialResponse",
    .fields = rotate_provider_credential_response_fields};

static const struct schema_field delete_provider_refresh_request_fields[] = {
    TEXT(1, "provider"),
    TEXT(2, "credential_key"),
    TEXT(3, "workspace"),
    MESSAGE(4, "workspace_scope", &openshell_workspace_selector),
    BOOL(5, "allow_missing"),
    TEXT(6, "request_id"),
    {0},
};
const struct schema openshell_delete_provider_refresh_request = {
    .name = "DeleteProviderRefreshRequest", .fields = delete_provider_refresh_request_fields};

static const struct schema_field delete_provider_refresh_response_fields[] = {
    BOOL(1, "deleted"),
    ENUM(2, "outcome", openshell_deletion_outcome_words),
    {0},
};
const struct schema openshell_delete_provider_refresh_response = {
    .name = "DeleteProviderRefreshResponse", .fields = delete_provider_refresh_response_fields};
