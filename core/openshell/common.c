/* SPDX-License-Identifier: Apache-2.0 */
/* What all methods share, and those about the gateway itself. */
#include "openshell/messages.h"
#include "openshell/parts.h"
#include "policy/policy.h"

static const char *const extension_kind_words[] = {
    "UNSPECIFIED", "COMPUTE_DRIVER", "CREDENTIAL_DRIVER", "GATEWAY_INTERCEPTOR",
    "SUPERVISOR_MIDDLEWARE", NULL,
};

static const char *const service_status_words[] = {
    "UNSPECIFIED", "HEALTHY", "DEGRADED", "UNHEALTHY", NULL,
};

static const struct schema_field no_fields[] = {{0}};

const char *const openshell_policy_source_words[] = {
    "UNSPECIFIED", "SANDBOX", "GLOBAL", NULL,
};

const char *const openshell_deletion_outcome_words[] = {
    "UNSPECIFIED", "COMPLETED", "ACCEPTED", "ALREADY_ABSENT", NULL,
};

const char *const openshell_provider_credential_refresh_recovery_action_words[] = {
    "UNSPECIFIED", "RETRY", "REAUTHORIZE", "FIX_CONFIGURATION", "INVESTIGATE", NULL,
};

const char *const openshell_provider_credential_refresh_strategy_words[] = {
    "UNSPECIFIED", "STATIC", "EXTERNAL", "OAUTH2_REFRESH_TOKEN", "OAUTH2_CLIENT_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT_JWT", "AWS_STS_ASSUME_ROLE", NULL,
};

const char *const openshell_service_authorization_mode_words[] = {
    "UNSPECIFIED", "STRIP", "BEARER_PASSTHROUGH", NULL,
};

static const struct schema_field object_meta_fields[] = {
    TEXT(1, "id"),
    TEXT(2, "name"),
    I64(3, "created_at_ms"),
    TEXT_MAP(4, "labels"),
    U64(5, "resource_version"),
    TEXT_MAP(6, "annotations"),
    TEXT(7, "workspace"),
    I64(8, "deletion_timestamp_ms"),
    TIME(103, "created_time"),
    TIME(108, "deletion_time"),
    {0},
};
const struct schema openshell_object_meta = {.name = "ObjectMeta", .fields = object_meta_fields};

static const struct schema all_workspaces = {.name = "AllWorkspaces", .fields = no_fields};

static const struct schema_field workspace_selector_fields[] = {
    TEXT(1, "workspace", .oneof = "selection"),
    MESSAGE(2, "all_workspaces", &all_workspaces, .oneof = "selection"),
    {0},
};
const struct schema openshell_workspace_selector = {.name = "WorkspaceSelector",
                                                    .fields = workspace_selector_fields};

static const struct schema_field health_response_fields[] = {
    ENUM(1, "status", service_status_words),
    TEXT(2, "version"),
    {0},
};
const struct schema openshell_health_response = {.name = "HealthResponse",
                                                 .fields = health_response_fields};

static const struct schema_field get_current_user_response_fields[] = {
    TEXT(1, "subject"),
    TEXT(2, "display_name"),
    TEXTS(3, "roles"),
    TEXTS(4, "scopes"),
    TEXT(5, "identity_provider"),
    {0},
};
const struct schema openshell_get_current_user_response = {
    .name = "GetCurrentUserResponse", .fields = get_current_user_response_fields};

static const struct schema_field cpu_resource_capabilities_fields[] = {
    BOOL(1, "limit_supported"),
    {0},
};
static const struct schema cpu_resource_capabilities = {.name = "CpuResourceCapabilities",
                                                        .fields = cpu_resource_capabilities_fields};

static const struct schema_field memory_resource_capabilities_fields[] = {
    BOOL(1, "limit_supported"),
    {0},
};
static const struct schema memory_resource_capabilities = {
    .name = "MemoryResourceCapabilities", .fields = memory_resource_capabilities_fields};

static const struct schema_field gpu_resource_capabilities_fields[] = {
    BOOL(1, "default_selection_supported"),
    BOOL(2, "count_selection_supported"),
    {0},
};
static const struct schema gpu_resource_capabilities = {.name = "GpuResourceCapabilities",
                                                        .fields = gpu_resource_capabilities_fields};

static const struct schema_field resource_capabilities_fields[] = {
    MESSAGE(1, "cpu", &cpu_resource_capabilities),
    MESSAGE(2, "memory", &memory_resource_capabilities),
    MESSAGE(3, "gpu", &gpu_resource_capabilities),
    {0},
};
static const struct schema resource_capabilities = {.name = "ResourceCapabilities",
                                                    .fields = resource_capabilities_fields};

static const struct schema_field compute_driver_capabilities_fields[] = {
    TEXT(1, "driver_name"),
    TEXT(2, "driver_version"),
    MESSAGE(3, "resource_capabilities", &resource_capabilities),
    {0},
};
static const struct schema compute_driver_capabilities = {
    .name = "ComputeDriverCapabilities", .fields = compute_driver_capabilities_fields};

static const struct schema_field compute_driver_info_fields[] = {
    TEXT(1, "name"),
    MESSAGE(2, "capabilities", &compute_driver_capabilities),
    {0},
};
static const struct schema compute_driver_info = {.name = "ComputeDriverInfo",
                                                  .fields = compute_driver_info_fields};

static const struct schema_field negotiated_extension_info_fields[] = {
    ENUM(1, "kind", extension_kind_words),
    TEXT(2, "configured_name"),
    TEXT(3, "implementation_name"),
    TEXT(4, "implementation_version"),
    U32(5, "protocol_major"),
    U32(6, "protocol_minor"),
    TEXTS(7, "supported_capabilities"),
    TEXTS(8, "required_capabilities"),
    {0},
};
static const struct schema negotiated_extension_info = {.name = "NegotiatedExtensionInfo",
                                                        .fields = negotiated_extension_info_fields};

static const struct schema_field get_gateway_info_response_fields[] = {
    ENUM(1, "status", service_status_words),
    TEXT(2, "gateway_version"),
    MESSAGES(3, "compute_drivers", &compute_driver_info),
    MESSAGES(4, "extensions", &negotiated_extension_info),
    {0},
};
const struct schema openshell_get_gateway_info_response = {
    .name = "GetGatewayInfoResponse", .fields = get_gateway_info_response_fields};

const struct schema openshell_health_request = {.name = "HealthRequest", .fields = no_fields};

const struct schema openshell_get_current_user_request = {.name = "GetCurrentUserRequest",
                                                          .fields = no_fields};

const struct schema openshell_get_gateway_info_request = {.name = "GetGatewayInfoRequest",
                                                          .fields = no_fields};
