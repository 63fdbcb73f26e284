/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the version-1 policy document.  The rows stand in the order in which fields are
 * printed.  Numbers are those of OpenShell's protobuf messages. */
#include "policy/match/matcher.h"
#include "policy/message.h"
#include "policy/policy.h"

#define AT(type, member)    .offset = offsetof(struct sluice_##type, member)
#define LIST(type, member)  AT(type, member), COUNT(type, n_##member)
#define COUNT(type, member) .count_offset = offsetof(struct sluice_##type, member)
#define RECORD(type)        .size = sizeof(struct sluice_##type), .has_size = true
#define PATH(type)          .path_offset = offsetof(struct sluice_##type, doc_path)
#define KEY(type, member)   .key_offset = offsetof(struct sluice_##type, member)

/* Static sections. */

static const struct schema_field filesystem_fields[] = {
    {.name = "include_workdir", .kind = SCHEMA_BOOL, AT(filesystem, include_workdir), .number = 1,
     .flags = SCHEMA_KEEP, .help = "Makes the working directory readable and writable."},
    {.name = "read_only", .kind = SCHEMA_TEXTS, LIST(filesystem, read_only), .number = 2,
     .help = "Absolute paths that may be read."},
    {.name = "read_write", .kind = SCHEMA_TEXTS, LIST(filesystem, read_write), .number = 3,
     .help = "Absolute paths that may be read and written."},
    {0},
};

const struct schema policy_filesystem_schema = {
    .name = "filesystem policy", RECORD(filesystem), .fields = filesystem_fields,
};

static const char *const compatibilities[] = {"best_effort", "hard_requirement", NULL};

static const struct schema_field landlock_fields[] = {
    {.name = "compatibility", .kind = SCHEMA_TEXT, AT(landlock, compatibility), .number = 1,
     .flags = SCHEMA_KEEP, .fallback = "best_effort", .words = compatibilities,
     .help = "Whether a kernel without Landlock, or a path that cannot be opened, is fatal."},
    {0},
};

const struct schema policy_landlock_schema = {
    .name = "landlock section", RECORD(landlock), .fields = landlock_fields,
};

static const struct schema_field process_fields[] = {
    {.name = "run_as_user", .kind = SCHEMA_TEXT, AT(process, run_as_user), .number = 1,
     .flags = SCHEMA_KEEP, .fallback = "sandbox", .help = "\"sandbox\" or a numeric user id."},
    {.name = "run_as_group", .kind = SCHEMA_TEXT, AT(process, run_as_group), .number = 2,
     .flags = SCHEMA_KEEP, .fallback = "sandbox", .help = "\"sandbox\" or a numeric group id."},
    {0},
};

const struct schema policy_process_schema = {
    .name = "process section", RECORD(process), .fields = process_fields,
};

/* What requests of an inspected endpoint may do. */

static const struct schema_field matcher_fields[] = {
    {.name = "any", .kind = SCHEMA_TEXTS, LIST(matcher, any), .number = 2, .flags = SCHEMA_NONEMPTY,
     .help = "Globs, one of which must match."},
    {.name = "glob", .kind = SCHEMA_TEXT, AT(matcher, any), .number = 1, .flags = SCHEMA_ALIAS,
     .excludes = "any", .decode = policy_decode_glob, .help = "One glob."},
    {0},
};

const struct schema policy_matcher_schema = {
    .name = "matcher", RECORD(matcher), .fields = matcher_fields, KEY(matcher, key),
    .finish = policy_finish_matcher,
    .decode_short = policy_decode_short_matcher, .encode_short = policy_encode_short_matcher,
    .message = &policy_matcher_message,
};

static const struct schema_field l7_rule_fields[] = {
    {.name = "method", .kind = SCHEMA_TEXT, AT(l7_rule, method), .number = 1,
     .help = "HTTP or JSON-RPC method, or *."},
    {.name = "path", .kind = SCHEMA_TEXT, AT(l7_rule, path), .number = 2,
     .help = "HTTP path glob."},
    {.name = "query", .kind = SCHEMA_KEYED, LIST(l7_rule, query), .number = 4,
     .sub = &policy_matcher_schema, .help = "Globs for query parameters."},
    {.name = "command", .kind = SCHEMA_TEXT, AT(l7_rule, command), .number = 3,
     .help = "SQL command, or *."},
    {.name = "operation_type", .kind = SCHEMA_TEXT, AT(l7_rule, operation_type), .number = 5,
     .help = "GraphQL operation: query, mutation or subscription."},
    {.name = "operation_name", .kind = SCHEMA_TEXT, AT(l7_rule, operation_name), .number = 6,
     .help = "Glob for the name of the GraphQL operation."},
    {.name = "fields", .kind = SCHEMA_TEXTS, LIST(l7_rule, fields), .number = 7,
     .help = "Globs for the root fields of the GraphQL operation."},
    {.name = "tool", .kind = SCHEMA_CUSTOM, .sub = &policy_matcher_schema,
     .decode = policy_decode_tool, .encode = policy_encode_tool,
     .help = "Globs for the name of the MCP tool; the same as params.name."},
    {.name = "params", .kind = SCHEMA_KEYED, LIST(l7_rule, params), .number = 9,
     .sub = &policy_matcher_schema, .decode = policy_decode_params, .encode = policy_encode_params,
     .help = "Globs for parameters; maps may be nested, which is the same as dotted keys."},
    {0},
};

const struct schema policy_l7_rule_schema = {
    .name = "request rule", RECORD(l7_rule), .fields = l7_rule_fields, PATH(l7_rule),
    .finish = policy_finish_l7_rule, .message = &policy_l7_rule_message,
};

static const struct schema_field persisted_query_fields[] = {
    {.name = "operation_type", .kind = SCHEMA_TEXT, AT(persisted_query, operation_type),
     .number = 1, .help = "query, mutation or subscription."},
    {.name = "operation_name", .kind = SCHEMA_TEXT, AT(persisted_query, operation_name),
     .number = 2, .help = "The operation's name, if it has one."},
    {.name = "fields", .kind = SCHEMA_TEXTS, LIST(persisted_query, fields), .number = 3,
     .help = "The root fields that it selects."},
    {0},
};

static const struct schema persisted_query_schema = {
    .name = "persisted query", RECORD(persisted_query), .fields = persisted_query_fields,
    KEY(persisted_query, id),
};

/* Endpoints. */

static const struct schema_field json_rpc_fields[] = {
    {.name = "max_body_bytes", .kind = SCHEMA_U32, AT(json_rpc, max_body_bytes),
     .help = "Largest request body that is inspected; 0 is 65536."},
    {0},
};

static const struct schema json_rpc_schema = {
    .name = "set of json_rpc options", RECORD(json_rpc), .fields = json_rpc_fields,
};

static const struct schema_field mcp_fields[] = {
    {.name = "max_body_bytes", .kind = SCHEMA_U32, AT(mcp, max_body_bytes),
     .help = "Largest request body that is inspected; 0 is 65536."},
    {.name = "strict_tool_names", .kind = SCHEMA_BOOL, AT(mcp, strict_tool_names), .number = 1,
     .flags = SCHEMA_OPTIONAL, .fallback = "true",
     .help = "Refuses tool names other than [A-Za-z0-9_.-]{1,128}."},
    {.name = "allow_all_known_mcp_methods", .kind = SCHEMA_BOOL,
     AT(mcp, allow_all_known_mcp_methods), .number = 2, .flags = SCHEMA_OPTIONAL,
     .help = "Allows every method of MCP that no rule narrows."},
    {0},
};

static const struct schema mcp_schema = {
    .name = "set of mcp options", RECORD(mcp), .fields = mcp_fields,
    .message = &policy_mcp_message,
};

static const struct schema_field binding_fields[] = {
    {.name = "provider", .kind = SCHEMA_TEXT, AT(endpoint, credential_provider),
     .number = 1, .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .help = "The provider whose credential is used here."},
    {0},
};

static const struct schema binding_schema = {
    .name = "credential binding", .fields = binding_fields,
};

static const char *const protocols[] = {
    "tcp", "rest", "websocket", "graphql", "sql", "json-rpc", "mcp", NULL,
};
static const char *const tls_modes[] = {"auto", "skip", NULL};
/* Deprecated names of what is done anyway. */
static const char *const tls_synonyms[] = {"auto", "", "terminate", "", "passthrough", "", NULL};
static const char *const enforcements[] = {"enforce", "audit", NULL};
static const char *const accesses[] = {"read-only", "read-write", "full", NULL};
static const char *const persisted_modes[] = {"deny", "allow_registered", NULL};
/* The words of the enums in OpenShell's messages, by number. */
static const char *const tls_numbers[] = {"", "skip", "terminate", "passthrough", NULL};
static const char *const enforcement_numbers[] = {"", "enforce", "audit", NULL};
static const char *const access_numbers[] = {"", "read-only", "read-write", "full", NULL};
static const char *const signings[] = {"sigv4", "sigv4:body", "sigv4:no_body", NULL};

static const struct schema_field endpoint_fields[] = {
    {.name = "host",
     .kind = SCHEMA_TEXT,
     AT(endpoint, host),
     .number = 1,
     .help = "Host name, host glob (* within a label, ** across) or IP address."},
    {.name = "port",
     .kind = SCHEMA_U16,
     .number = 2,
     .min = 1,
     .max = 65535,
     .excludes = "ports",
     .decode = policy_decode_port,
     .encode = policy_encode_port,
     .help = "The one port."},
    {.name = "ports",
     .kind = SCHEMA_U16S,
     LIST(endpoint, ports),
     .number = 9,
     .min = 1,
     .max = 65535,
     .encode = policy_encode_ports,
     .help = "Several ports."},
    {.name = "path",
     .kind = SCHEMA_TEXT,
     AT(endpoint, path),
     .number = 15,
     .help = "HTTP path glob that selects between inspected endpoints of one host and port."},
    {.name = "protocol",
     .kind = SCHEMA_TEXT,
     AT(endpoint, protocol),
     .number = 3,
     .flags = SCHEMA_FOLD,
     .words = protocols,
     .help = "What is judged beside host and port; left out: the connection, and the host that TLS "
             "and HTTP name; tcp: the connection, and nothing in it is inspected."},
    {.name = "tls",
     .kind = SCHEMA_TEXT,
     AT(endpoint, tls),
     .number = 4,
     .wire = SCHEMA_WIRE_MODE,
     .enumeration = tls_numbers,
     .words = tls_modes,
     .synonyms = tls_synonyms,
     .help = "skip: TLS is passed through unseen; otherwise a client has to ask for the host of "
             "its tunnel."},
    {.name = "enforcement",
     .kind = SCHEMA_TEXT,
     AT(endpoint, enforcement),
     .number = 5,
     .wire = SCHEMA_WIRE_MODE,
     .enumeration = enforcement_numbers,
     .words = enforcements,
     .help = "enforce refuses what no rule allows; audit, the default, logs it."},
    {.name = "access",
     .kind = SCHEMA_TEXT,
     AT(endpoint, access),
     .number = 6,
     .wire = SCHEMA_WIRE_MODE,
     .enumeration = access_numbers,
     .words = accesses,
     .help = "A preset in place of rules."},
    {.name = "rules",
     .kind = SCHEMA_STRUCTS,
     LIST(endpoint, rules),
     .number = 7,
     .sub = &policy_l7_rule_schema,
     .wrap = "allow",
     .flags = SCHEMA_NONEMPTY,
     .help = "The requests that are allowed."},
    {.name = "deny_rules",
     .kind = SCHEMA_STRUCTS,
     LIST(endpoint, deny_rules),
     .number = 10,
     .sub = &policy_l7_rule_schema,
     .flags = SCHEMA_NONEMPTY,
     .help = "Requests that are refused though a rule allows them."},
    {.name = "allowed_ips",
     .kind = SCHEMA_TEXTS,
     LIST(endpoint, allowed_ips),
     .number = 8,
     .help = "Addresses and CIDR blocks that the host may resolve to."},
    {.name = "public_only",
     .kind = SCHEMA_BOOL,
     AT(endpoint, public_only),
     .number = 1001,                                /* ours: no client of OpenShell knows it */
     .help = "The host may resolve to public addresses only, as hosts with wildcards may."},
    {.name = "allow_encoded_slash",
     .kind = SCHEMA_BOOL,
     AT(endpoint, allow_encoded_slash),
     .number = 11,
     .help = "Keeps %2F within path segments in place of refusing it."},
    {.name = "websocket_credential_rewrite",
     .kind = SCHEMA_BOOL,
     AT(endpoint, websocket_credential_rewrite),
     .number = 16,
     .help = "Puts credentials into WebSocket text messages."},
    {.name = "request_body_credential_rewrite",
     .kind = SCHEMA_BOOL,
     AT(endpoint, request_body_credential_rewrite),
     .number = 17,
     .help = "Puts credentials into request bodies."},
    {.name = "allow_uninspected_credentials",
     .kind = SCHEMA_BOOL,
     AT(endpoint, allow_uninspected_credentials),
     .number = 25,
     .help = "Lets traffic with credentials take paths that cannot be inspected."},
    {.name = "persisted_queries",
     .kind = SCHEMA_TEXT,
     AT(endpoint, persisted_queries),
     .number = 12,
     .words = persisted_modes,
     .help = "Whether GraphQL requests by hash are allowed; default deny."},
    {.name = "graphql_persisted_queries",
     .kind = SCHEMA_KEYED,
     LIST(endpoint, graphql_persisted_queries),
     .number = 13,
     .sub = &persisted_query_schema,
     .help = "The registered queries by hash or id."},
    {.name = "graphql_max_body_bytes",
     .kind = SCHEMA_U32,
     AT(endpoint, graphql_max_body_bytes),
     .number = 14,
     .help = "Largest GraphQL request that is inspected; 0 is 65536."},
    {.name = "credential_signing",
     .kind = SCHEMA_TEXT,
     AT(endpoint, credential_signing),
     .number = 19,
     .words = signings,
     .help = "Signs each request for AWS with the keys of the provider."},
    {.name = "signing_service",
     .kind = SCHEMA_TEXT,
     AT(endpoint, signing_service),
     .number = 20,
     .help = "The AWS service that is signed for."},
    {.name = "signing_region",
     .kind = SCHEMA_TEXT,
     AT(endpoint, signing_region),
     .number = 21,
     .help = "The AWS region that is signed for; default: the one in the host's name."},
    {.name = "credential_binding",
     .kind = SCHEMA_GROUP,
     .number = 24,
     .sub = &binding_schema,
     .help = "Binds the endpoint to the credential of one provider."},
    {.name = "json_rpc",
     .kind = SCHEMA_STRUCT,
     AT(endpoint, json_rpc),
     .sub = &json_rpc_schema,
     .help = "Options of protocol json-rpc."},
    {.name = "mcp",
     .kind = SCHEMA_STRUCT,
     AT(endpoint, mcp),
     .number = 23,
     .sub = &mcp_schema,
     .help = "Options of protocol mcp."},
    {0},
};

const struct schema policy_endpoint_schema = {
    .name = "endpoint", RECORD(endpoint), .fields = endpoint_fields, PATH(endpoint),
    .message = &policy_endpoint_message,
};

/* Rules. */

static const struct schema_field binary_fields[] = {
    {.name = "path", .kind = SCHEMA_TEXT, AT(binary, path), .number = 1,
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .help = "Path of an executable, or a glob: * within a component, ** across."},
    {.name = "harness", .kind = SCHEMA_BOOL, .number = 2, .flags = SCHEMA_IGNORED,
     .help = "Without effect."},
    {0},
};

const struct schema policy_binary_schema = {
    .name = "binary", RECORD(binary), .fields = binary_fields, PATH(binary),
};

static const struct schema_field rule_fields[] = {
    {.name = "name",
     .kind = SCHEMA_TEXT,
     AT(rule, name),
     .number = 1,
     .flags = SCHEMA_NAMED,
     .help = "A name for people; default: the key."},
    {.name = "endpoints",
     .kind = SCHEMA_STRUCTS,
     LIST(rule, endpoints),
     .number = 2,
     .flags = SCHEMA_APART,
     .sub = &policy_endpoint_schema,
     .help = "What may be reached."},
    {.name = "binaries",
     .kind = SCHEMA_STRUCTS,
     LIST(rule, binaries),
     .number = 3,
     .flags = SCHEMA_APART,
     .sub = &policy_binary_schema,
     .help = "Who may reach it; none: nobody."},
    {0},
};

const struct schema policy_rule_schema = {
    .name = "rule", RECORD(rule), .fields = rule_fields, KEY(rule, key), PATH(rule),
};

/* Middlewares. */

static const char *const failures[] = {"fail_closed", "fail_open", NULL};

static const struct schema_field selector_fields[] = {
    {.name = "include", .kind = SCHEMA_TEXTS, LIST(middleware, include), .number = 1,
     .help = "Host patterns that are selected."},
    {.name = "exclude", .kind = SCHEMA_TEXTS, LIST(middleware, exclude), .number = 2,
     .help = "Host patterns that are taken out again."},
    {0},
};

static const struct schema selector_schema = {
    .name = "endpoint selector", .fields = selector_fields,
};

static const struct schema_field middleware_fields[] = {
    {.name = "name", .kind = SCHEMA_TEXT, AT(middleware, name), .number = 1, .flags = SCHEMA_NAMED,
     .help = "A name for people; default: the key."},
    {.name = "middleware", .kind = SCHEMA_TEXT, AT(middleware, middleware), .number = 2,
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .help = "Which middleware, such as openshell/regex."},
    {.name = "order", .kind = SCHEMA_I32, AT(middleware, order), .number = 6,
     .help = "Lower ones run first; no two are equal."},
    {.name = "config", .kind = SCHEMA_JSON, AT(middleware, config_json), .number = 3,
     .fallback = "{}", .decode = policy_decode_config,
     .help = "What the middleware itself understands."},
    {.name = "on_error", .kind = SCHEMA_TEXT, AT(middleware, on_error), .number = 4,
     .fallback = "fail_closed", .words = failures,
     .help = "What becomes of a request when it fails."},
    {.name = "endpoints", .kind = SCHEMA_GROUP, .number = 5, .sub = &selector_schema,
     .help = "The hosts that it is used for."},
    {0},
};

const struct schema policy_middleware_schema = {
    .name = "middleware config", RECORD(middleware), .fields = middleware_fields,
    KEY(middleware, key), PATH(middleware),
};

/* The document. */

static const struct schema_field policy_fields[] = {
    {.name = "version", .kind = SCHEMA_U32, AT(policy, version), .number = 1, .min = 1, .max = 1,
     .flags = SCHEMA_REQUIRED | SCHEMA_KEEP, .help = "1."},
    {.name = "filesystem_policy", .kind = SCHEMA_STRUCT, AT(policy, filesystem), .number = 2,
     .sub = &policy_filesystem_schema,
     .help = "The files that the sandbox sees; fixed when it is created."},
    {.name = "landlock", .kind = SCHEMA_STRUCT, AT(policy, landlock), .number = 3,
     .sub = &policy_landlock_schema,
     .help = "How files are enforced; fixed when the sandbox is created."},
    {.name = "process", .kind = SCHEMA_STRUCT, AT(policy, process), .number = 4,
     .sub = &policy_process_schema,
     .help = "Who the workload runs as; fixed when the sandbox is created."},
    {.name = "network_policies", .kind = SCHEMA_KEYED, LIST(policy, rules), .number = 5,
     .flags = SCHEMA_APART, .sub = &policy_rule_schema,
     .help = "Rules by name: which binaries may reach which endpoints."},
    {.name = "network_middlewares", .kind = SCHEMA_KEYED, LIST(policy, middlewares), .number = 6,
     .flags = SCHEMA_APART, .sub = &policy_middleware_schema,
     .help = "Middlewares by name, for hosts that the rules let through."},
    {0},
};

const struct schema policy_schema = {
    .name = "policy", RECORD(policy), .fields = policy_fields,
};
