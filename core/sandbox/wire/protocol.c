/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/wire/protocol.h"

#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "doc/writer.h"
#include "sandbox/wire/fields.h"
#include "store/words.h"

/* Values of a message: a denial of each of the most that are sent at once has few. */
enum { VALUES_MAX = 4 * DOC_NODES_MAX };

static const char *const words[] = {
#define X(id, word) [MESSAGE_##id] = word,
    SANDBOX_MESSAGES(X)
#undef X
};

const char *sandbox_message_word(enum sandbox_message_type type)
{
    return type < MESSAGE_TYPE_COUNT ? words[type] : "unknown";
}

/* Tables of the struct given.  A later version may send more: unknown members are ignored. */
#define TABLE(id, type) \
    static const struct schema id##_schema = { \
        .name = #id " message", .size = sizeof(struct type), .fields = id##_fields, .open = true}

static const struct schema_field hello_fields[] = {
    NUMBER(sandbox_hello, protocol, SCHEMA_U32, UINT32_MAX),
    NEEDED(sandbox_hello, sandbox),
    NUMBER(sandbox_hello, loaded_revision, SCHEMA_I64, INT64_MAX),
    TEXT(sandbox_hello, inspectors),
    {.name = "n_approvals", .kind = SCHEMA_I64,
     .offset = offsetof(struct sandbox_hello, n_approvals), .min = 0, .max = INT64_MAX},
    TEXTS(sandbox_hello, warnings, SCHEMA_KEEP),
    TEXT(sandbox_hello, ssh_host_key),
    {0},
};
TABLE(hello, sandbox_hello);

#define REVISION NUMBER(sandbox_revision, revision, SCHEMA_I64, INT64_MAX)
static const struct schema_field policy_fields[] = {
    REVISION, NEEDED(sandbox_revision, hash), NEEDED(sandbox_revision, policy),
    GRANTS(sandbox_revision), {0},
};
static const struct schema_field loaded_fields[] = {REVISION, NEEDED(sandbox_revision, hash), {0}};
static const struct schema_field failed_fields[] = {REVISION, NEEDED(sandbox_revision, error), {0}};
TABLE(policy, sandbox_revision);
TABLE(loaded, sandbox_revision);
TABLE(failed, sandbox_revision);

/* Of denials and of requests alike. */
#define SEEN(type)                                        \
    NUMBER(type, count, SCHEMA_I64, INT64_MAX),           \
    NUMBER(type, first_seen_ms, SCHEMA_I64, INT64_MAX),   \
    NUMBER(type, last_seen_ms, SCHEMA_I64, INT64_MAX)
/* The request that rules are about, and the call in its body. */
#define REQUEST(type)                                     \
    TEXT(type, method),                                   \
    TEXT(type, path),                                     \
    TEXT(type, operation),                                \
    TEXT(type, field),                                    \
    TEXT(type, rpc_method),                               \
    TEXT(type, tool)
static const struct schema_field denial_fields[] = {
    NEEDED(sandbox_denial, host),
    NUMBER(sandbox_denial, port, SCHEMA_U16, UINT16_MAX),
    NEEDED(sandbox_denial, binary),
    TEXTS(sandbox_denial, ancestors, SCHEMA_KEEP),
    TEXTS(sandbox_denial, addresses, 0),
    NEEDED(sandbox_denial, reason),
    NEEDED(sandbox_denial, stage),
    TEXT(sandbox_denial, finding),
    REQUEST(sandbox_denial),
    TEXT(sandbox_denial, vote),
    TEXTS(sandbox_denial, links, 0),
    SEEN(sandbox_denial),
    {.name = "waiting", .kind = SCHEMA_U32, .offset = offsetof(struct sandbox_denial, waiting),
     .max = UINT32_MAX},
    {0},
};
TABLE(denial, sandbox_denial);

static const struct schema_field rejected_fields[] = {
    NEEDED(sandbox_rejected, host),
    NUMBER(sandbox_rejected, port, SCHEMA_U16, UINT16_MAX),
    NEEDED(sandbox_rejected, binary),
    REQUEST(sandbox_rejected),
    TEXT(sandbox_rejected, vote),
    {0},
};
TABLE(rejected, sandbox_rejected);

#define ITEMS(type, schema)                                                              \
    {                                                                                    \
        .name = "items", .kind = SCHEMA_STRUCTS, .offset = offsetof(struct type, items), \
        .count_offset = offsetof(struct type, n), .sub = &(schema),                      \
        .flags = SCHEMA_REQUIRED | SCHEMA_INLINE                                         \
    }
static const struct schema_field denials_fields[] = {ITEMS(sandbox_denials, denial_schema), {0}};
TABLE(denials, sandbox_denials);

static const struct schema_field approval_fields[] = {
    NEEDED(sandbox_approval, chunk),
    NEEDED(sandbox_approval, host),
    NUMBER(sandbox_approval, port, SCHEMA_U16, UINT16_MAX),
    NEEDED(sandbox_approval, binary),
    REQUEST(sandbox_approval),
    TEXT(sandbox_approval, vote),
    NUMBER(sandbox_approval, uses, SCHEMA_I64, INT64_MAX),
    NUMBER(sandbox_approval, used, SCHEMA_I64, INT64_MAX),
    NUMBER(sandbox_approval, for_ms, SCHEMA_I64, INT64_MAX),
    NUMBER(sandbox_approval, expires_at_ms, SCHEMA_I64, INT64_MAX),
    NUMBER(sandbox_approval, boot_ms, SCHEMA_I64, INT64_MAX),
    NEEDED(sandbox_approval, boot),
    {0},
};
TABLE(approval, sandbox_approval);
static const struct schema_field approvals_fields[] = {
    ITEMS(sandbox_approvals, approval_schema), {0},
};
TABLE(approvals, sandbox_approvals);

static const char *const classes[] = {
#define X(id, word, meaning) word,
    STORE_TRAFFIC_CLASSES(X)
#undef X
    NULL,
};
static const struct schema_field traffic_item_fields[] = {
    {.name = "verdict",
     .kind = SCHEMA_TEXT,
     .offset = offsetof(struct sandbox_traffic_item, verdict),
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .words = classes},
    NEEDED(sandbox_traffic_item, host),
    NUMBER(sandbox_traffic_item, port, SCHEMA_U16, UINT16_MAX),
    NEEDED(sandbox_traffic_item, binary),
    NEEDED(sandbox_traffic_item, rule),
    NEEDED(sandbox_traffic_item, reason),
    REQUEST(sandbox_traffic_item),
    SEEN(sandbox_traffic_item),
    {0},
};
TABLE(traffic_item, sandbox_traffic_item);

static const struct schema_field traffic_fields[] = {
    NEEDED(sandbox_traffic, source),
    NUMBER(sandbox_traffic, number, SCHEMA_I64, INT64_MAX),
    ITEMS(sandbox_traffic, traffic_item_schema),
    {0},
};
TABLE(traffic, sandbox_traffic);

static const struct schema_field forecast_fields[] = {
    NUMBER(sandbox_forecast, id, SCHEMA_I64, INT64_MAX), NEEDED(sandbox_forecast, operations), {0},
};
static const struct schema_field outcome_fields[] = {
    NUMBER(sandbox_forecast, id, SCHEMA_I64, INT64_MAX), NEEDED(sandbox_forecast, outcome), {0},
};
TABLE(forecast, sandbox_forecast);
TABLE(outcome, sandbox_forecast);

static const struct schema_field settings_fields[] = {SETTINGS(spec_settings, ), {0}};
TABLE(settings, spec_settings);

#define QUESTION(type) NUMBER(type, id, SCHEMA_I64, INT64_MAX)
static const struct schema_field proposal_fields[] = {
    QUESTION(agent_proposal),
    NEEDED(agent_proposal, intent),
    NEEDED(agent_proposal, operations),
    TEXTS(agent_proposal, wishes, 0),
    {0},
};
static const struct schema_field proposed_fields[] = {
    QUESTION(agent_proposed),
    NEEDED(agent_proposed, error),
    TEXTS(agent_proposed, accepted, SCHEMA_KEEP),
    TEXTS(agent_proposed, reasons, SCHEMA_KEEP),
    {0},
};
static const struct schema_field query_fields[] = {
    QUESTION(agent_query), NEEDED(agent_query, chunk), {0},
};
static const struct schema_field chunk_fields[] = {
    QUESTION(agent_chunk),
    FLAG(agent_chunk, found),
    NEEDED(agent_chunk, error),
    NEEDED(agent_chunk, chunk_id),
    NEEDED(agent_chunk, status),
    NEEDED(agent_chunk, rule_name),
    NEEDED(agent_chunk, binary),
    NEEDED(agent_chunk, rejection_reason),
    NEEDED(agent_chunk, validation_result),
    NEEDED(agent_chunk, application_error),
    NEEDED(agent_chunk, review_token),
    NEEDED(agent_chunk, current_hash),
    NEEDED(agent_chunk, candidate_hash),
    KEPT(agent_chunk, revision, SCHEMA_I64, INT64_MAX),
    {0},
};
TABLE(proposal, agent_proposal);
TABLE(proposed, agent_proposed);
TABLE(query, agent_query);
TABLE(chunk, agent_chunk);

static const struct schema_field credential_fields[] = {
    NEEDED(sandbox_credential, provider), NEEDED(sandbox_credential, profile),
    NEEDED(sandbox_credential, name),     NEEDED(sandbox_credential, handle),
    NEEDED(sandbox_credential, value),    {0},
};
TABLE(credential, sandbox_credential);

static const struct schema_field inference_fields[] = {
    NEEDED(sandbox_inference, protocol), NEEDED(sandbox_inference, base_url),
    NEEDED(sandbox_inference, model),    NEEDED(sandbox_inference, key),
    NUMBER(sandbox_inference, timeout_ms, SCHEMA_U32, UINT32_MAX), {0},
};
TABLE(inference, sandbox_inference);

static const struct schema_field credentials_fields[] = {
    NUMBER(sandbox_credentials, number, SCHEMA_I64, INT64_MAX),
    ITEMS(sandbox_credentials, credential_schema),
    {.name = "inference", .kind = SCHEMA_STRUCTS,
     .offset = offsetof(struct sandbox_credentials, inference),
     .count_offset = offsetof(struct sandbox_credentials, n_inference), .sub = &inference_schema,
     .flags = SCHEMA_INLINE},
    {0},
};
static const struct schema_field equipped_fields[] = {
    NUMBER(sandbox_credentials, number, SCHEMA_I64, INT64_MAX), {0},
};
TABLE(credentials, sandbox_credentials);
TABLE(equipped, sandbox_credentials);

static const struct schema_field inspecting_fields[] = {
    NEEDED(sandbox_inspectors, digest), TEXT(sandbox_inspectors, error), {0},
};
TABLE(inspecting, sandbox_inspectors);

#define COUNT(member)                                                        \
    {                                                                        \
        .name = #member, .kind = SCHEMA_I64,                                 \
        .offset = offsetof(struct sandbox_inspected_item, counts.member),    \
        .min = 0, .max = INT64_MAX                                           \
    }
static const struct schema_field inspected_item_fields[] = {
    NEEDED(sandbox_inspected_item, voter),
    COUNT(requests), COUNT(denials), COUNT(holds), COUNT(errors), COUNT(quarantines),
    COUNT(took_us),
#define X(member, us) COUNT(took.member),
    INSPECT_TIMES(X)
#undef X
    {0},
};
TABLE(inspected_item, sandbox_inspected_item);
static const struct schema_field inspected_fields[] = {
    ITEMS(sandbox_inspected, inspected_item_schema), {0},
};
TABLE(inspected, sandbox_inspected);

static const struct schema_field grant_fields[] = {
    NEEDED(sandbox_grant, chunk), NUMBER(sandbox_grant, used, SCHEMA_I64, INT64_MAX),
    TEXT(sandbox_grant, ended), {0},
};
TABLE(grant, sandbox_grant);

static const struct schema_field exec_fields[] = {
    NEEDED(sandbox_exec, id),
    TEXT(sandbox_exec, service),
    {.name = "port", .kind = SCHEMA_U16, .offset = offsetof(struct sandbox_exec, port), .min = 0,
     .max = UINT16_MAX},
    TEXTS(sandbox_exec, command, SCHEMA_KEEP),
    PAIRS(sandbox_exec, env),
    TEXT(sandbox_exec, workdir),
    FLAG(sandbox_exec, tty),
    {.name = "detach", .kind = SCHEMA_BOOL, .offset = offsetof(struct sandbox_exec, detach)},
    KEPT(sandbox_exec, cols, SCHEMA_U16, UINT16_MAX),
    KEPT(sandbox_exec, rows, SCHEMA_U16, UINT16_MAX),
    KEPT(sandbox_exec, timeout_ms, SCHEMA_I64, EXEC_TIMEOUT_MAX_MS),
    {0},
};
const struct schema sandbox_exec_schema = {.name = "exec message",
                                           .size = sizeof(struct sandbox_exec),
                                           .fields = exec_fields,
                                           .open = true};

static const struct schema_field attach_fields[] = {
    NEEDED(sandbox_attach, id),
    KEPT(sandbox_attach, cols, SCHEMA_U16, UINT16_MAX),
    KEPT(sandbox_attach, rows, SCHEMA_U16, UINT16_MAX),
    {0},
};
TABLE(attach, sandbox_attach);

static const struct schema_field detached_fields[] = {
    NEEDED(sandbox_detached, id), NUMBER(sandbox_detached, pid, SCHEMA_I64, INT32_MAX),
    NEEDED(sandbox_detached, error), {0},
};
TABLE(detached, sandbox_detached);

static const struct schema_field main_fields[] = {
    NUMBER(sandbox_main, started_ms, SCHEMA_I64, INT64_MAX),
    NUMBER(sandbox_main, ended_ms, SCHEMA_I64, INT64_MAX),
    NUMBER(sandbox_main, code, SCHEMA_I64, INT32_MAX),
    NEEDED(sandbox_main, error),
    {0},
};
TABLE(main, sandbox_main);

/* A supervisor of an earlier version says neither kind nor time. */
static const struct schema_field log_fields[] = {
    NEEDED(sandbox_log, level),
    TEXT(sandbox_log, kind),
    {.name = "at_ms", .kind = SCHEMA_I64, .offset = offsetof(struct sandbox_log, at_ms), .min = 0,
     .max = INT64_MAX},
    NAMED(sandbox_log, "message", text),
    {0},
};
TABLE(log, sandbox_log);

static const struct schema_field start_failed_fields[] = {NAMED(sandbox_log, "error", text), {0}};
TABLE(start_failed, sandbox_log);

static const struct schema_field stop_fields[] = {
    NUMBER(sandbox_stop, grace_ms, SCHEMA_I64, INT32_MAX), {0},
};
TABLE(stop, sandbox_stop);

static const struct schema_field host_hello_fields[] = {
    NUMBER(host_hello, protocol, SCHEMA_U32, UINT32_MAX),
    NEEDED(host_hello, version),
    NEEDED(host_hello, labels),
    NUMBER(host_hello, capacity, SCHEMA_U32, HOST_SANDBOXES_MAX),
    TEXT(host_hello, unable),
    TEXTS(host_hello, running, SCHEMA_KEEP),
    TEXTS(host_hello, stopped, SCHEMA_KEEP),
    {0},
};
TABLE(host_hello, host_hello);

static const struct schema_field place_fields[] = {
    NEEDED(host_place, id),
    NUMBER(host_place, number, SCHEMA_I64, INT64_MAX),
    NUMBER(host_place, memory_bytes, SCHEMA_I64, INT64_MAX),
    NUMBER(host_place, cpu_millis, SCHEMA_I64, INT64_MAX),
    NUMBER(host_place, pids, SCHEMA_I64, INT64_MAX),
    NEEDED(host_place, spec),
    TEXT(host_place, extra_ca),
    {0},
};
TABLE(place, host_place);

static const struct schema_field of_host_fields[] = {
    NEEDED(host_sandbox, id), TEXT(host_sandbox, error), {0},
};
TABLE(of_host, host_sandbox);

/* NULL: the type is all that is said. */
static const struct schema *schema_of(enum sandbox_message_type type)
{
    static const struct schema *const schemas[MESSAGE_TYPE_COUNT] = {
        [MESSAGE_HELLO] = &hello_schema,     [MESSAGE_START_FAILED] = &start_failed_schema,
        [MESSAGE_POLICY] = &policy_schema,   [MESSAGE_LOADED] = &loaded_schema,
        [MESSAGE_FAILED] = &failed_schema,   [MESSAGE_DENIALS] = &denials_schema,
        [MESSAGE_TRAFFIC] = &traffic_schema, [MESSAGE_TRAFFIC_ACK] = &traffic_schema,
        [MESSAGE_EXEC] = &sandbox_exec_schema,     [MESSAGE_LOG] = &log_schema,
        [MESSAGE_STOP] = &stop_schema,       [MESSAGE_FORECAST] = &forecast_schema,
        [MESSAGE_OUTCOME] = &outcome_schema, [MESSAGE_SETTINGS] = &settings_schema,
        [MESSAGE_PROPOSE] = &proposal_schema, [MESSAGE_PROPOSED] = &proposed_schema,
        [MESSAGE_CHUNK_QUERY] = &query_schema, [MESSAGE_CHUNK_CHANGED] = &query_schema,
        [MESSAGE_CHUNK] = &chunk_schema, [MESSAGE_REJECTED] = &rejected_schema,
        [MESSAGE_APPROVALS] = &approvals_schema,
        [MESSAGE_CREDENTIALS] = &credentials_schema, [MESSAGE_EQUIPPED] = &equipped_schema,
        [MESSAGE_INSPECTORS] = &sandbox_inspectors_schema,
        [MESSAGE_INSPECTING] = &inspecting_schema,
        [MESSAGE_INSPECTED] = &inspected_schema,
        [MESSAGE_GRANT] = &grant_schema, [MESSAGE_ATTACH] = &attach_schema,
        [MESSAGE_DETACHED] = &detached_schema, [MESSAGE_MAIN] = &main_schema,
        [MESSAGE_HOST_HELLO] = &host_hello_schema, [MESSAGE_PLACE] = &place_schema,
        [MESSAGE_ENDED] = &of_host_schema, [MESSAGE_REMOVED] = &of_host_schema,
        [MESSAGE_HOST_REFUSED] = &of_host_schema, [MESSAGE_KILL] = &of_host_schema,
        [MESSAGE_REMOVE] = &of_host_schema,
    };
    return schemas[type];
}

void sandbox_message_encode(const struct sandbox_message *message, struct buf *out)
{
    struct doc_json_writer json;
    struct doc_writer *w = doc_json_writer(&json, out);
    const struct schema *schema = schema_of(message->type);
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "type");
    doc_write_text(w, sandbox_message_word(message->type));
    if (schema)
        schema_write_fields(schema, &message->body, w);
    doc_write_close(w, DOC_MAP);
    buf_putc(out, '\n');
}

static int read_type(const struct doc_node *root, enum sandbox_message_type *out, struct error *err)
{
    const struct doc_node *word = doc_get(root, "type");
    if (!word || word->kind != DOC_SCALAR)
        return error_set(err, ERROR_MALFORMED, "a message without a type");
    for (int type = 0; type < MESSAGE_TYPE_COUNT; type++)
        if (strcmp(word->text, words[type]) == 0) {
            *out = (enum sandbox_message_type)type;
            return 0;
        }
    return error_set(err, ERROR_MALFORMED, "unknown message %s", word->text);
}

int sandbox_message_decode(const char *line, size_t len, struct arena *arena,
                           struct sandbox_message *out, struct error *err)
{
    struct problems problems = {0};
    struct doc_node *root;
    void *record;
    *out = (struct sandbox_message){0};
    if (doc_parse_own(line, len, VALUES_MAX, arena, &root, &problems) != 0) {
        problems_first(&problems, ERROR_MALFORMED, err);
        return error_prefix(err, "not a message");
    }
    if (read_type(root, &out->type, err) != 0)
        return -1;
    const struct schema *schema = schema_of(out->type);
    if (!schema)
        return 0;
    if (schema_decode(schema, root, "", arena, &record, &problems) != 0) {
        problems_first(&problems, ERROR_MALFORMED, err);
        return error_prefix(err, "message %s", sandbox_message_word(out->type));
    }
    memcpy(&out->body, record, schema->size);
    return 0;
}
