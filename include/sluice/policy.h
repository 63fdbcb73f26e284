/* SPDX-License-Identifier: Apache-2.0 */
/* The policy model: version-1 policy documents as plain structs.
 *
 * Ownership: everything reached from a struct sluice_policy belongs to it and is read only.
 * Lifetime:  in a plugin, until vote() or observe() returns.
 * Threads:   immutable once built, so any thread may read it.
 * Text:      UTF-8 without NUL, checked and canonicalised at the edge; an absent text is "".
 * Arrays:    pointers to structs, so a struct may grow at its end; NULL when the count is 0.
 * doc_path:  where the value stands in the document, such as network_policies.api.endpoints[0]. */
#ifndef SLUICE_POLICY_H
#define SLUICE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sluice_filesystem {
    uint32_t size;
    bool include_workdir;
    const char *const *read_only;                   /* absolute paths as written */
    size_t n_read_only;
    const char *const *read_write;
    size_t n_read_write;
};

struct sluice_landlock {
    uint32_t size;
    const char *compatibility;                      /* "best_effort" or "hard_requirement" */
};

struct sluice_process {
    uint32_t size;
    const char *run_as_user;                        /* "sandbox" (the default) or a number */
    const char *run_as_group;
};

struct sluice_binary {
    uint32_t size;
    const char *path; /* a path, or a glob: * within a component, ** across */
    const char *doc_path;
};

/* A text matcher: a value matches when one of the globs does. */
struct sluice_matcher {
    uint32_t size;
    const char *key; /* query or parameter name; "" for a lone matcher */
    const char *const *any;
    size_t n_any;
};

/* What an L7 rule allows or denies.  Texts that were not written are "". */
struct sluice_l7_rule {
    uint32_t size;
    const char *doc_path;
    const char *method, *path, *command, *operation_type, *operation_name;
    const char *const *fields;
    size_t n_fields;
    const struct sluice_matcher *const *query;
    size_t n_query;
    /* Nested maps as dotted keys; `tool` is the key name. */
    const struct sluice_matcher *const *params;
    size_t n_params;
};

struct sluice_persisted_query {
    uint32_t size;
    const char *id, *operation_type, *operation_name;
    const char *const *fields;
    size_t n_fields;
};

struct sluice_json_rpc {
    uint32_t size;
    uint32_t max_body_bytes;                        /* 0: the default of 65536 */
};

struct sluice_mcp {
    uint32_t size;
    uint32_t max_body_bytes;                        /* 0: the default of 65536 */
    bool strict_tool_names;                         /* default true */
    bool allow_all_known_mcp_methods;               /* default false */
};

struct sluice_endpoint {
    uint32_t size;
    const char *doc_path;
    const char *host; /* as written; compared without regard to case */
    const uint16_t *ports; /* as written; never empty in a checked policy */
    size_t n_ports;
    const char *path;                               /* "" selects every path */
    const char *protocol;                           /* "" is plain L4 through the proxy */
    const char *tls, *enforcement, *access;
    const struct sluice_l7_rule *const *rules;      /* what is allowed */
    size_t n_rules;
    const struct sluice_l7_rule *const *deny_rules;
    size_t n_deny_rules;
    const char *const *allowed_ips;                 /* addresses or CIDR blocks */
    size_t n_allowed_ips;
    bool allow_encoded_slash;
    bool websocket_credential_rewrite;
    bool request_body_credential_rewrite;
    bool allow_uninspected_credentials;
    const char *persisted_queries;
    const struct sluice_persisted_query *const *graphql_persisted_queries;
    size_t n_graphql_persisted_queries;
    uint32_t graphql_max_body_bytes;                /* 0: the default of 65536 */
    const char *credential_signing, *signing_service, *signing_region;
    const char *credential_provider; /* credential_binding.provider; "" without a binding */
    const struct sluice_json_rpc *json_rpc;         /* NULL: not written */
    const struct sluice_mcp *mcp;                   /* NULL: not written */
    bool public_only; /* only public addresses, though the host is exact */
};

struct sluice_rule {
    uint32_t size;
    const char *key;                                /* its key in network_policies */
    const char *name;                               /* the key, where no name is written */
    const char *doc_path;
    const struct sluice_endpoint *const *endpoints;
    size_t n_endpoints;
    const struct sluice_binary *const *binaries;    /* empty: lets nobody through */
    size_t n_binaries;
};

struct sluice_middleware {
    uint32_t size;
    const char *key, *name, *doc_path;
    const char *middleware;
    int32_t order;
    const char *config_json; /* its free-form config as canonical JSON, "{}" if none */
    const char *on_error;                           /* "fail_closed" or "fail_open" */
    const char *const *include;                     /* host patterns */
    size_t n_include;
    const char *const *exclude;
    size_t n_exclude;
};

struct sluice_policy {
    uint32_t size;
    uint32_t version;                               /* 1 */
    /* The static sections.  NULL: not written in this document; in a transition never NULL, because
     * a section that is not written stays what it was, or has its defaults on create. */
    const struct sluice_filesystem *filesystem;
    const struct sluice_landlock *landlock;
    const struct sluice_process *process;
    const struct sluice_rule *const *rules;         /* network_policies, in key order */
    size_t n_rules;
    const struct sluice_middleware *const *middlewares;     /* network_middlewares, in key order */
    size_t n_middlewares;
};

#endif
