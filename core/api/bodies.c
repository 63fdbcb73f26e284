/* SPDX-License-Identifier: Apache-2.0 */
#include "api/bodies.h"

#include <stddef.h>

static const char *const networks[] = {"proxy", "none", NULL};
static const char *const modes[] = {"manual", "auto", NULL};

static const struct schema_field create_fields[] = {
    {"name", SCHEMA_TEXT, offsetof(struct body_create, name), .max = 19, .help = "DNS label of at most 19 characters; made up when left out"},
    {"policy", .flags = SCHEMA_IGNORED, .help = "A version-1 policy; the restrictive default when left out"},
    {"network", SCHEMA_TEXT, offsetof(struct body_create, network), .fallback = "proxy", .words = networks, .help = "none: no proxy, nothing ever gets out"},
    {"approval_mode", SCHEMA_TEXT, offsetof(struct body_create, approval_mode), .fallback = "manual", .words = modes, .help = "auto: denied requests that pass every voter are approved at once"},
    {"labels", SCHEMA_JSON, offsetof(struct body_create, labels_json), .help = "Labels that voters and lists may look at"},
    {"env", SCHEMA_JSON, offsetof(struct body_create, env_json), .help = "Environment of every command"},
    {0},
};
const struct schema body_create_schema = {.name = "sandbox", .size = sizeof(struct body_create), .fields = create_fields};

static const struct schema_field approve_fields[] = {
    {"review_token", SCHEMA_TEXT, offsetof(struct body_approve, review_token), .help = "The token that came with the chunk when it was reviewed"},
    {0},
};
const struct schema body_approve_schema = {.name = "approval", .size = sizeof(struct body_approve), .fields = approve_fields};

static const struct schema_field reject_fields[] = {
    {"reason", SCHEMA_TEXT, offsetof(struct body_reject, reason), .max = 1024, .help = "Why, for the history"},
    {0},
};
const struct schema body_reject_schema = {.name = "rejection", .size = sizeof(struct body_reject), .fields = reject_fields};

static const struct schema_field approve_all_fields[] = {
    {"include_security_flagged", SCHEMA_BOOL, offsetof(struct body_approve_all, include_security_flagged), .help = "Also those with security notes"},
    {0},
};
const struct schema body_approve_all_schema = {.name = "approval of all", .size = sizeof(struct body_approve_all), .fields = approve_all_fields};

/* Read by their own decoders; described here for OpenAPI. */
static const struct schema_field operations_fields[] = {
    {"operations", .flags = SCHEMA_IGNORED, .help = "A list of add_rule, remove_endpoint, remove_rule, add_deny_rules, add_allow_rules, remove_binary"},
    {0},
};
const struct schema body_operations_schema = {.name = "operations", .size = sizeof(char), .fields = operations_fields};

static const struct schema_field proposals_fields[] = {
    {"proposals", .flags = SCHEMA_IGNORED, .help = "A list of {rule_name, rule, rationale, confidence}"},
    {0},
};
const struct schema body_proposals_schema = {.name = "proposals", .size = sizeof(char), .fields = proposals_fields};

static const struct schema_field edit_fields[] = {
    {"rule", .flags = SCHEMA_IGNORED, .help = "The rule that the chunk proposes from now on"},
    {0},
};
const struct schema body_edit_schema = {.name = "edit", .size = sizeof(char), .fields = edit_fields};
