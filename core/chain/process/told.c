/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/told.h"

#include "chain/process/frame.h"
#include "policy/policy.h"

static void add_policy(struct told *told, enum message_role role,
                       const struct sluice_policy *policy)
{
    static const char *const words[] = {
#define X(id, word) [ROLE_##id] = word,
        MESSAGE_ROLES(X)
#undef X
    };
    struct buf *frame = &told->policies[role];
    size_t begin = frame_begin(frame);
    buf_printf(frame, "{\"type\":\"policy\",\"role\":\"%s\"", words[role]);
    if (policy) {
        buf_puts(frame, ",\"policy\":");
        schema_encode_json(&policy_schema, policy, frame);
    }
    buf_putc(frame, '}');
    frame_end(frame, begin);
}

static void add_request(struct buf *frame, enum message_type type, const void *record)
{
    size_t begin = frame_begin(frame);
    message_encode(type, record, frame);
    frame_end(frame, begin);
}

static void drop(void *arg)
{
    struct told *told = arg;
    for (int i = 0; i < MESSAGE_ROLES_COUNT; i++)
        buf_free(&told->policies[i]);
    buf_free(&told->request);
}

/* The policies; bare is the transition without them. */
static struct told *begin(const struct sluice_transition *t, struct sluice_transition *bare,
                          struct arena *arena)
{
    struct told *told = arena_zalloc(arena, sizeof *told);
    arena_defer(arena, drop, told);
    add_policy(told, ROLE_BASELINE, t->baseline);
    add_policy(told, ROLE_CURRENT, t->current);
    add_policy(told, ROLE_CANDIDATE, t->candidate);
    *bare = *t;
    bare->baseline = bare->current = bare->candidate = NULL;
    return told;
}

const struct told *told_vote(const struct sluice_transition *transition, int64_t id,
                             struct arena *arena)
{
    struct sluice_transition bare;
    struct told *told = begin(transition, &bare, arena);
    const struct message_vote vote = {id, &bare, message_diff_of(transition->diff, arena)};
    add_request(&told->request, MESSAGE_VOTE, &vote);
    return told;
}

const struct told *told_outcome(const struct sluice_outcome *outcome, struct arena *arena)
{
    struct sluice_transition bare;
    struct told *told = begin(outcome->transition, &bare, arena);
    const struct message_observe observe = {
        .transition = &bare, .diff = message_diff_of(outcome->transition->diff, arena),
        .outcome = outcome->outcome, .revision = (int64_t)outcome->revision,
    };
    add_request(&told->request, MESSAGE_OBSERVE, &observe);
    return told;
}
