/* SPDX-License-Identifier: Apache-2.0 */
/* The value of grpc-timeout: up to eight digits and a unit.  Any thread. */
#ifndef GRPC_TIMEOUT_H
#define GRPC_TIMEOUT_H

#include <stdbool.h>
#include <stdint.h>

/* In milliseconds, rounded up.  False: it is none. */
bool grpc_timeout_parse(const char *text, uint64_t *ms);

#endif
