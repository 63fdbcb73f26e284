/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/encoded_request.h"

static void free_frames(void *arg)
{
    struct encoded_request *out = arg;
    for (int i = 0; i < MESSAGE_ROLES_COUNT; i++)
        buf_free(&out->policies[i]);
    buf_free(&out->request);
}

/* Encodes the policies; bare is the transition without them. */
static struct encoded_request *encode_policies(const struct sluice_transition *t,
                                               struct sluice_transition *bare, struct arena *arena)
{
    struct encoded_request *out = arena_zalloc(arena, sizeof *out);
    arena_defer(arena, free_frames, out);
    const struct message_policy policies[MESSAGE_ROLES_COUNT] = {
#define X(id, word, member) [ROLE_##id] = {word, t->member},
        MESSAGE_ROLES(X)
#undef X
    };
    for (int i = 0; i < MESSAGE_ROLES_COUNT; i++)
        message_encode(MESSAGE_POLICY, &policies[i], &out->policies[i]);
    *bare = *t;
    bare->baseline = bare->current = bare->candidate = NULL;
    return out;
}

const struct encoded_request *encode_vote(const struct sluice_transition *transition, int64_t id,
                                          struct arena *arena)
{
    struct sluice_transition bare;
    struct encoded_request *out = encode_policies(transition, &bare, arena);
    const struct message_vote vote = {id, &bare, message_diff_of(transition->diff, arena)};
    message_encode(MESSAGE_VOTE, &vote, &out->request);
    out->id = id;
    return out;
}

const struct encoded_request *encode_inspect(const struct sluice_request *request, int64_t id,
                                             bool may_change, struct arena *arena)
{
    struct encoded_request *out = arena_zalloc(arena, sizeof *out);
    arena_defer(arena, free_frames, out);
    const struct message_inspect message = {id, request, may_change};
    message_encode(MESSAGE_INSPECT, &message, &out->request);
    out->id = id;
    return out;
}

const struct encoded_request *encode_outcome(const struct sluice_outcome *outcome,
                                             struct arena *arena)
{
    struct sluice_transition bare;
    struct encoded_request *out = encode_policies(outcome->transition, &bare, arena);
    const struct message_observe observe = {
        .transition = &bare, .diff = message_diff_of(outcome->transition->diff, arena),
        .outcome = outcome->outcome, .revision = (int64_t)outcome->revision,
    };
    message_encode(MESSAGE_OBSERVE, &observe, &out->request);
    return out;
}
