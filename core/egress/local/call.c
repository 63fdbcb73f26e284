/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/local/call.h"

#include <stdlib.h>

#include "base/alloc.h"

void local_service_init(struct local_service *service, uint64_t now_ms)
{
    *service = (struct local_service){.questions = rate_of(LOCAL_BURST, LOCAL_PER_SECOND, now_ms)};
}

struct local_call *local_call_new(struct local_service *service)
{
    service->n_calls++;
    return alloc_zero(1, sizeof(struct local_call));
}

void local_call_free(struct local_service *service, struct local_call *call)
{
    if (!call)
        return;
    service->n_calls--;
    service->n_waits -= call->id && call->route.kind == LOCAL_WAIT;
    service->n_proposals -= call->id && call->route.kind == LOCAL_PROPOSE;
    buf_free(&call->body);
    buf_free(&call->chunk);
    free(call);
}

void local_service_free(struct local_service *service)
{
    local_denials_free(&service->denials);
}
