/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record.h"

static const struct store_field sandbox_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_sandbox, field)},
    STORE_NUMBERED_SANDBOX_FIELDS(X, )
#undef X
};

static const struct store_field user_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_user, field)},
    STORE_USER_FIELDS(X, )
#undef X
};

static const struct store_field workspace_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_workspace, field)},
    STORE_WORKSPACE_FIELDS(X, )
#undef X
};

static const struct store_field revision_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_revision, field)},
    STORE_REVISION_FIELDS(X, )
#undef X
};

static const struct store_field decision_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_decision, field)},
    STORE_DECISION_FIELDS(X, )
#undef X
};

static const struct store_field draft_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_draft, field)},
    STORE_DRAFT_FIELDS(X, )
#undef X
};

static const struct store_field draft_key_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_draft_key, field)},
    STORE_DRAFT_KEY_FIELDS(X, )
#undef X
};

static const struct store_field draft_place_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_draft_place, field)},
    STORE_DRAFT_PLACE_FIELDS(X, )
#undef X
};

static const struct store_field draft_event_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_draft_event, field)},
    STORE_DRAFT_EVENT_FIELDS(X, )
#undef X
};

static const struct store_field traffic_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_traffic, field)},
    STORE_NUMBERED_TRAFFIC_FIELDS(X, )
#undef X
};

static const struct store_field event_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_event, field)},
    STORE_EVENT_FIELDS(X, )
#undef X
};

static const struct store_field provider_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_provider, field)},
    STORE_PROVIDER_FIELDS(X, )
#undef X
};

static const struct store_field credential_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_credential, field)},
    STORE_CREDENTIAL_FIELDS(X, )
#undef X
};

static const struct store_field attachment_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_attachment, field)},
    STORE_ATTACHMENT_FIELDS(X, )
#undef X
};

static const struct store_field ceiling_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_ceiling, field)},
    STORE_CEILING_FIELDS(X, )
#undef X
};

static const struct store_field token_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_token, field)},
    STORE_TOKEN_FIELDS(X, )
#undef X
};

static const struct store_field export_fields[] = {
#define X(kind, field) {#field, STORE_##kind, offsetof(struct store_export, field)},
    STORE_EXPORT_FIELDS(X, )
#undef X
};

#define X(name, LIST)                                   \
    const struct store_record store_##name##_record = { \
        sizeof(struct store_##name), name##_fields, sizeof name##_fields / sizeof *name##_fields};
STORE_RECORDS(X)
#undef X
