/* SPDX-License-Identifier: Apache-2.0 */
/* grpc.reflection, v1 and v1alpha: the names of the services, and the descriptor of OpenShell's.
 * Whoever asks for another one is told NOT_FOUND within the stream.
 *
 *   ServerReflectionRequest   1 host, 3 file_by_filename, 4 file_containing_symbol,
 *                             5 file_containing_extension, 6 all_extension_numbers_of_type,
 *                             7 list_services
 *   ServerReflectionResponse  1 valid_host, 2 original_request, 4 file_descriptor_response {1
 * file}, 6 list_services_response {1 service {1 name}}, 7 error_response {1 error_code, 2
 * error_message} */
#include <string.h>

#include "grpc/call.h"
#include "openshell/descriptor.h"

enum {
    FILE_BY_NAME = 3,
    FILE_BY_SYMBOL = 4,
    LIST_SERVICES = 7,
    REQUEST_MAX = 4096,
    WIRE_BYTES = 2
};

/* A varint; NULL: it is cut off, or too long. */
static const char *read_number(const char *at, const char *end, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        unsigned char c = (unsigned char)*at++;
        *out |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return at;
    }
    return NULL;
}

struct question {
    int asked; /* the number of its field, 0: none, -1: the message cannot be read */
    const char *about;
    size_t len;
};

/* All fields but the host are texts or messages of the question. */
static struct question read_question(const char *at, size_t len)
{
    const char *end = at + len;
    uint64_t key, n;
    struct question question = {0};
    while (at < end) {
        if (!(at = read_number(at, end, &key)) || (key & 7) != WIRE_BYTES ||
            !(at = read_number(at, end, &n)) || n > (uint64_t)(end - at))
            return (struct question){.asked = -1};
        if (key >> 3 >= FILE_BY_NAME && key >> 3 <= LIST_SERVICES)
            question = (struct question){(int)(key >> 3), at, (size_t)n};
        at += n;
    }
    return question;
}

static void put_bytes(struct buf *out, unsigned field, const char *bytes, size_t len)
{
    buf_putc(out, (char)(field << 3 | WIRE_BYTES));
    size_t left = len;
    for (; left >= 0x80; left >>= 7)
        buf_putc(out, (char)(0x80 | (left & 0x7f)));
    buf_putc(out, (char)left);
    buf_add(out, bytes, len);
}

/* A service that is in several parts is named once. */
static bool is_named_before(const struct grpc_services *services, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(services->items[k]->service, services->items[i]->service) == 0)
            return true;
    return false;
}

static void put_services(const struct grpc_services *services, struct buf *out)
{
    struct buf list = {0}, one = {0};
    for (size_t i = 0; i < services->n; i++) {
        const char *name = services->items[i]->service;
        if (is_named_before(services, i))
            continue;
        buf_clear(&one);
        put_bytes(&one, 1, name, strlen(name));
        put_bytes(&list, 1, one.data, one.len);
    }
    put_bytes(out, 6, buf_str(&list), list.len);
    buf_free(&list);
    buf_free(&one);
}

/* Whether it is OpenShell's file, or something in it. */
static bool is_openshell(const struct question *q)
{
    static const char file[] = OPENSHELL_FILE, package[] = "openshell.v1.";
    if (q->asked == FILE_BY_NAME)
        return q->len == sizeof file - 1 && memcmp(q->about, file, q->len) == 0;
    return q->asked == FILE_BY_SYMBOL && q->len >= sizeof package &&
           memcmp(q->about, package, sizeof package - 1) == 0;
}

/* Made when it is first asked for, which takes a few milliseconds: hardly a gateway is. */
static void put_descriptor(struct buf *descriptor, struct buf *out)
{
    struct buf file = {0};
    if (!descriptor->len)
        openshell_descriptor(descriptor);
    put_bytes(&file, 1, descriptor->data, descriptor->len);
    put_bytes(out, 4, file.data, file.len);
    buf_free(&file);
}

static void put_no_descriptor(struct buf *out)
{
    static const char why[] = "this gateway has the descriptor of openshell.v1 alone";
    struct buf error = {0};
    buf_putc(&error, 1 << 3);
    buf_putc(&error, GRPC_NOT_FOUND);
    put_bytes(&error, 2, why, sizeof why - 1);
    put_bytes(out, 7, error.data, error.len);
    buf_free(&error);
}

static void answer(struct grpc_call *call, const char *bytes, size_t len)
{
    struct question question = read_question(bytes, len);
    struct buf out = {0};
    if (question.asked <= 0) {
        grpc_end(call, GRPC_INVALID_ARGUMENT, "the message is no ServerReflectionRequest");
        return;
    }
    put_bytes(&out, 2, bytes, len);
    if (question.asked == LIST_SERVICES)
        put_services(call->grpc->services, &out);
    else if (is_openshell(&question))
        put_descriptor(&call->grpc->descriptor, &out);
    else
        put_no_descriptor(&out);
    if (!grpc_send(call, out.data, out.len))
        grpc_pause(call);                           /* who asks without reading waits */
    buf_free(&out);
}

static void drained(struct grpc_call *call)
{
    grpc_resume(call);
}

static void half_closed(struct grpc_call *call)
{
    grpc_end(call, GRPC_OK, "%s", "");
}

static const struct grpc_method methods[] = {
    {.name = "ServerReflectionInfo",
     .permission = AUTH_GATEWAY_READ,
     .kind = GRPC_CLIENT_STREAMS | GRPC_SERVER_STREAMS,
     .max = REQUEST_MAX,
     .message = answer,
     .drained = drained,
     .half_closed = half_closed},
};

const struct grpc_methods grpc_reflection_methods = {"grpc.reflection.v1.ServerReflection",
                                                     methods, 1};
const struct grpc_methods grpc_reflection_alpha_methods = {
    "grpc.reflection.v1alpha.ServerReflection", methods, 1};
