/* SPDX-License-Identifier: Apache-2.0 */
/* Policies, their revisions and settings. */
#include "openshell/messages.h"
#include "openshell/parts.h"
#include "policy/policy.h"

static const char *const setting_scope_words[] = {
    "UNSPECIFIED", "SANDBOX", "GLOBAL", NULL,
};

static const char *const policy_status_words[] = {
    "UNSPECIFIED", "PENDING", "LOADED", "FAILED", "SUPERSEDED", NULL,
};

static const struct schema_field no_fields[] = {{0}};

static const struct schema_field get_sandbox_config_request_fields[] = {
    TEXT(1, "name"),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector),
    {0},
};
const struct schema openshell_get_sandbox_config_request = {
    .name = "GetSandboxConfigRequest", .fields = get_sandbox_config_request_fields};

static const struct schema_field setting_value_fields[] = {
    TEXT(1, "string_value", .oneof = "value"),
    BOOL(2, "bool_value", .oneof = "value"),
    I64(3, "int_value", .oneof = "value"),
    BYTES(4, "bytes_value", .oneof = "value"),
    {0},
};
static const struct schema setting_value = {.name = "SettingValue", .fields = setting_value_fields};

static const struct schema_field effective_setting_fields[] = {
    MESSAGE(1, "value", &setting_value),
    ENUM(2, "scope", setting_scope_words),
    {0},
};
static const struct schema effective_setting = {.name = "EffectiveSetting",
                                                .fields = effective_setting_fields};

static const struct schema_field supervisor_middleware_service_fields[] = {
    TEXT(1, "name"),
    TEXT(2, "grpc_endpoint"),
    U64(3, "max_payload_bytes"),
    TEXT(4, "timeout"),
    BYTES(5, "tls_ca_cert_pem"),
    TEXT(6, "audience"),
    BOOL(7, "allow_insecure_transport"),
    DURATION(104, "request_timeout"),
    {0},
};
static const struct schema supervisor_middleware_service = {
    .name = "SupervisorMiddlewareService", .fields = supervisor_middleware_service_fields};

static const struct schema_field get_sandbox_config_response_fields[] = {
    MESSAGE(1, "policy", &policy_schema),
    U32(2, "version"),
    TEXT(3, "policy_hash"),
    MESSAGE_MAP(4, "settings", &effective_setting),
    U64(5, "config_revision"),
    ENUM(6, "policy_source", openshell_policy_source_words),
    U32(7, "global_policy_version"),
    U64(8, "provider_env_revision"),
    MESSAGES(9, "supervisor_middleware_services", &supervisor_middleware_service),
    TEXT(10, "workspace"),
    TEXT(11, "policy_validation_failure_mode"),
    BOOL(12, "extension_authentication_enabled"),
    BOOL(13, "configuration_admitted"),
    TEXT(14, "provider_attachment_epoch"),
    TEXT(15, "configuration_instance_id"),
    TEXT(16, "configuration_error"),
    U64(17, "settings_revision"),
    {0},
};
const struct schema openshell_get_sandbox_config_response = {
    .name = "GetSandboxConfigResponse", .fields = get_sandbox_config_response_fields};

static const struct schema_field get_gateway_config_response_fields[] = {
    MESSAGE_MAP(1, "settings", &setting_value),
    U64(2, "settings_revision"),
    {0},
};
const struct schema openshell_get_gateway_config_response = {
    .name = "GetGatewayConfigResponse", .fields = get_gateway_config_response_fields};

static const struct schema_field add_network_rule_fields[] = {
    TEXT(1, "rule_name"),
    MESSAGE(2, "rule", &policy_rule_schema),
    {0},
};
static const struct schema add_network_rule = {.name = "AddNetworkRule",
                                               .fields = add_network_rule_fields};

static const struct schema_field remove_network_endpoint_fields[] = {
    TEXT(1, "rule_name"),
    TEXT(2, "host"),
    U32(3, "port"),
    {0},
};
static const struct schema remove_network_endpoint = {.name = "RemoveNetworkEndpoint",
                                                      .fields = remove_network_endpoint_fields};

static const struct schema_field remove_network_rule_fields[] = {
    TEXT(1, "rule_name"),
    {0},
};
static const struct schema remove_network_rule = {.name = "RemoveNetworkRule",
                                                  .fields = remove_network_rule_fields};

static const struct schema_field l7_rule_target_fields[] = {
    TEXT(1, "rule_name"),
    TEXT(2, "host"),
    U32S(3, "ports"),
    TEXT(4, "path", .flags = SCHEMA_OPTIONAL),
    MESSAGES(5, "binaries", &policy_binary_schema),
    BOOL(6, "any_binary"),
    {0},
};
static const struct schema l7_rule_target = {.name = "L7RuleTarget",
                                             .fields = l7_rule_target_fields};

static const struct schema_field add_deny_rules_fields[] = {
    TEXT(1, "host"),
    U32(2, "port"),
    MESSAGES(3, "deny_rules", &policy_l7_rule_schema),
    MESSAGE(4, "target", &l7_rule_target),
    {0},
};
static const struct schema add_deny_rules = {.name = "AddDenyRules",
                                             .fields = add_deny_rules_fields};

static const struct schema_field add_allow_rules_fields[] = {
    TEXT(1, "host"),
    U32(2, "port"),
    MESSAGES(3, "rules", &policy_l7_rule_schema, .wrap = "allow"),
    MESSAGE(4, "target", &l7_rule_target),
    {0},
};
static const struct schema add_allow_rules = {.name = "AddAllowRules",
                                              .fields = add_allow_rules_fields};

static const struct schema_field remove_network_binary_fields[] = {
    TEXT(1, "rule_name"),
    TEXT(2, "binary_path"),
    {0},
};
static const struct schema remove_network_binary = {.name = "RemoveNetworkBinary",
                                                    .fields = remove_network_binary_fields};

static const struct schema_field policy_merge_operation_fields[] = {
    MESSAGE(1, "add_rule", &add_network_rule, .oneof = "operation"),
    MESSAGE(2, "remove_endpoint", &remove_network_endpoint, .oneof = "operation"),
    MESSAGE(3, "remove_rule", &remove_network_rule, .oneof = "operation"),
    MESSAGE(4, "add_deny_rules", &add_deny_rules, .oneof = "operation"),
    MESSAGE(5, "add_allow_rules", &add_allow_rules, .oneof = "operation"),
    MESSAGE(6, "remove_binary", &remove_network_binary, .oneof = "operation"),
    {0},
};
static const struct schema policy_merge_operation = {.name = "PolicyMergeOperation",
                                                     .fields = policy_merge_operation_fields};

static const struct schema_field update_config_request_fields[] = {
    TEXT(1, "sandbox"),
    MESSAGE(2, "policy", &policy_schema),
    TEXT(3, "setting_key"),
    MESSAGE(4, "setting_value", &setting_value),
    BOOL(5, "delete_setting"),
    BOOL(6, "global"),
    MESSAGES(7, "merge_operations", &policy_merge_operation),
    U64(8, "expected_resource_version"),
    TEXT_MAP(9, "annotations"),
    TEXT(10, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(10, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(11, "request_id"),
    {0},
};
const struct schema openshell_update_config_request = {.name = "UpdateConfigRequest",
                                                       .fields = update_config_request_fields};

static const struct schema_field update_config_response_fields[] = {
    U32(1, "version"),
    TEXT(2, "policy_hash"),
    U64(3, "settings_revision"),
    BOOL(4, "deleted"),
    TEXT_MAP(5, "annotations"),
    {0},
};
const struct schema openshell_update_config_response = {.name = "UpdateConfigResponse",
                                                        .fields = update_config_response_fields};

static const struct schema_field get_sandbox_policy_status_request_fields[] = {
    TEXT(1, "sandbox"),
    U32(2, "version"),
    BOOL(3, "global"),
    TEXT(4, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(4, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_get_sandbox_policy_status_request = {
    .name = "GetSandboxPolicyStatusRequest", .fields = get_sandbox_policy_status_request_fields};

static const struct schema_field sandbox_policy_revision_fields[] = {
    U32(1, "version"),
    TEXT(2, "policy_hash"),
    ENUM(3, "status", policy_status_words),
    TEXT(4, "load_error"),
    I64(5, "created_at_ms"),
    I64(6, "loaded_at_ms"),
    MESSAGE(7, "policy", &policy_schema),
    TEXT_MAP(8, "provenance"),
    TIME(105, "created_time"),
    TIME(106, "loaded_time"),
    {0},
};
static const struct schema sandbox_policy_revision = {.name = "SandboxPolicyRevision",
                                                      .fields = sandbox_policy_revision_fields};

static const struct schema_field get_sandbox_policy_status_response_fields[] = {
    MESSAGE(1, "revision", &sandbox_policy_revision),
    U32(2, "active_version"),
    {0},
};
const struct schema openshell_get_sandbox_policy_status_response = {
    .name = "GetSandboxPolicyStatusResponse", .fields = get_sandbox_policy_status_response_fields};

static const struct schema_field list_sandbox_policies_request_fields[] = {
    TEXT(1, "sandbox"),
    I32(2, "page_size"),
    U32(3, "offset"),
    TEXT(3, "page_token"),
    BOOL(4, "global"),
    TEXT(5, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(5, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_list_sandbox_policies_request = {
    .name = "ListSandboxPoliciesRequest", .fields = list_sandbox_policies_request_fields};

static const struct schema_field list_sandbox_policies_response_fields[] = {
    MESSAGES(1, "revisions", &sandbox_policy_revision),
    TEXT(2, "next_page_token"),
    {0},
};
const struct schema openshell_list_sandbox_policies_response = {
    .name = "ListSandboxPoliciesResponse", .fields = list_sandbox_policies_response_fields};

const struct schema openshell_get_gateway_config_request = {.name = "GetGatewayConfigRequest",
                                                            .fields = no_fields};
