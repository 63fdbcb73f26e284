/* SPDX-License-Identifier: Apache-2.0 */
#include "api/bodies.h"

#include <stddef.h>
#include <stdint.h>

#include "auth/permission.h"
#include "auth/token.h"
#include "policy/wish.h"
#include "secret/profile.h"

static const char *const networks[] = {"proxy", "none", NULL};
static const char *const modes[] = {"manual", "auto", NULL};

/* The update decodes it, as it depends on the sandbox. */
static int leave_policy(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    (void)d;
    (void)value;
    (void)record;
    return 0;
}

static int check_proposal(struct schema_decoder *d, void *record)
{
    const struct body_proposal *p = record;
    if (!p->rule)
        return schema_problem(
            d, NULL, "a proposal is {rule_name, rule, rationale, confidence}: the rule is missing");
    if (!(p->confidence >= 0 && p->confidence <= 1))
        return schema_problem(d, NULL, "confidence is a number from 0 to 1, not %g", p->confidence);
    return 0;
}

#define AUTO_HELP                                                                         \
    "auto: denied requests and what agents propose are approved at once, where every " \
    "voter allows them"
#define HOLD_HELP                                                                          \
    "How long a refused request waits for a decision instead of failing, in milliseconds; " \
    "0: it does not wait"
#define PROPOSALS_HELP "Whether its programs may read the policy and propose rules at policy.local"

static const struct schema body_main_schema;

static const struct schema_field create_fields[] = {
    {"name", SCHEMA_TEXT, offsetof(struct sandbox_wanted, name), .max = 19,
     .help = "DNS label of at most 19 characters; made up when left out"},
    {"policy", SCHEMA_CUSTOM, .sub = &policy_schema, .decode = leave_policy,
     .help = "A version-1 policy; the restrictive default when left out"},
    {"network", SCHEMA_TEXT, offsetof(struct sandbox_wanted, network), .fallback = "proxy",
     .words = networks, .help = "none: no proxy, nothing ever gets out"},
    {"approval_mode", SCHEMA_TEXT, offsetof(struct sandbox_wanted, approval_mode),
     .fallback = "manual", .words = modes, .help = AUTO_HELP},
    {"hold_ms", SCHEMA_I64, offsetof(struct sandbox_wanted, hold_ms), .min = 0,
     .max = SANDBOX_HOLD_MAX_MS, .help = HOLD_HELP},
    {"agent_proposals", SCHEMA_BOOL, offsetof(struct sandbox_wanted, agent_proposals),
     .help = PROPOSALS_HELP},
    {"observe", SCHEMA_BOOL, offsetof(struct sandbox_wanted, observe),
     .help = "The policy, which is needed, is a ceiling: what passes is recorded to learn from"},
    {"labels", SCHEMA_JSON, offsetof(struct sandbox_wanted, labels_json),
     .help = "Labels that voters and lists may look at"},
    {"env", SCHEMA_JSON, offsetof(struct sandbox_wanted, env_json),
     .help = "Environment of every command"},
    {"memory", SCHEMA_TEXT, offsetof(struct sandbox_wanted, memory), .max = 32,
     .help = "Memory of all its processes and its /tmp: bytes, or a number with K, M, G or T"},
    {"cpus", SCHEMA_DOUBLE, offsetof(struct sandbox_wanted, cpus),
     .help = "Processors that it may keep busy, such as 1.5"},
    {"pids", SCHEMA_I64, offsetof(struct sandbox_wanted, pids),
     .help = "Processes and threads that it may have at a time, from 8 to 2048"},
    {"host", SCHEMA_TEXT, offsetof(struct sandbox_wanted, host), .max = 1024,
     .help = "Where it runs: a host's name, labels of a host as in zone=eu,gpu=yes, or * for any"},
    {"main", SCHEMA_STRUCT, offsetof(struct body_create, main), .sub = &body_main_schema,
     .help = "Its main process, which starts with it and needs no client"},
    {0},
};
const struct schema body_create_schema = {
    .name = "sandbox", .size = sizeof(struct body_create), .fields = create_fields};

static const struct schema_field settings_fields[] = {
    {"approval_mode", SCHEMA_TEXT, offsetof(struct sandbox_changes, approval_mode), .words = modes,
     .flags = SCHEMA_NONEMPTY, .help = AUTO_HELP},
    {"hold_ms", SCHEMA_I64, offsetof(struct sandbox_changes, hold_ms), .min = 0,
     .max = SANDBOX_HOLD_MAX_MS, .help = HOLD_HELP},
    {"agent_proposals", SCHEMA_BOOL, offsetof(struct sandbox_changes, agent_proposals),
     .help = PROPOSALS_HELP},
    {"labels", SCHEMA_JSON, offsetof(struct sandbox_changes, labels_json),
     .help = "Labels to set; null takes one away"},
    {0},
};
const struct schema body_settings_schema = {
    .name = "settings", .size = sizeof(struct sandbox_changes), .fields = settings_fields};

static const struct schema_field approve_fields[] = {
    {"review_token", SCHEMA_TEXT, offsetof(struct body_approve, review_token),
     .help = "The token that came with the chunk when it was reviewed"},
    {"grant", SCHEMA_STRUCT, offsetof(struct body_approve, grant), .sub = &policy_wish_schema,
     .help = "How the rule ends again; left out: as the chunk proposes"},
    {"no_end", SCHEMA_BOOL, offsetof(struct body_approve, no_end), .excludes = "grant",
     .help = "The rule stays, whatever the chunk proposes"},
    {0},
};
const struct schema body_approve_schema = {
    .name = "approval", .size = sizeof(struct body_approve), .fields = approve_fields};

static const struct schema_field reject_fields[] = {
    {"reason", SCHEMA_TEXT, offsetof(struct body_reject, reason), .max = 1024,
     .help = "Why, for the history"},
    {0},
};
const struct schema body_reject_schema = {
    .name = "rejection", .size = sizeof(struct body_reject), .fields = reject_fields};

static const struct schema_field approve_all_fields[] = {
    {"include_security_flagged", SCHEMA_BOOL,
     offsetof(struct body_approve_all, include_security_flagged),
     .help = "Also those with security notes"},
    {0},
};
const struct schema body_approve_all_schema = {.name = "approval of all",
                                               .size = sizeof(struct body_approve_all),
                                               .fields = approve_all_fields};

static const struct schema_field proposal_fields[] = {
    {"rule_name", SCHEMA_TEXT, offsetof(struct body_proposal, rule_name),
     .help = "The key it gets in network_policies; made of its first endpoint when left out"},
    {"rule", SCHEMA_STRUCT, offsetof(struct body_proposal, rule), .sub = &policy_rule_schema,
     .help = "What is proposed"},
    {"proposed_rule", SCHEMA_STRUCT, offsetof(struct body_proposal, rule),
     .sub = &policy_rule_schema, .flags = SCHEMA_ALIAS, .excludes = "rule",
     .help = "OpenShell's name of rule"},
    {"rationale", SCHEMA_TEXT, offsetof(struct body_proposal, rationale), .flags = SCHEMA_LINES,
     .help = "Why, for whoever decides"},
    {"confidence", SCHEMA_DOUBLE, offsetof(struct body_proposal, confidence), .fallback = "0.75",
     .help = "How sure the author is, from 0 to 1"},
    {"grant", SCHEMA_STRUCT, offsetof(struct body_proposal, grant), .sub = &policy_wish_schema,
     .help = "How the rule is to end again; who approves it may choose another end"},
    {0},
};
static const struct schema proposal_schema = {.name = "proposal",
                                              .size = sizeof(struct body_proposal),
                                              .fields = proposal_fields,
                                              .finish = check_proposal};

static const char *const proposers[] = {"operator", "agent",
                                        NULL}; /* only the gateway uses the other sources */

static const struct schema_field proposals_fields[] = {
    {"source", SCHEMA_TEXT, offsetof(struct body_proposals, source), .fallback = "operator",
     .words = proposers,
     .help = "Whose idea it is: agent, where one thought of it; voters and approval mode auto tell "
             "them apart"},
    {"proposals", SCHEMA_STRUCTS, offsetof(struct body_proposals, items),
     offsetof(struct body_proposals, n), .sub = &proposal_schema, .flags = SCHEMA_NONEMPTY,
     .help = "Rules that somebody else decides about"},
    {"proposed_chunks", SCHEMA_STRUCTS, offsetof(struct body_proposals, items),
     offsetof(struct body_proposals, n), .sub = &proposal_schema,
     .flags = SCHEMA_NONEMPTY | SCHEMA_ALIAS, .excludes = "proposals",
     .help = "OpenShell's name of proposals"},
    {0},
};
const struct schema body_proposals_schema = {
    .name = "submission", .size = sizeof(struct body_proposals), .fields = proposals_fields};

static const struct schema_field edit_fields[] = {
    {"rule", SCHEMA_STRUCT, offsetof(struct body_edit, rule), .sub = &policy_rule_schema,
     .flags = SCHEMA_REQUIRED, .help = "The rule that the chunk proposes from now on"},
    {0},
};
const struct schema body_edit_schema = {
    .name = "edit", .size = sizeof(struct body_edit), .fields = edit_fields};

/* No message of this shows a value. */
static int decode_values(struct schema_decoder *d, const struct doc_node *map,
                         struct provider_values *out)
{
    if (map->kind != DOC_MAP)
        return schema_problem(d, map, "must be a map of names and values");
    struct provider_value *items = arena_alloc(schema_arena(d), (map->n + 1) * sizeof *items);
    for (size_t i = 0; i < map->n; i++) {
        const struct doc_node *value = map->items[i];
        if (value->kind != DOC_SCALAR)
            return schema_problem(d, map, "the value of %s must be a text", map->keys[i]->text);
        items[i].name = arena_str(schema_arena(d), map->keys[i]->text);
        if (schema_any_text(d, value, &items[i].value) != 0)
            return -1;
    }
    *out = (struct provider_values){.items = items, .n = map->n};
    return 0;
}

static int decode_credentials(struct schema_decoder *d, const struct doc_node *map, void *record)
{
    return decode_values(d, map, &((struct body_provider *)record)->credentials);
}

static int decode_refresh(struct schema_decoder *d, const struct doc_node *map, void *record)
{
    return decode_values(d, map, &((struct body_provider *)record)->refresh);
}

#define CREDENTIALS                                                                              \
    {"credentials", SCHEMA_CUSTOM, .decode = decode_credentials, .flags = SCHEMA_REQUIRED,       \
     .help = "Names of environment variables and their values, which no answer ever shows"}

static const struct schema_field provider_fields[] = {
    {"name", SCHEMA_TEXT, offsetof(struct body_provider, name), .flags = SCHEMA_REQUIRED,
     .help = "How it is called: at most 63 of a-z, 0-9, '-' and '_'"},
    {"profile", SCHEMA_TEXT, offsetof(struct body_provider, profile), .flags = SCHEMA_REQUIRED,
     .help = "What kind it is: " SECRET_PROFILE_NAMES},
    CREDENTIALS,
    {"refresh", SCHEMA_CUSTOM, .decode = decode_refresh,
     .help = "How they are fetched, in place of credentials: strategy and its parts"},
    {0},
};
const struct schema body_provider_schema = {
    .name = "provider", .size = sizeof(struct body_provider), .fields = provider_fields};

static const struct schema_field rotation_fields[] = {CREDENTIALS, {0}};
const struct schema body_rotation_schema = {
    .name = "rotation", .size = sizeof(struct body_provider), .fields = rotation_fields};

static int check_token(struct schema_decoder *d, void *record)
{
    const struct body_token *body = record;
    if (!*body->name || token_name_is_good(body->name))
        return 0;
    return schema_problem(d, NULL, TOKEN_NAME_RULE, body->name);
}

static const struct schema_field token_fields[] = {
    {"role", SCHEMA_TEXT, offsetof(struct body_token, role), .flags = SCHEMA_REQUIRED,
     .help = "What its bearer may do: a role that GET /v1/permissions lists"},
    {"name", SCHEMA_TEXT, offsetof(struct body_token, name),
     .help = "Who its bearer is, in records; made up when left out"},
    {"sandbox", SCHEMA_TEXT, offsetof(struct body_token, sandbox),
     .help = "The only sandbox that it is for"},
    {"expires_ms", SCHEMA_I64, offsetof(struct body_token, expires_ms), .min = 1000,
     .max = INT64_C(3650) * 24 * 3600 * 1000,
     .help = "How long it is good; without end when left out"},
    {0},
};
const struct schema body_token_schema = {.name = "token",
                                         .size = sizeof(struct body_token),
                                         .fields = token_fields,
                                         .finish = check_token};

static const struct schema_field code_fields[] = {
    {"code", SCHEMA_TEXT, offsetof(struct body_code, code),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY, .max = 4096, .help = "What the issuer gave"},
    {"code_verifier", SCHEMA_TEXT, offsetof(struct body_code, verifier),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY, .max = 128,
     .help = "Of which the issuer was told the SHA-256"},
    {"redirect_uri", SCHEMA_TEXT, offsetof(struct body_code, redirect_uri),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY, .max = 1024, .help = "Where it was given"},
    {0},
};
const struct schema body_code_schema = {
    .name = "code", .size = sizeof(struct body_code), .fields = code_fields};

static const struct schema_field share_fields[] = {
    {"role", SCHEMA_TEXT, offsetof(struct body_share, role), .flags = SCHEMA_REQUIRED,
     .words = auth_shared_roles, .help = "What they may do with it"},
    {0},
};
const struct schema body_share_schema = {
    .name = "share", .size = sizeof(struct body_share), .fields = share_fields};

/* Any text is accepted: the command interprets it. */
static int decode_command(struct schema_decoder *d, const struct doc_node *list, void *record)
{
    struct body_exec *body = record;
    if (list->kind != DOC_LIST || !list->n)
        return schema_problem(d, list, "must be a list of texts: the program and its arguments");
    const char **texts = arena_alloc(schema_arena(d), list->n * sizeof *texts);
    for (size_t i = 0; i < list->n; i++)
        if (schema_any_text(d, list->items[i], &texts[i]) != 0)
            return -1;
    body->command = texts;
    body->n_command = list->n;
    return 0;
}

static int decode_env(struct schema_decoder *d, const struct doc_node *map, void *record)
{
    struct body_exec *body = record;
    if (map->kind != DOC_MAP)
        return schema_problem(d, map, "must be a map of texts");
    const char **texts = arena_alloc(schema_arena(d), (2 * map->n + 1) * sizeof *texts);
    for (size_t i = 0; i < map->n; i++)
        if (schema_any_text(d, map->keys[i], &texts[2 * i]) != 0 ||
            schema_any_text(d, map->items[i], &texts[2 * i + 1]) != 0)
            return -1;
    body->env = texts;
    body->n_env = map->n;
    return 0;
}

#define COMMAND_FIELDS                                                                           \
    {"command", SCHEMA_TEXTS, offsetof(struct body_exec, command),                               \
     offsetof(struct body_exec, n_command), .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,          \
     .decode = decode_command, .help = "The program and its arguments"},                         \
    {"env", SCHEMA_JSON, offsetof(struct body_exec, env), .decode = decode_env,                  \
     .help = "Further environment: a map of texts"},                                             \
    {"workdir", SCHEMA_TEXT, offsetof(struct body_exec, workdir), .help = "Where it starts"},    \
    {"tty", SCHEMA_BOOL, offsetof(struct body_exec, tty), .help = "Whether it gets a terminal"}, \
    {"cols", SCHEMA_U16, offsetof(struct body_exec, cols), .help = "The terminal's width"},      \
    {"rows", SCHEMA_U16, offsetof(struct body_exec, rows), .help = "The terminal's height"}

static const struct schema_field exec_fields[] = {
    COMMAND_FIELDS,
    {"timeout_ms", SCHEMA_I64, offsetof(struct body_exec, timeout_ms),
     .help = "After so long it is ended; 0: never"},
    {"detach", SCHEMA_BOOL, offsetof(struct body_exec, detach), .excludes = "tty",
     .help = "Run it without streams; the answer, without an upgrade, is its pid in the sandbox"},
    {0},
};
const struct schema body_exec_schema = {
    .name = "command", .size = sizeof(struct body_exec), .fields = exec_fields};

static const struct schema_field tunnel_fields[] = {
    {"service", SCHEMA_TEXT, offsetof(struct body_tunnel, service),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .help = "ssh: an SSH server; tcp: what listens on a port of the sandbox's loopback"},
    {"port", SCHEMA_U16, offsetof(struct body_tunnel, port), .help = "With tcp: the port"},
    {0},
};
const struct schema body_tunnel_schema = {
    .name = "tunnel", .size = sizeof(struct body_tunnel), .fields = tunnel_fields};

static const struct schema_field main_fields[] = {
    COMMAND_FIELDS,
    {"detach", SCHEMA_BOOL, offsetof(struct body_exec, detach),
     .help = "Start it at once, without input but a terminal's; else it waits some seconds for its "
             "first client, whose input it gets"},
    {0},
};
static const struct schema body_main_schema = {
    .name = "main process", .size = sizeof(struct body_exec), .fields = main_fields};

static const struct schema_field attach_fields[] = {
    {"cols", SCHEMA_U16, offsetof(struct body_attach, cols),
     .help = "The width of the client's terminal; 0: it has none"},
    {"rows", SCHEMA_U16, offsetof(struct body_attach, rows), .help = "And its height"},
    {0},
};
const struct schema body_attach_schema = {
    .name = "client", .size = sizeof(struct body_attach), .fields = attach_fields};

void body_exec_read(const struct body_exec *body, struct arena *arena, struct sandbox_exec *out)
{
    struct spec_pair *env = arena_alloc(arena, (body->n_env + 1) * sizeof *env);
    for (size_t i = 0; i < body->n_env; i++)
        env[i] = (struct spec_pair){body->env[2 * i], body->env[2 * i + 1]};
    *out = (struct sandbox_exec){
        .command = body->command,
        .n_command = body->n_command,
        .env = env,
        .n_env = body->n_env,
        .workdir = *body->workdir ? body->workdir : NULL,
        .tty = body->tty,
        .detach = body->detach,
        .cols = body->cols,
        .rows = body->rows,
        .timeout_ms = (uint64_t)body->timeout_ms,
    };
}
