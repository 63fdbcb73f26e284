/* SPDX-License-Identifier: Apache-2.0 */
/* A token bucket: how often something may be done.  Full at the start, refilled as time passes, and
 * where it is said so by what is earned.  Plain values without an owner, any thread. */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
    uint64_t burst, per_second;
    uint64_t left;                                  /* thousandths */
    uint64_t at_ms;                                 /* left is of this time */
};

/* now_ms is of any clock that does not go back, here and below the same. */
struct rate rate_of(unsigned burst, unsigned per_second, uint64_t now_ms);
/* How much may be spent now. */
unsigned rate_left(struct rate *rate, uint64_t now_ms);
/* False: there is not that much left, and nothing is spent. */
bool rate_spend(struct rate *rate, unsigned n, uint64_t now_ms);
void rate_earn(struct rate *rate, unsigned n);

#endif
