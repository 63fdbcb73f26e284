/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/replays.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct grpc_replay {
    struct grpc_replay *newer, *older;
    char key[DIGEST_HEX_SIZE];                      /* caller, method and id */
    char payload[DIGEST_HEX_SIZE];
    uint64_t number, begun_ms;
    bool answered;
    struct buf answer;
};

static void drop_oldest(struct grpc_replays *all)
{
    struct grpc_replay *r = all->oldest;
    all->oldest = r->newer;
    if (all->oldest)
        all->oldest->older = NULL;
    else
        all->newest = NULL;
    all->n--;
    all->bytes -= r->answer.len;
    buf_free(&r->answer);
    free(r);
}

static void make_room(struct grpc_replays *all, uint64_t now_ms)
{
    while (all->oldest && (all->n >= REPLAYS_MAX || all->bytes > REPLAY_BYTES ||
                           now_ms - all->oldest->begun_ms > REPLAY_MS))
        drop_oldest(all);
}

static void add(struct grpc_replays *all, struct grpc_replay *r)
{
    r->number = all->newest ? all->newest->number + 1 : 1;
    r->older = all->newest;
    if (all->newest)
        all->newest->newer = r;
    else
        all->oldest = r;
    all->newest = r;
    all->n++;
}

static void make_key(const struct grpc_request *request, char out[DIGEST_HEX_SIZE])
{
    struct digest *digest = digest_new();
    digest_add_str(digest, request->caller);
    digest_add_str(digest, request->method);
    digest_add_str(digest, request->id);
    digest_hex(digest, out);
}

static void judge(const struct grpc_replay *r, const char *payload, const struct buf **answer,
                  const char **reason, struct error *err)
{
    *answer = NULL;
    if (strcmp(r->payload, payload) != 0) {
        *reason = "REQUEST_ID_PAYLOAD_MISMATCH";
        error_set(err, ERROR_STATE, "another request was sent with this request_id: take a new one "
                                    "for each");
    } else if (!r->answered) {
        *reason = "REQUEST_OUTCOME_UNCERTAIN";
        error_set(err, ERROR_STATE, "the request with this request_id is still running, or has "
                                    "failed: look at what it was to change before you send "
                                    "another one");
    } else {
        *answer = &r->answer;
    }
}

uint64_t grpc_replays_begin(struct grpc_replays *all, const struct grpc_request *request,
                            uint64_t now_ms, const struct buf **answer, const char **reason,
                            struct error *err)
{
    char key[DIGEST_HEX_SIZE], payload[DIGEST_HEX_SIZE];
    make_key(request, key);
    digest_of(request->message, request->len, payload);
    make_room(all, now_ms);
    for (struct grpc_replay *r = all->newest; r; r = r->older)
        if (strcmp(r->key, key) == 0) {
            judge(r, payload, answer, reason, err);
            return 0;
        }
    struct grpc_replay *r = alloc_zero(1, sizeof *r);
    memcpy(r->key, key, sizeof key);
    memcpy(r->payload, payload, sizeof payload);
    r->begun_ms = now_ms;
    add(all, r);
    return r->number;
}

void grpc_replays_end(struct grpc_replays *all, uint64_t number, const struct buf *answer)
{
    for (struct grpc_replay *r = all->newest; r && answer; r = r->older) {
        if (r->number != number)
            continue;
        r->answered = true;
        buf_add(&r->answer, buf_str(answer), answer->len);
        all->bytes += answer->len;
        return;
    }
}

void grpc_replays_free(struct grpc_replays *all)
{
    while (all->oldest)
        drop_oldest(all);
}

int grpc_check_request_id(const char *id, struct error *err)
{
    size_t digits = strspn(id, "0123456789abcdefABCDEF-");
    bool shaped = strlen(id) == UUID_SIZE - 1 && digits == UUID_SIZE - 1;
    for (size_t i = 0; shaped && id[i]; i++)
        shaped = (id[i] == '-') == (i == 8 || i == 13 || i == 18 || i == 23);
    if (!*id || (shaped && strspn(id, "0-") != UUID_SIZE - 1))
        return 0;
    return error_set(err, ERROR_MALFORMED,
                     "request_id must be a UUID of 36 characters, and not the nil one");
}
