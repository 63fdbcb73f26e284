/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/process/session.h"

#include <jansson.h>
#include <string.h>

#include "base/arena.h"
#include "sandbox/wire/protocol.h"

struct http_call *session_dial(uv_loop_t *loop, const struct sandbox_spec *spec, const char *id,
                               struct arena *arena, const struct http_call_callbacks *callbacks,
                               void *ctx)
{
    struct http_field authorization = {"Authorization",
                                       arena_printf(arena, "Bearer %s", spec->token)};
    struct http_call_request request = {.address = spec->gateway,
                                        .method = "GET",
                                        .upgrade = SANDBOX_EXEC_UPGRADE,
                                        .path = arena_printf(arena, SANDBOX_EXEC_PATH "%s", id),
                                        .headers = &authorization,
                                        .n_headers = 1};
    return http_client_send(loop, &request, callbacks, ctx);
}

bool session_write(struct http_tunnel *tunnel, char *frame, enum sandbox_frame_type type,
                   size_t len)
{
    sandbox_frame_header((uint8_t *)frame, type, len);
    return http_tunnel_write(tunnel, frame, FRAME_HEADER_SIZE + len);
}

void session_write_exit(struct http_tunnel *tunnel, int code, const char *error)
{
    char frame[FRAME_HEADER_SIZE + 4096];
    json_t *root = *error ? json_pack("{s:i, s:s}", "code", code, "error", error)
                          : json_pack("{s:i}", "code", code);
    size_t len = json_dumpb(root, frame + FRAME_HEADER_SIZE, sizeof frame - FRAME_HEADER_SIZE,
                            JSON_COMPACT);
    json_decref(root);
    session_write(tunnel, frame, FRAME_EXIT, len);
    http_tunnel_shutdown(tunnel);
}

bool session_read(struct buf *received, const char *bytes, size_t len,
                  bool (*take)(void *ctx, const struct sandbox_frame *frame), void *ctx)
{
    struct sandbox_frame frame;
    ssize_t taken;
    size_t at = 0;
    buf_add(received, bytes, len);
    while ((taken = sandbox_frame_next((const uint8_t *)received->data + at, received->len - at,
                                       &frame)) > 0) {
        if (!take(ctx, &frame))
            return false;
        at += (size_t)taken;
    }
    buf_consume(received, at);
    return taken == 0;
}
