/* SPDX-License-Identifier: Apache-2.0 */
/* Times as gRPC has them: the value of grpc-timeout, which is up to eight digits and a unit, and a
 * Duration as JSON has it.  In milliseconds, rounded up.  Any thread. */
#ifndef GRPC_TIMEOUT_H
#define GRPC_TIMEOUT_H

#include <stdbool.h>
#include <stdint.h>

/* False: it is none. */
bool grpc_timeout_parse(const char *text, uint64_t *ms);
/* False: it is negative. */
bool grpc_duration_parse(const char *text, uint64_t *ms);

#endif
