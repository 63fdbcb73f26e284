/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/transition.h"

#include <stddef.h>
#include <string.h>

#include "doc/writer.h"
#include "policy/policy.h"

static const char *const kinds[] = {
#define X(id, word, meaning) word,
    SLUICE_KINDS(X)
#undef X
    NULL,
};
static const char *const networks[] = {"proxy", "none", NULL};

/* Which of the words a value is; -1 after a problem. */
static int read_word(struct schema_decoder *d, const struct doc_node *value,
                     const char *const *words)
{
    const char *text;
    if (schema_text(d, value, &text) != 0)
        return -1;
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return schema_problem(d, value, "is no word that is known here: %.40s", text);
}

static int decode_kind(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    int kind = read_word(d, value, kinds);
    if (kind < 0)
        return -1;
    ((struct sluice_transition *)record)->kind = (enum sluice_kind)kind;
    return 0;
}

static void encode_kind(const void *record, struct doc_writer *w)
{
    doc_write_text(w, kinds[((const struct sluice_transition *)record)->kind]);
}

static int decode_network(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    int network = read_word(d, value, networks);
    if (network < 0)
        return -1;
    ((struct sluice_sandbox *)record)->network = (enum sluice_network)network;
    return 0;
}

static void encode_network(const void *record, struct doc_writer *w)
{
    doc_write_text(w, networks[((const struct sluice_sandbox *)record)->network]);
}

static int decode_labels(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct sluice_sandbox *sandbox = record;
    if (value->kind != DOC_MAP)
        return schema_problem(d, value, "must be a map of texts");
    const struct sluice_label **labels =
        arena_zalloc(schema_arena(d), (value->n + 1) * sizeof *labels);
    for (size_t i = 0; i < value->n; i++) {
        struct sluice_label *label = arena_zalloc(schema_arena(d), sizeof *label);
        label->size = sizeof *label;
        label->key = value->keys[i]->text;
        if (schema_text(d, value->items[i], &label->value) != 0)
            return -1;
        labels[i] = label;
    }
    sandbox->labels = labels;
    sandbox->n_labels = value->n;
    return 0;
}

static void encode_labels(const void *record, struct doc_writer *w)
{
    const struct sluice_sandbox *sandbox = record;
    doc_write_open(w, DOC_MAP);
    for (size_t i = 0; i < sandbox->n_labels; i++) {
        doc_write_key(w, sandbox->labels[i]->key);
        doc_write_text(w, sandbox->labels[i]->value);
    }
    doc_write_close(w, DOC_MAP);
}

#define AT(member) .offset = offsetof(struct sluice_sandbox, member)
static const struct schema_field sandbox_fields[] = {
    {.name = "name", .kind = SCHEMA_TEXT, AT(name), .help = "What people call it."},
    {.name = "id", .kind = SCHEMA_TEXT, AT(id), .help = "What never names another one."},
    {.name = "labels", .kind = SCHEMA_CUSTOM, AT(labels), .decode = decode_labels,
     .encode = encode_labels, .help = "Its labels, by key."},
    {.name = "network", .kind = SCHEMA_CUSTOM, AT(network), .decode = decode_network,
     .encode = encode_network, .help = "proxy, or none: nothing ever gets out."},
    {.name = "running", .kind = SCHEMA_BOOL, AT(running), .help = "Its supervisor is connected."},
    {.name = NULL},
};
#undef AT

#define AT(member) .offset = offsetof(struct sluice_actor, member)
static const struct schema_field actor_fields[] = {
    {.name = "name", .kind = SCHEMA_TEXT, AT(name), .help = "Who asks."},
    {.name = "role", .kind = SCHEMA_TEXT, AT(role), .help = "admin, user or sandbox."},
    {.name = "via", .kind = SCHEMA_TEXT, AT(via), .help = "unix, tcp, tls or gateway."},
    {.name = "identity", .kind = SCHEMA_TEXT, AT(identity),
     .help = "How it is known: uid, token, certificate, agent or gateway."},
    {.name = "origin", .kind = SCHEMA_TEXT, AT(origin),
     .help = "Where it asks from: an address, a Unix socket's peer or a sandbox."},
    {.name = NULL},
};
#undef AT

#define AT(member) .offset = offsetof(struct sluice_approval, member)
static const struct schema_field approval_fields[] = {
    {.name = "actor", .kind = SCHEMA_TEXT, AT(actor), .help = "Who approved."},
    {.name = "role", .kind = SCHEMA_TEXT, AT(role), .help = "admin, user or sandbox."},
    {.name = "at_ms", .kind = SCHEMA_I64, AT(at_ms), .help = "When, in milliseconds since 1970."},
    {.name = NULL},
};
#undef AT

#define AT(member) .offset = offsetof(struct sluice_grant, member)
static const struct schema_field grant_fields[] = {
    {.name = "uses", .kind = SCHEMA_I64, AT(uses), .max = INT64_MAX,
     .help = "After so many connections or requests."},
    {.name = "for_ms", .kind = SCHEMA_I64, AT(for_ms), .max = INT64_MAX,
     .help = "So long after the approval."},
    {.name = "expires_at_ms", .kind = SCHEMA_I64, AT(expires_at_ms), .max = INT64_MAX,
     .help = "At this time, in milliseconds since 1970."},
    {.name = "pid", .kind = SCHEMA_I32, AT(pid), .max = INT32_MAX,
     .help = "With this process, and for its process tree alone."},
    {.name = NULL},
};
#undef AT

#define AT(member) .offset = offsetof(struct sluice_draft, member)
static const struct schema_field draft_fields[] = {
    {.name = "id", .kind = SCHEMA_TEXT, AT(id), .help = "Of the draft chunk."},
    {.name = "source", .kind = SCHEMA_TEXT, AT(source),
     .help = "mechanistic, agent, held or operator."},
    {.name = "author", .kind = SCHEMA_TEXT, AT(author), .help = "Who proposed it."},
    {.name = "hits", .kind = SCHEMA_I64, AT(hits), .help = "Denied requests behind it."},
    {.name = "confidence", .kind = SCHEMA_DOUBLE, AT(confidence), .help = "0 to 1."},
    {.name = "approvals", .kind = SCHEMA_STRUCTS, AT(approvals), .sub = &chain_approval_schema,
     .count_offset = offsetof(struct sluice_draft, n_approvals),
     .help = "So far, this one included."},
    {.name = "asked_by", .kind = SCHEMA_TEXTS, AT(asked_by),
     .count_offset = offsetof(struct sluice_draft, n_asked_by),
     .help = "Who asked for it, by every name they are known by."},
    {.name = "grant", .kind = SCHEMA_STRUCT, AT(grant), .sub = &chain_grant_schema,
     .help = "How it ends again; none: it stays."},
    {.name = NULL},
};
#undef AT

#define AT(member) .offset = offsetof(struct sluice_rule_change, member)
static const struct schema_field rule_change_fields[] = {
    {.name = "before", .kind = SCHEMA_STRUCT, AT(before), .sub = &policy_rule_schema},
    {.name = "after", .kind = SCHEMA_STRUCT, AT(after), .sub = &policy_rule_schema},
    {.name = NULL},
};
#undef AT

#define AT(member) .offset = offsetof(struct sluice_static_change, member)
static const struct schema_field static_change_fields[] = {
    {.name = "path", .kind = SCHEMA_TEXT, AT(path), .help = "Such as filesystem_policy.read_only."},
    {.name = "before", .kind = SCHEMA_TEXT, AT(before), .flags = SCHEMA_LINES},
    {.name = "after", .kind = SCHEMA_TEXT, AT(after), .flags = SCHEMA_LINES},
    {.name = NULL},
};
#undef AT

#define AT(member) .offset = offsetof(struct sluice_reach, member)
static const struct schema_field reach_fields[] = {
    {.name = "host", .kind = SCHEMA_TEXT, AT(host), .help = "A pattern; ** is every host."},
    {.name = "port", .kind = SCHEMA_U16, AT(port), .help = "0 is every port."},
    {.name = "binary", .kind = SCHEMA_TEXT, AT(binary), .help = "A pattern."},
    {.name = "method", .kind = SCHEMA_TEXT, AT(method), .help = "Of requests that are looked at."},
    {.name = "path", .kind = SCHEMA_TEXT, AT(path), .help = "A pattern, of the same requests."},
    {.name = "example", .kind = SCHEMA_TEXT, AT(example), .flags = SCHEMA_LINES,
     .help = "What may now be reached, or no longer."},
    {.name = "operation", .kind = SCHEMA_TEXT, AT(operation), .help = "Of GraphQL requests."},
    {.name = "field", .kind = SCHEMA_TEXT, AT(field), .help = "Root fields of the same."},
    {.name = "rpc_method", .kind = SCHEMA_TEXT, AT(rpc_method), .help = "Of JSON-RPC requests."},
    {.name = "tool", .kind = SCHEMA_TEXT, AT(tool), .help = "Of calls of MCP tools."},
    {.name = NULL},
};
#undef AT

#define AT(member) .offset = offsetof(struct sluice_finding, member)
static const struct schema_field finding_fields[] = {
    {.name = "category", .kind = SCHEMA_TEXT, AT(category), .help = "Which kind of risk."},
    {.name = "host", .kind = SCHEMA_TEXT, AT(host), .help = "A pattern; ** is any host."},
    {.name = "port", .kind = SCHEMA_U16, AT(port), .flags = SCHEMA_KEEP,
     .help = "0 is every port."},
    {.name = "binary", .kind = SCHEMA_TEXT, AT(binary), .help = "A pattern."},
    {.name = "method", .kind = SCHEMA_TEXT, AT(method), .flags = SCHEMA_KEEP,
     .help = "The further method."},
    {.name = "credential", .kind = SCHEMA_TEXT, AT(credential), .flags = SCHEMA_KEEP,
     .help = "The provider whose credential is used there."},
    {.name = "doc_path", .kind = SCHEMA_TEXT, AT(doc_path), .flags = SCHEMA_KEEP,
     .help = "Of the endpoint in the candidate."},
    {.name = "text", .kind = SCHEMA_TEXT, AT(text), .flags = SCHEMA_LINES,
     .help = "The finding on one line."},
    {.name = NULL},
};
#undef AT

#define AT(member) .offset = offsetof(struct sluice_transition, member)
static const struct schema_field transition_fields[] = {
    {.name = "kind", .kind = SCHEMA_CUSTOM, AT(kind), .decode = decode_kind, .encode = encode_kind,
     .flags = SCHEMA_REQUIRED, .help = "How the policy is to change."},
    {.name = "dry_run", .kind = SCHEMA_BOOL, AT(dry_run), .help = "Nothing will be committed."},
    {.name = "reason", .kind = SCHEMA_TEXT, AT(reason), .flags = SCHEMA_LINES,
     .help = "As the actor gave it."},
    {.name = "now_ms", .kind = SCHEMA_I64, AT(now_ms), .flags = SCHEMA_KEEP,
     .help = "The time of the update, in milliseconds since 1970."},
    {.name = "sandbox", .kind = SCHEMA_STRUCT, AT(sandbox), .sub = &chain_sandbox_schema,
     .flags = SCHEMA_REQUIRED},
    {.name = "actor", .kind = SCHEMA_STRUCT, AT(actor), .sub = &chain_actor_schema,
     .flags = SCHEMA_REQUIRED},
    {.name = "baseline", .kind = SCHEMA_STRUCT, AT(baseline), .sub = &policy_schema,
     .help = "The policy of its creation; none on create."},
    {.name = "current", .kind = SCHEMA_STRUCT, AT(current), .sub = &policy_schema,
     .help = "The policy now; none on create."},
    {.name = "candidate", .kind = SCHEMA_STRUCT, AT(candidate), .sub = &policy_schema,
     .help = "The policy to be."},
    {.name = "draft", .kind = SCHEMA_STRUCT, AT(draft), .sub = &chain_draft_schema,
     .help = "What is being approved; none for other kinds."},
    {.name = "findings", .kind = SCHEMA_STRUCTS, AT(findings), .sub = &chain_finding_schema,
     .count_offset = offsetof(struct sluice_transition, n_findings),
     .help = "What is gained that a person may want to weigh, the gravest first."},
    {.name = NULL},
};
#undef AT

#define TABLE(id, word) \
    const struct schema chain_##id##_schema = { \
        .name = word, .size = sizeof(struct sluice_##id), .fields = id##_fields, .has_size = true}
TABLE(sandbox, "sandbox");
TABLE(actor, "actor");
TABLE(approval, "approval");
TABLE(grant, "grant");
TABLE(draft, "draft");
TABLE(rule_change, "rule change");
TABLE(static_change, "static change");
TABLE(reach, "reach");
TABLE(finding, "finding");
TABLE(transition, "transition");
