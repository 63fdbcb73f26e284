/* SPDX-License-Identifier: Apache-2.0 */
/* grpc.health.v1.Health: whether the gateway takes calls. */
#include <string.h>

#include "grpc/call.h"

enum serving { SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

enum { REQUEST_MAX = 4096 };

/* The text of field 1, or NULL where the message is something else; other fields there are none. */
static const char *read_service(const char *bytes, size_t len, char *out)
{
    size_t n = 0, at = 1;
    out[0] = '\0';
    if (!len)
        return out;
    for (unsigned shift = 0; at < len && shift <= 14; shift += 7) {
        unsigned char c = (unsigned char)bytes[at++];
        n |= (size_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            break;
    }
    if (bytes[0] != 0x0a || n != len - at || memchr(bytes + at, 0, n))
        return NULL;
    memcpy(out, bytes + at, n);
    out[n] = '\0';
    return out;
}

static enum serving status_of(const struct grpc *grpc, const char *service)
{
    if (*service && !grpc_has_service(grpc->services, service))
        return SERVICE_UNKNOWN;
    return *grpc->draining ? NOT_SERVING : SERVING;
}

static void check(struct grpc_call *call, const char *bytes, size_t len)
{
    char name[REQUEST_MAX + 1];
    const char *service = read_service(bytes, len, name);
    enum serving status = service ? status_of(call->grpc, service) : SERVICE_UNKNOWN;
    const char answer[] = {0x08, (char)status};
    if (!service)
        grpc_end(call, GRPC_INVALID_ARGUMENT, "the message is no HealthCheckRequest");
    else if (status == SERVICE_UNKNOWN)
        grpc_end(call, GRPC_NOT_FOUND, "this gateway does not offer the service %.100s", service);
    else
        grpc_reply(call, answer, sizeof answer);
}

/* It goes on until the client leaves, or the gateway does: nothing else changes. */
static void watch(struct grpc_call *call, const char *bytes, size_t len)
{
    char name[REQUEST_MAX + 1];
    const char *service = read_service(bytes, len, name);
    const char answer[] = {0x08, service ? (char)status_of(call->grpc, service) : 0};
    if (!service)
        grpc_end(call, GRPC_INVALID_ARGUMENT, "the message is no HealthCheckRequest");
    else
        grpc_send(call, answer, sizeof answer);
}

static const struct grpc_method methods[] = {
    {.name = "Check", .permission = AUTH_ANYBODY, .max = REQUEST_MAX, .message = check},
    {.name = "Watch",
     .permission = AUTH_GATEWAY_READ,
     .kind = GRPC_SERVER_STREAMS,
     .max = REQUEST_MAX,
     .message = watch},
};

const struct grpc_methods grpc_health_methods = {"grpc.health.v1.Health", methods,
                                                 sizeof methods / sizeof *methods};
