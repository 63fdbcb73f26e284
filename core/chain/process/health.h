/* SPDX-License-Identifier: Apache-2.0 */
/* Failures of a voter's process.  After a second failure in a row it is restarted only after a
 * pause, which doubles each time.  After HEALTH_FAILURES_MAX it is not restarted until the chain is
 * reloaded.
 *
 * {0} has no failures.  One thread at a time, but for health_quarantined. */
#ifndef CHAIN_PROCESS_HEALTH_H
#define CHAIN_PROCESS_HEALTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { HEALTH_FAILURES_MAX = 5 };

struct health {
    unsigned failures;                              /* in a row */
    uint64_t failed_ms;                             /* when the last one was */
    atomic_bool quarantined;
};

void health_failed(struct health *health);
void health_answered(struct health *health);
bool health_quarantined(const struct health *health);
/* How long until it may be started; 0: now, or it is quarantined. */
uint64_t health_pause_ms(const struct health *health);
/* -1: the process is not to be started now; err says why, and what to do. */
int health_check(const struct health *health, struct error *err);

#endif
