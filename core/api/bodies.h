/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: the JSON bodies that routes read, as schema tables. */
#ifndef API_BODIES_H
#define API_BODIES_H

#include "policy/grant.h"
#include "runtime/credentials/providers.h"
#include "runtime/record.h"

struct body_approve {
    const char *review_token;
    const struct policy_grant *grant;               /* NULL: not written */
    bool no_end;
};

struct body_code {
    const char *code, *verifier, *redirect_uri;
};

struct body_reject {
    const char *reason;
};

struct body_approve_all {
    bool include_security_flagged;
};

struct body_proposal {
    const char *rule_name;                          /* "": made of its first endpoint */
    const struct sluice_rule *rule;
    const char *rationale;
    double confidence;
    const struct policy_grant *grant;               /* NULL: it stays */
};

struct body_proposals {
    const char *source;                             /* "operator" or "agent" */
    const struct body_proposal *const *items;
    size_t n;
};

struct body_edit {
    const struct sluice_rule *rule;
};

struct body_provider {
    const char *name, *profile;                     /* not of a rotation */
    struct provider_values credentials;
    struct provider_values refresh;                 /* how they are fetched; none: they are given */
};

struct body_create {
    struct sandbox_wanted wanted;                   /* but for main */
    const struct body_exec *main;                   /* NULL: not written */
};

struct body_attach {
    uint16_t cols, rows;
};

struct body_exec {
    const char *const *command;
    size_t n_command;
    const char *const *env;                         /* name and value in turn */
    size_t n_env;                                   /* pairs */
    const char *workdir;                            /* "": not written */
    bool tty, detach;
    uint16_t cols, rows;
    int64_t timeout_ms;
};

struct body_token {
    const char *name, *role, *sandbox;              /* "": not written */
    int64_t expires_ms;                             /* from now; 0: never */
};

struct body_tunnel {
    const char *service;
    uint16_t port;
};

/* Borrows; what it needs beside is in the arena. */
void body_exec_read(const struct body_exec *body, struct arena *arena, struct sandbox_exec *out);

struct body_share {
    const char *role;
};

extern const struct schema body_share_schema, body_code_schema, body_create_schema,
    body_settings_schema, body_approve_schema, body_reject_schema, body_approve_all_schema,
    body_proposals_schema, body_edit_schema, body_exec_schema, body_attach_schema,
    body_tunnel_schema, body_provider_schema, body_rotation_schema, body_token_schema;

#endif
