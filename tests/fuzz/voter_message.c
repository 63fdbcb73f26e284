/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the messages between the gateway and a voter's process.  Oracles: what is refused has a
 * reason; what is read and written is one whole frame, and reads as the same again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "chain/process/frame.h"
#include "chain/process/message.h"
#include "policy/diff.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what, const char *text)
{
    fprintf(stderr, "%s:\n%s\n", what, text);
    abort();
}

/* 0: out is a frame with what the text means. */
static int rewrite(const char *text, size_t len, struct arena *arena, struct buf *out,
                   struct error *err)
{
    struct message message;
    size_t whole;
    if (message_decode(text, len, arena, &message, err) != 0)
        return -1;
    message_encode(message.type, message.record, out);
    if (frame_whole(out, FRAME_MAX, &whole) != 1 || whole != out->len - FRAME_HEADER)
        wrong("not one whole frame", text);
    return 0;
}

#define RULES(a, b) "version: 1\nnetwork_policies:\n"                                   \
    "  " a ": {endpoints: [{host: a.test, port: 80}], binaries: [{path: /bin/a}]}\n"      \
    "  both: {endpoints: [{host: " b ", port: 80}], binaries: [{path: /bin/a}]}\n"

static struct policy *policy_of(const char *text)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(text, strlen(text), DOC_YAML, &problems);
    if (!policy)
        wrong("this is no policy", text);
    return policy;
}

/* What a diff comes to where the receiver has the policies, and back. */
static void resolve(const struct message_diff *diff, struct arena *arena)
{
    struct policy *current = policy_of(RULES("old", "b.test"));
    struct policy *candidate = policy_of(RULES("new", "c.test"));
    struct sluice_transition transition = {.size = sizeof transition,
                                           .current = policy_model(current),
                                           .candidate = policy_model(candidate)};
    struct error err = {0};
    if (message_diff_resolve(diff, &transition, arena, &err) == 0) {
        const struct message_diff *again = message_diff_of(transition.diff, arena);
        if (strcmp(again->relation, diff->relation) != 0 || again->n_added != diff->n_added ||
            again->n_removed != diff->n_removed || again->n_changed != diff->n_changed ||
            again->n_gained != diff->n_gained || again->n_lost != diff->n_lost)
            wrong("another diff", diff->relation);
    } else if (!*err.text) {
        wrong("a diff is refused without a reason", diff->relation);
    }
    const struct sluice_diff *own = policy_diff(transition.current, transition.candidate, arena);
    if (message_diff_resolve(message_diff_of(own, arena), &transition, arena, &err) != 0)
        wrong("a diff cannot be told", err.text);
    policy_unref(current);
    policy_unref(candidate);
}

/* What the receiver looks up of a message by its words. */
static void look_up(const char *text, size_t len, struct arena *arena)
{
    struct message message;
    struct error err = {0};
    if (message_decode(text, len, arena, &message, &err) != 0)
        return;
    if (message.type == MESSAGE_VOTED)
        message_verdict(message.voted->verdict);
    if (message.type == MESSAGE_POLICY)
        message_role(message.policy->role);
    if (message.type == MESSAGE_VOTE && message.vote->diff)
        resolve(message.vote->diff, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct buf once = {0}, twice = {0};
    struct error err = {0};
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (rewrite(text, size, arena, &once, &err) != 0) {
        if (!*err.text)
            wrong("refused without a reason", text);
    } else if (rewrite(once.data + FRAME_HEADER, once.len - FRAME_HEADER, arena, &twice, &err)) {
        wrong(err.text, once.data + FRAME_HEADER);
    } else if (once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0) {
        wrong("reads as something else", once.data + FRAME_HEADER);
    }
    look_up(text, size, arena);
    free(text);
    buf_free(&once);
    buf_free(&twice);
    arena_free(arena);
    return 0;
}
