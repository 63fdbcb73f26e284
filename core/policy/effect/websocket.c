/* SPDX-License-Identifier: Apache-2.0 */
/* Upgrades to WebSocket, and the messages that pass on such a connection.
 *
 * The route says what a text message is: any text, which passes by the rules about
 * POLICY_WEBSOCKET_TEXT, or a GraphQL operation, which is judged as a call.  Binary messages pass
 * with their upgrade, but not where text messages are operations.  A side whose upgrades are all
 * refused lets no message through. */
#include <string.h>

#include "policy/effect/requests_parts.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"

enum { SIDES = EFFECT_SIDES };

static bool has_operations(const struct effect_force *force)
{
    const struct policy_http_request message = {.method = POLICY_WEBSOCKET_TEXT, .message = true};
    return force->way && strcmp(force->protocol, "websocket") == 0 &&
           policy_has_calls(force->way->endpoint, &message);
}

/* The entry that lets upgrades through, whatever their query; NULL: none does. */
static struct effect_entry *find_upgrade(const struct effect_force *force)
{
    struct effect_entry *found = NULL;
    for (size_t i = 0; i < force->n_deny; i++)
        if (policy_method_match(force->deny[i]->method, "GET") && !force->deny[i]->rule->n_query)
            return NULL;
    for (size_t i = 0; i < force->n_allow && !found; i++)
        if (policy_method_match(force->allow[i]->method, "GET"))
            found = force->allow[i];
    return found;
}

static bool is_about_messages(const struct effect_entry *entry)
{
    return policy_method_match(entry->method, POLICY_WEBSOCKET_TEXT) &&
           (!entry->rule || !policy_rule_is_about_requests(entry->rule));
}

static size_t pick(struct effect_entry **out, struct effect_entry *const *entries, size_t n)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (is_about_messages(entries[i]))
            out[found++] = entries[i];
    return found;
}

/* What the side says of operations. */
static struct effect_force about_operations(struct effect_requests *q,
                                            const struct effect_force *force)
{
    struct effect_force operations = *force;
    operations.allow = arena_alloc(q->arena, (force->n_allow + 1) * sizeof *operations.allow);
    operations.deny = arena_alloc(q->arena, (force->n_deny + 1) * sizeof *operations.deny);
    operations.n_allow =
        find_upgrade(force) ? pick(operations.allow, force->allow, force->n_allow) : 0;
    operations.n_deny = pick(operations.deny, force->deny, force->n_deny);
    return operations;
}

static const struct effect_force nothing[SIDES] = {{.side = EFFECT_FROM, .protocol = ""},
                                                   {.side = EFFECT_TO, .protocol = ""}};

static void compare_texts(struct effect_requests *q, const struct effect_force *from,
                          const struct effect_force *to)
{
    struct effect_force open[SIDES] = {*from, *to};
    for (unsigned side = 0; side < SIDES; side++)
        if (!find_upgrade(&open[side]))
            open[side].n_allow = 0;
    effect_compare_method(q, open, POLICY_WEBSOCKET_TEXT);
}

static void tell_binary(struct effect_requests *q, struct effect_entry *upgrade)
{
    struct effect_sent example = EFFECT_SENT_NOTHING;
    example.method = POLICY_WEBSOCKET_BINARY;
    example.path = q->path;
    if (upgrade->rule && upgrade->rule->n_query)
        effect_tell_unknown(q, upgrade);
    else
        effect_tell(q, upgrade, &example);
}

/* Where one side has operations, no other text passes and nothing binary. */
static void compare_with_texts(struct effect_requests *q, const struct effect_force *operations,
                               const struct effect_force *texts)
{
    struct effect_force alone[SIDES] = {nothing[EFFECT_FROM], nothing[EFFECT_TO]};
    struct effect_entry *upgrade = find_upgrade(texts);
    alone[operations->side] = about_operations(q, operations);
    if (!upgrade || !effect_lets_method_through(texts, POLICY_WEBSOCKET_TEXT))
        effect_compare_calls(q, alone, "websocket");
    alone[operations->side] = nothing[operations->side];
    alone[texts->side] = *texts;
    compare_texts(q, &alone[EFFECT_FROM], &alone[EFFECT_TO]);
    if (upgrade)
        tell_binary(q, upgrade);
}

void effect_compare_websocket(struct effect_requests *q, const struct effect_force force[SIDES])
{
    const struct effect_force *from = &force[EFFECT_FROM], *to = &force[EFFECT_TO];
    effect_compare_method(q, force, "GET");
    if (has_operations(from) && has_operations(to)) {
        const struct effect_force both[SIDES] = {about_operations(q, from),
                                                 about_operations(q, to)};
        effect_compare_calls(q, both, "websocket");
    } else if (has_operations(from)) {
        compare_with_texts(q, from, to);
    } else if (has_operations(to)) {
        compare_with_texts(q, to, from);
    } else {
        compare_texts(q, from, to);
    }
}
