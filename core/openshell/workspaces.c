/* SPDX-License-Identifier: Apache-2.0 */
/* Workspaces and their members. */
#include "openshell/messages.h"
#include "openshell/parts.h"
#include "policy/policy.h"

static const char *const workspace_phase_words[] = {
    "UNSPECIFIED", "ACTIVE", "TERMINATING", NULL,
};

static const char *const workspace_role_words[] = {
    "UNSPECIFIED", "USER", "ADMIN", NULL,
};

static const struct schema_field create_workspace_request_fields[] = {
    TEXT(1, "name"),
    TEXT_MAP(2, "labels"),
    TEXT(3, "request_id"),
    {0},
};
const struct schema openshell_create_workspace_request = {
    .name = "CreateWorkspaceRequest", .fields = create_workspace_request_fields};

static const struct schema_field workspace_status_fields[] = {
    ENUM(1, "phase", workspace_phase_words),
    {0},
};
static const struct schema workspace_status = {.name = "WorkspaceStatus",
                                               .fields = workspace_status_fields};

static const struct schema_field workspace_fields[] = {
    MESSAGE(1, "metadata", &openshell_object_meta),
    MESSAGE(2, "status", &workspace_status),
    {0},
};
static const struct schema workspace = {.name = "Workspace", .fields = workspace_fields};

static const struct schema_field create_workspace_response_fields[] = {
    MESSAGE(1, "workspace", &workspace),
    {0},
};
const struct schema openshell_create_workspace_response = {
    .name = "CreateWorkspaceResponse", .fields = create_workspace_response_fields};

static const struct schema_field get_workspace_request_fields[] = {
    TEXT(1, "name"),
    {0},
};
const struct schema openshell_get_workspace_request = {.name = "GetWorkspaceRequest",
                                                       .fields = get_workspace_request_fields};

static const struct schema_field get_workspace_response_fields[] = {
    MESSAGE(1, "workspace", &workspace),
    {0},
};
const struct schema openshell_get_workspace_response = {.name = "GetWorkspaceResponse",
                                                        .fields = get_workspace_response_fields};

static const struct schema_field list_workspaces_request_fields[] = {
    I32(1, "page_size"),
    U32(2, "offset"),
    TEXT(2, "page_token"),
    TEXT(3, "label_selector"),
    {0},
};
const struct schema openshell_list_workspaces_request = {.name = "ListWorkspacesRequest",
                                                         .fields = list_workspaces_request_fields};

static const struct schema_field list_workspaces_response_fields[] = {
    MESSAGES(1, "workspaces", &workspace),
    TEXT(2, "next_page_token"),
    {0},
};
const struct schema openshell_list_workspaces_response = {
    .name = "ListWorkspacesResponse", .fields = list_workspaces_response_fields};

static const struct schema_field delete_workspace_request_fields[] = {
    TEXT(1, "name"),
    BOOL(2, "allow_missing"),
    TEXT(3, "request_id"),
    {0},
};
const struct schema openshell_delete_workspace_request = {
    .name = "DeleteWorkspaceRequest", .fields = delete_workspace_request_fields};

static const struct schema_field delete_workspace_response_fields[] = {
    BOOL(1, "deleted"),
    ENUM(2, "outcome", openshell_deletion_outcome_words),
    {0},
};
const struct schema openshell_delete_workspace_response = {
    .name = "DeleteWorkspaceResponse", .fields = delete_workspace_response_fields};

static const struct schema_field add_workspace_member_request_fields[] = {
    TEXT(1, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(1, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(2, "principal_subject"),
    ENUM(3, "role", workspace_role_words),
    TEXT(4, "request_id"),
    {0},
};
const struct schema openshell_add_workspace_member_request = {
    .name = "AddWorkspaceMemberRequest", .fields = add_workspace_member_request_fields};

static const struct schema_field workspace_member_fields[] = {
    MESSAGE(1, "metadata", &openshell_object_meta),
    TEXT(2, "principal_subject"),
    ENUM(3, "role", workspace_role_words),
    {0},
};
static const struct schema workspace_member = {.name = "WorkspaceMember",
                                               .fields = workspace_member_fields};

static const struct schema_field add_workspace_member_response_fields[] = {
    MESSAGE(1, "member", &workspace_member),
    {0},
};
const struct schema openshell_add_workspace_member_response = {
    .name = "AddWorkspaceMemberResponse", .fields = add_workspace_member_response_fields};

static const struct schema_field remove_workspace_member_request_fields[] = {
    TEXT(1, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(1, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    TEXT(2, "principal_subject"),
    BOOL(3, "allow_missing"),
    TEXT(4, "request_id"),
    {0},
};
const struct schema openshell_remove_workspace_member_request = {
    .name = "RemoveWorkspaceMemberRequest", .fields = remove_workspace_member_request_fields};

static const struct schema_field remove_workspace_member_response_fields[] = {
    BOOL(1, "removed"),
    ENUM(2, "outcome", openshell_deletion_outcome_words),
    {0},
};
const struct schema openshell_remove_workspace_member_response = {
    .name = "RemoveWorkspaceMemberResponse", .fields = remove_workspace_member_response_fields};

static const struct schema_field list_workspace_members_request_fields[] = {
    TEXT(1, "workspace", .flags = SCHEMA_SHARED),
    MESSAGE(1, "workspace_scope", &openshell_workspace_selector, .flags = SCHEMA_SHARED),
    I32(2, "page_size"),
    U32(3, "offset"),
    TEXT(3, "page_token"),
    {0},
};
const struct schema openshell_list_workspace_members_request = {
    .name = "ListWorkspaceMembersRequest", .fields = list_workspace_members_request_fields};

static const struct schema_field list_workspace_members_response_fields[] = {
    MESSAGES(1, "members", &workspace_member),
    TEXT(2, "next_page_token"),
    {0},
};
const struct schema openshell_list_workspace_members_response = {
    .name = "ListWorkspaceMembersResponse", .fields = list_workspace_members_response_fields};
