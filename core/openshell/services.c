/* SPDX-License-Identifier: Apache-2.0 */
/* Services of sandboxes, and sandbox templates. */
#include "openshell/messages.h"
#include "openshell/parts.h"
#include "policy/policy.h"

static const struct schema_field expose_service_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "name"),
    U32(3, "target_port"),
    BOOL(4, "domain"),
    TEXT(5, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(5, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(6, "request_id"),
    ENUM(7, "authorization_mode", openshell_service_authorization_mode_words),
    {0},
};
const struct schema openshell_expose_service_request = {.name = "ExposeServiceRequest",
                                                        .fields = expose_service_request_fields};

static const struct schema_field service_endpoint_fields[] = {
    MESSAGE(1, "metadata", &openshell_object_meta),
    TEXT(2, "sandbox_id"),
    TEXT(3, "sandbox"),
    TEXT(4, "name"),
    U32(5, "target_port"),
    BOOL(6, "domain"),
    ENUM(7, "authorization_mode", openshell_service_authorization_mode_words),
    {0},
};
static const struct schema service_endpoint = {.name = "ServiceEndpoint",
                                               .fields = service_endpoint_fields};

static const struct schema_field service_endpoint_response_fields[] = {
    MESSAGE(1, "endpoint", &service_endpoint),
    TEXT(2, "url"),
    {0},
};
const struct schema openshell_service_endpoint_response = {
    .name = "ServiceEndpointResponse", .fields = service_endpoint_response_fields};

static const struct schema_field get_service_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "name"),
    TEXT(3, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    {0},
};
const struct schema openshell_get_service_request = {.name = "GetServiceRequest",
                                                     .fields = get_service_request_fields};

static const struct schema_field list_services_request_fields[] = {
    TEXT(1, "sandbox"),
    I32(2, "page_size"),
    U32(3, "offset"),
    TEXT(3, "page_token"),
    TEXT(4, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(4, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    BOOL(5, "all_workspaces"),
    {0},
};
const struct schema openshell_list_services_request = {.name = "ListServicesRequest",
                                                       .fields = list_services_request_fields};

static const struct schema_field list_services_response_fields[] = {
    MESSAGES(1, "services", &openshell_service_endpoint_response),
    TEXT(2, "next_page_token"),
    {0},
};
const struct schema openshell_list_services_response = {.name = "ListServicesResponse",
                                                        .fields = list_services_response_fields};

static const struct schema_field delete_service_request_fields[] = {
    TEXT(1, "sandbox"),
    TEXT(2, "name"),
    TEXT(3, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(3, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    BOOL(4, "allow_missing"),
    TEXT(5, "request_id"),
    {0},
};
const struct schema openshell_delete_service_request = {.name = "DeleteServiceRequest",
                                                        .fields = delete_service_request_fields};

static const struct schema_field delete_service_response_fields[] = {
    BOOL(1, "deleted"),
    ENUM(2, "outcome", openshell_deletion_outcome_words),
    {0},
};
const struct schema openshell_delete_service_response = {.name = "DeleteServiceResponse",
                                                         .fields = delete_service_response_fields};

static const struct schema_field sandbox_resources_fields[] = {
    TEXT(1, "cpu"),
    TEXT(2, "memory"),
    MESSAGE(3, "gpu", &openshell_gpu_resource_requirements),
    {0},
};
static const struct schema sandbox_resources = {.name = "SandboxResources",
                                                .fields = sandbox_resources_fields};

static const struct schema_field sandbox_workload_config_fields[] = {
    TEXT(1, "image"),
    TEXT_MAP(2, "environment"),
    MESSAGE(3, "resources", &sandbox_resources),
    {0},
};
static const struct schema sandbox_workload_config = {.name = "SandboxWorkloadConfig",
                                                      .fields = sandbox_workload_config_fields};

static const struct schema_field sandbox_startup_fields[] = {
    DURATION(1, "ready_within"),
    U32(2, "max_burst"),
    {0},
};
static const struct schema sandbox_startup = {.name = "SandboxStartup",
                                              .fields = sandbox_startup_fields};

static const struct schema_field sandbox_service_level_fields[] = {
    MESSAGE(1, "startup", &sandbox_startup),
    {0},
};
static const struct schema sandbox_service_level = {.name = "SandboxServiceLevel",
                                                    .fields = sandbox_service_level_fields};

static const struct schema_field sandbox_workload_template_spec_fields[] = {
    MESSAGE(1, "workload", &sandbox_workload_config),
    ANY_MAP(2, "driver_config"),
    MESSAGE(3, "desired_service_level", &sandbox_service_level),
    {0},
};
static const struct schema sandbox_workload_template_spec = {
    .name = "SandboxWorkloadTemplateSpec", .fields = sandbox_workload_template_spec_fields};

static const struct schema_field sandbox_workload_template_fields[] = {
    MESSAGE(1, "metadata", &openshell_object_meta),
    MESSAGE(2, "spec", &sandbox_workload_template_spec),
    {0},
};
static const struct schema sandbox_workload_template = {.name = "SandboxWorkloadTemplate",
                                                        .fields = sandbox_workload_template_fields};

static const struct schema_field create_sandbox_template_request_fields[] = {
    MESSAGE(1, "template", &sandbox_workload_template),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector),
    TEXT(3, "request_id"),
    {0},
};
const struct schema openshell_create_sandbox_template_request = {
    .name = "CreateSandboxTemplateRequest", .fields = create_sandbox_template_request_fields};

static const struct schema_field sandbox_template_response_fields[] = {
    MESSAGE(1, "template", &sandbox_workload_template),
    {0},
};
const struct schema openshell_sandbox_template_response = {
    .name = "SandboxTemplateResponse", .fields = sandbox_template_response_fields};

static const struct schema_field get_sandbox_template_request_fields[] = {
    TEXT(1, "name"),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector),
    {0},
};
const struct schema openshell_get_sandbox_template_request = {
    .name = "GetSandboxTemplateRequest", .fields = get_sandbox_template_request_fields};

static const struct schema_field list_sandbox_templates_request_fields[] = {
    I32(1, "page_size"),
    TEXT(2, "page_token"),
    TEXT(3, "label_selector"),
    MESSAGE(4, "workspace_scope", &openshell_workspace_selector),
    {0},
};
const struct schema openshell_list_sandbox_templates_request = {
    .name = "ListSandboxTemplatesRequest", .fields = list_sandbox_templates_request_fields};

static const struct schema_field list_sandbox_templates_response_fields[] = {
    MESSAGES(1, "templates", &sandbox_workload_template),
    TEXT(2, "next_page_token"),
    {0},
};
const struct schema openshell_list_sandbox_templates_response = {
    .name = "ListSandboxTemplatesResponse", .fields = list_sandbox_templates_response_fields};

static const struct schema_field delete_sandbox_template_request_fields[] = {
    TEXT(1, "name"),
    MESSAGE(2, "workspace_scope", &openshell_workspace_selector),
    BOOL(3, "allow_missing"),
    TEXT(4, "request_id"),
    {0},
};
const struct schema openshell_delete_sandbox_template_request = {
    .name = "DeleteSandboxTemplateRequest", .fields = delete_sandbox_template_request_fields};

static const struct schema_field delete_sandbox_template_response_fields[] = {
    ENUM(2, "outcome", openshell_deletion_outcome_words),
    {0},
};
const struct schema openshell_delete_sandbox_template_response = {
    .name = "DeleteSandboxTemplateResponse", .fields = delete_sandbox_template_response_fields};
