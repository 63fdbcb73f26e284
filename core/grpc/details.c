/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/details.h"

#include <string.h>

#include "base/base64.h"
#include "doc/protobuf.h"

#define TYPE_PREFIX "type.googleapis.com/google.rpc."
#define DOMAIN "sluice"

enum { VALUE_MAX = 640 };                           /* of an entry of an ErrorInfo */

static void put_bytes(struct buf *out, uint32_t number, const void *bytes, size_t len)
{
    protobuf_put_length(out, number, len);
    buf_add(out, bytes, len);
}

static void put_text(struct buf *out, uint32_t number, const char *text)
{
    if (*text)
        put_bytes(out, number, text, strlen(text));
}

static void put_message(struct buf *out, uint32_t number, struct buf *message)
{
    put_bytes(out, number, buf_str(message), message->len);
    buf_free(message);
}

/* Takes the message. */
static void add(struct buf *details, const char *type, struct buf *message)
{
    struct buf any = {0};
    put_text(&any, 1, type);
    put_message(&any, 2, message);
    if (details->len + any.len <= GRPC_DETAILS_MAX)
        put_bytes(details, 3, any.data, any.len);
    buf_free(&any);
}

void grpc_details_info(struct buf *details, const char *reason, const struct grpc_pair *pairs,
                       size_t n)
{
    struct buf info = {0};
    put_text(&info, 1, reason);
    put_text(&info, 2, DOMAIN);
    for (size_t i = 0; i < n; i++) {
        struct buf entry = {0};
        if (!pairs[i].value || !*pairs[i].value)
            continue;
        put_text(&entry, 1, pairs[i].key);
        put_bytes(&entry, 2, pairs[i].value, grpc_text_len(pairs[i].value, VALUE_MAX));
        put_message(&info, 3, &entry);
    }
    add(details, TYPE_PREFIX "ErrorInfo", &info);
}

void grpc_details_problems(struct buf *details, const struct problems *problems)
{
    struct buf request = {0};
    enum { AROUND = 64 };                           /* the message's own type and lengths */
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *p = &problems->items[i];
        struct buf violation = {0};
        put_text(&violation, 1, p->path);
        put_text(&violation, 2, p->message);
        if (details->len + request.len + violation.len + AROUND > GRPC_DETAILS_MAX) {
            buf_free(&violation);
            break;
        }
        put_message(&request, 1, &violation);
    }
    if (request.len)
        add(details, TYPE_PREFIX "BadRequest", &request);
}

/* Without padding, as gRPC's own libraries write it. */
void grpc_put_details(struct buf *out, enum grpc_code code, const char *text,
                      const struct buf *details)
{
    struct buf status = {0}, message = {0};
    size_t cut = grpc_text_len(text, GRPC_TEXT_MAX);
    if (!details->len)
        return;
    protobuf_put_varint(&status, 1 << 3);
    protobuf_put_varint(&status, code);
    if (cut)
        put_bytes(&status, 2, text, cut);
    buf_add(&status, details->data, details->len);
    base64_encode(status.data, status.len, out);
    while (out->data[out->len - 1] == '=')
        out->data[--out->len] = '\0';
    grpc_put_message(&message, text);
    if (message.len + out->len > GRPC_STATUS_MAX)
        buf_clear(out);
    buf_free(&status);
    buf_free(&message);
}
