/* SPDX-License-Identifier: Apache-2.0 */
/* Exposed services of a sandbox, for CreateSandbox.  Within the grpc folder. */
#ifndef GRPC_EXPOSED_H
#define GRPC_EXPOSED_H

#include "grpc/work.h"
#include "runtime/services.h"

/* Those that the request asks for.  -1: work->err. */
int grpc_read_exposures(struct grpc_work *work, struct store_sandbox *record);
void grpc_put_service_urls(struct grpc_work *work, struct doc_writer *w,
                           const struct store_sandbox *s);
/* Where a browser on the gateway's machine finds it, at the port that the client connected to. */
const char *grpc_service_url(struct grpc_work *work, const struct store_sandbox *s,
                             const struct sandbox_service *service);

#endif
