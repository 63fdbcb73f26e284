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

/* What the receiver looks up of a message by its words. */
static void look_up(const char *text, size_t len, struct arena *arena)
{
    struct message message;
    struct error err = {0};
    if (message_decode(text, len, arena, &message, &err) != 0)
        return;
    struct sluice_transition transition = {.size = sizeof transition};
    if (message.type == MESSAGE_VOTED)
        message_verdict(message.voted->verdict);
    if (message.type == MESSAGE_POLICY)
        message_role(message.policy->role);
    if (message.type == MESSAGE_VOTE && message.vote->diff &&
        message_diff_resolve(message.vote->diff, &transition, arena, &err) != 0 && !*err.text)
        wrong("a diff is refused without a reason", text);
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
