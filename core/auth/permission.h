/* SPDX-License-Identifier: Apache-2.0 */
/* Roles, permissions, and which role has which.  Constant; any thread. */
#ifndef AUTH_PERMISSION_H
#define AUTH_PERMISSION_H

#include <stdbool.h>
#include <stdint.h>

/* id, name, what it is for.  SHARED: tokens, certificates, accounts and shares may have it; GIVEN:
 * not shares; NOT_GIVEN: nobody whom the configuration or a token names. */
#define AUTH_ROLES(X)                                                                \
    X(VIEWER, "viewer", SHARED, "reads")                                              \
    X(USER, "user", SHARED, "reads, creates sandboxes, runs and proposes in its own") \
    X(APPROVER, "approver", SHARED, "reads, decides drafts and changes policies")     \
    X(ADMIN, "admin", SHARED, "may do everything")                                    \
    X(HOST, "host", GIVEN, "registers a host that runs sandboxes")                    \
    X(SANDBOX, "sandbox", NOT_GIVEN, "is the supervisor of one sandbox")

enum auth_role {
#define X(id, name, given, help) AUTH_##id,
    AUTH_ROLES(X)
#undef X
    AUTH_ROLE_COUNT
};

#define AUTH_READERS (1U << AUTH_VIEWER | 1U << AUTH_USER | 1U << AUTH_APPROVER | 1U << AUTH_ADMIN)
#define AUTH_DECIDERS (1U << AUTH_APPROVER | 1U << AUTH_ADMIN)
#define AUTH_ADMINS (1U << AUTH_ADMIN)
#define AUTH_OWNERS (1U << AUTH_USER)

/* id, name, the roles that have it for every sandbox, those that have it for their own alone, what
 * it allows */
#define AUTH_PERMISSIONS(X)                                            \
    X(SANDBOX_READ, "sandbox.read", AUTH_READERS, 0,                   \
      "See sandboxes, their logs and what they asked their proxy for") \
    X(SANDBOX_CREATE, "sandbox.create", AUTH_ADMINS, AUTH_OWNERS,      \
      "Create sandboxes and change their settings")                    \
    X(SANDBOX_RUN, "sandbox.run", AUTH_ADMINS, AUTH_OWNERS,            \
      "Start and stop sandboxes, and run commands in them")            \
    X(SANDBOX_DELETE, "sandbox.delete", AUTH_ADMINS, AUTH_OWNERS,      \
      "Delete sandboxes with their files")                             \
    X(POLICY_READ, "policy.read", AUTH_READERS, 0,                     \
      "Read policies and their revisions")                             \
    X(POLICY_PROPOSE, "policy.propose", AUTH_ADMINS, AUTH_OWNERS,      \
      "Propose rules for others to decide")                            \
    X(POLICY_CHANGE, "policy.change", AUTH_DECIDERS, 0,                \
      "Replace, change and roll back policies")                        \
    X(POLICY_OVERRIDE, "policy.override", AUTH_ADMINS, 0,              \
      "Overrule overridable voters")                                   \
    X(DRAFT_READ, "draft.read", AUTH_READERS, 0,                       \
      "Read proposed rules and their history")                         \
    X(DRAFT_DECIDE, "draft.decide", AUTH_DECIDERS, 0,                  \
      "Approve, reject, edit, undo and clear proposed rules")          \
    X(DECISION_READ, "decision.read", AUTH_READERS, 0,                 \
      "Read decisions with their votes")                               \
    X(AUDIT_READ, "audit.read", AUTH_READERS, 0,                       \
      "Check the audit chain")                                         \
    X(PLUGIN_MANAGE, "plugin.manage", AUTH_ADMINS, 0,                  \
      "Reload the chain of voters")                                    \
    X(PROVIDER_MANAGE, "provider.manage", AUTH_ADMINS, 0,              \
      "Manage the credentials that sandboxes use")                     \
    X(TOKEN_MANAGE, "token.manage", AUTH_ADMINS, 0,                    \
      "Create and revoke tokens")                                      \
    X(HOST_MANAGE, "host.manage", AUTH_ADMINS | 1U << AUTH_HOST, 0,    \
      "Register and manage the hosts that run sandboxes")              \
    X(CEILING_MANAGE, "ceiling.manage", AUTH_ADMINS, 0,                \
      "Set the limits that no policy may exceed")                      \
    X(GATEWAY_READ, "gateway.read", AUTH_READERS, 0,                   \
      "See the gateway's status, events, voters and permissions")

/* The first three are no rights of people: no role of a person includes or lacks them. */
enum auth_permission {
    AUTH_ANYBODY,                                   /* whoever can connect */
    AUTH_KNOWN_TO_US,                               /* whoever is known, a supervisor too */
    AUTH_SUPERVISE,                                 /* the supervisor of a sandbox */
#define X(id, name, roles, own, help) AUTH_##id,
    AUTH_PERMISSIONS(X)
#undef X
    AUTH_PERMISSION_COUNT,
    AUTH_PERMISSION_FIRST = AUTH_SUPERVISE + 1      /* of AUTH_PERMISSIONS */
};

/* What somebody may do by their role, which may be one of the configuration: a bit for each
 * permission, for every sandbox and for their own alone. */
struct auth_powers {
    char role[65];
    uint32_t all, own;
};

struct auth_powers auth_role_powers(enum auth_role role);
bool auth_role_has(enum auth_role role, enum auth_permission permission);
/* For the sandboxes of whoever has the role: those that they create. */
bool auth_role_has_own(enum auth_role role, enum auth_permission permission);
const char *auth_role_word(enum auth_role role);
/* False: there is no role of that name. */
bool auth_role_find(const char *word, enum auth_role *out);
bool auth_permission_find(const char *word, enum auth_permission *out);
const char *auth_permission_word(enum auth_permission permission);
const char *auth_permission_help(enum auth_permission permission);

/* The roles that the configuration can give: as text, as text with what they are for, and as a list
 * that ends with NULL. */
#define AUTH_WORD_SHARED(name, help) " " name
#define AUTH_WORD_GIVEN(name, help) " " name
#define AUTH_WORD_NOT_GIVEN(name, help)
#define AUTH_WORD(id, name, given, help) AUTH_WORD_##given(name, help)
#define AUTH_GIVEN_WORDS AUTH_ROLES(AUTH_WORD)
#define AUTH_HELP_SHARED(name, help) " " name " (" help ")"
#define AUTH_HELP_GIVEN(name, help) " " name " (" help ")"
#define AUTH_HELP_NOT_GIVEN(name, help)
#define AUTH_HELP(id, name, given, help) AUTH_HELP_##given(name, help)
#define AUTH_GIVEN_HELP AUTH_ROLES(AUTH_HELP)
extern const char *const auth_given_roles[];
/* Those in which a sandbox can be shared. */
#define AUTH_SHARED_SHARED(name) " " name
#define AUTH_SHARED_GIVEN(name)
#define AUTH_SHARED_NOT_GIVEN(name)
#define AUTH_SHARED(id, name, given, help) AUTH_SHARED_##given(name)
#define AUTH_SHARED_WORDS AUTH_ROLES(AUTH_SHARED)
extern const char *const auth_shared_roles[];
/* Whether admins are the only ones among them who have the permission. */
bool auth_only_admins(enum auth_permission permission);

#endif
