/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that pass on one side and not on the other.
 *
 * The patterns of the rules in force tell names, fields, methods and tools apart; one call of each
 * class is put to the rules themselves (match/calls.h). */
#include <string.h>

#include "base/buf.h"
#include "policy/effect/requests_parts.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"

enum { FROM = EFFECT_FROM, TO = EFFECT_TO, SIDES = EFFECT_SIDES, FIELDS_MAX = 63 };

struct calls {
    struct effect_requests *q;
    const struct effect_force *force;
    struct effect_space names, parts;               /* parts: fields, or tools */
    bool messages;                                  /* a WebSocket carries them */
};

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

/* ---- classes ---- */

static void add_name(struct calls *calls, const struct sluice_l7_rule *r)
{
    const char *name = is(r->method, "*") ? "**" : r->method;
    if (*r->operation_name)
        name = r->operation_name;
    if (*name)
        effect_pattern(&calls->names, name);
}

static void add_patterns(struct calls *calls, struct effect_entry *const *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct sluice_l7_rule *r = entries[i]->rule;
        if (!r)
            continue;
        add_name(calls, r);
        for (size_t j = 0; j < r->n_fields; j++)
            effect_pattern(&calls->parts, r->fields[j]);
        for (size_t j = 0; j < r->n_params; j++)
            for (size_t k = 0; k < r->params[j]->n_any; k++)
                if (*r->params[j]->any[k])
                    effect_pattern(&calls->parts, r->params[j]->any[k]);
    }
}

static void begin_space(struct calls *calls, struct effect_space *space,
                        enum effect_language language)
{
    effect_space_init(space, language, calls->q->arena, calls->q->t->budget);
    uint32_t any = effect_pattern(space, "**");
    space->patterns[any].relevant = true;
}

static void classify(struct calls *calls)
{
    for (unsigned side = 0; side < SIDES; side++) {
        add_patterns(calls, calls->force[side].allow, calls->force[side].n_allow);
        add_patterns(calls, calls->force[side].deny, calls->force[side].n_deny);
    }
    effect_classify(&calls->names);
    effect_classify(&calls->parts);
}

static bool takes(const struct effect_entry *entry, const struct policy_call *call)
{
    return entry->audit || (entry->rule ? policy_rule_takes_call(entry->endpoint, entry->rule, call,
                                                                 entry->deny)
                                        : policy_endpoint_allows_call(entry->endpoint, call));
}

/* ---- GraphQL: an operation has a type, a name and a set of fields ---- */

/* The fields that the entry takes one by one; an allow rule takes each set of them. */
static uint64_t fields_of(struct calls *calls, const struct effect_entry *entry,
                          const struct policy_call *operation)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < calls->parts.n_classes; i++) {
        struct policy_call call = *operation;
        const char *const fields[] = {calls->parts.classes[i].example};
        call.fields = fields;
        call.n_fields = 1;
        effect_spend(calls->q->t->budget, 4);
        if (takes(entry, &call))
            mask |= (uint64_t)1 << i;
    }
    return mask;
}

/* What each side says of one operation, as sets of fields. */
struct saying {
    uint64_t *allowed, denied, taken;               /* by each allow rule; by some deny rule; by
                                                     * some allow rule */
};

static struct saying ask(struct calls *calls, unsigned side, const struct policy_call *operation)
{
    const struct effect_force *force = &calls->force[side];
    struct saying saying = {arena_zalloc(calls->q->arena, (force->n_allow + 1) * sizeof(uint64_t)),
                            0, 0};
    for (size_t i = 0; i < force->n_deny; i++)
        saying.denied |= fields_of(calls, force->deny[i], operation);
    for (size_t i = 0; i < force->n_allow; i++)
        saying.taken |= saying.allowed[i] = fields_of(calls, force->allow[i], operation);
    return saying;
}

static void tell_fields(struct calls *calls, struct effect_entry *entry,
                        const struct policy_call *operation, uint64_t fields)
{
    struct buf text = {0};
    struct effect_sent example = EFFECT_SENT_NOTHING;
    for (size_t i = 0; i < calls->parts.n_classes; i++)
        if (fields >> i & 1)
            buf_printf(&text, "%s%s", text.len ? "," : "", calls->parts.classes[i].example);
    example.method = calls->messages ? POLICY_WEBSOCKET_TEXT : "POST";
    example.path = calls->q->path;
    example.operation = *operation->name ? arena_printf(calls->q->arena, "%s %s", operation->type,
                                                        operation->name)
                                         : operation->type;
    example.field = buf_str(&text);
    effect_tell(calls->q, entry, &example);
    buf_free(&text);
}

/* What of a set of fields does not pass: one field if one does not, or all of them where no single
 * rule takes all; 0: each set passes. */
static uint64_t refused_fields(const struct effect_force *force, const struct saying *saying,
                               uint64_t fields)
{
    uint64_t alone = (fields & saying->denied) | (fields & ~saying->taken);
    if (alone)
        return alone & -alone;
    for (size_t i = 0; i < force->n_allow; i++)
        if (!(fields & ~saying->allowed[i]))
            return 0;
    return fields;
}

static void compare_operation(struct calls *calls, const struct policy_call *operation)
{
    const struct effect_force *force = calls->force;
    struct saying says[SIDES] = {ask(calls, FROM, operation), ask(calls, TO, operation)};
    for (unsigned side = 0; side < SIDES; side++) {
        for (size_t i = 0; i < force[side].n_allow; i++) {
            uint64_t fields = says[side].allowed[i] & ~says[side].denied;
            uint64_t refused = fields ? refused_fields(&force[!side], &says[!side], fields) : 0;
            if (refused)
                tell_fields(calls, force[side].allow[i], operation, refused);
        }
    }
}

static void compare_graphql(struct calls *calls)
{
    static const char *const types[] = {"query", "mutation", "subscription"};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        for (size_t i = 0; i < calls->names.n_classes; i++) {
            const struct policy_call operation = {.type = types[t], .method = "", .tool = "",
                                                  .name = calls->names.classes[i].example};
            compare_operation(calls, &operation);
        }
    }
}

/* ---- JSON-RPC and MCP: a call has a method, and tools/call a tool ---- */

/* The entry that lets the call pass. */
static struct effect_entry *passing(struct calls *calls, unsigned side,
                                    const struct policy_call *call)
{
    const struct effect_force *force = &calls->force[side];
    effect_spend(calls->q->t->budget, 4 * (force->n_allow + force->n_deny) + 1);
    for (size_t i = 0; i < force->n_deny; i++)
        if (takes(force->deny[i], call))
            return NULL;
    for (size_t i = 0; i < force->n_allow; i++)
        if (takes(force->allow[i], call))
            return force->allow[i];
    return NULL;
}

static void compare_call(struct calls *calls, const struct policy_call *call)
{
    struct effect_entry *by[SIDES] = {passing(calls, FROM, call), passing(calls, TO, call)};
    struct effect_sent example = EFFECT_SENT_NOTHING;
    if (!by[FROM] == !by[TO])
        return;
    example.method = "POST";
    example.path = calls->q->path;
    example.rpc_method = call->method;
    example.tool = call->tool;
    effect_tell(calls->q, by[TO] ? by[TO] : by[FROM], &example);
}

static void compare_rpc(struct calls *calls)
{
    for (size_t i = 0; i < calls->names.n_classes; i++) {
        struct policy_call call = {.type = "", .name = "", .tool = "",
                                   .method = calls->names.classes[i].example};
        bool tools = !calls->names.plain && is(call.method, "tools/call");
        if (!tools)
            compare_call(calls, &call);
        for (size_t j = 0; tools && j < calls->parts.n_classes; j++) {
            call.tool = calls->parts.classes[j].example;
            compare_call(calls, &call);
        }
    }
}

/* Where MCP is spoken at all, its streams and the client's responses pass. */
static void compare_streams(struct calls *calls)
{
    struct effect_sent example = EFFECT_SENT_NOTHING;
    unsigned side = calls->force[TO].way ? TO : FROM;
    const struct effect_force *force = &calls->force[side];
    example.method = "GET";
    example.path = calls->q->path;
    for (size_t i = 0; i < force->n_allow && !calls->force[!side].way; i++)
        if (!force->allow[i]->rule)
            effect_tell(calls->q, force->allow[i], &example);
}

void effect_compare_calls(struct effect_requests *q, const struct effect_force force[EFFECT_SIDES],
                          const char *protocol)
{
    struct calls calls = {.q = q, .force = force, .messages = is(protocol, "websocket")};
    bool operations = calls.messages || is(protocol, "graphql");
    begin_space(&calls, &calls.names, operations ? EFFECT_TEXTS : EFFECT_WORDS);
    begin_space(&calls, &calls.parts, EFFECT_WORDS);
    calls.names.plain = is(protocol, "json-rpc");
    if (is(protocol, "mcp"))
        effect_pattern(&calls.names, "tools/call");
    classify(&calls);
    if (calls.parts.n_classes > FIELDS_MAX)
        q->t->budget->spent = true;
    else if (operations)
        compare_graphql(&calls);
    else
        compare_rpc(&calls);
    if (is(protocol, "mcp"))
        compare_streams(&calls);
}
