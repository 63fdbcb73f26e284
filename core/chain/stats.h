/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of one voter and a histogram of its times.  {0} is empty.  Any thread, without locks: a
 * reader may see a vote that is counted and whose time is not. */
#ifndef CHAIN_STATS_H
#define CHAIN_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Eight buckets for each power of two: a quantile is at most an eighth too high. */
enum { STATS_SUB_BITS = 3, STATS_BUCKETS = (64 - STATS_SUB_BITS + 1) << STATS_SUB_BITS };

struct stats {
    _Atomic uint64_t votes, denials, errors;
    _Atomic uint64_t buckets[STATS_BUCKETS];
};

void stats_add(struct stats *stats, uint64_t duration_ns, bool denied, bool failed);
/* The quantile (0.5, 0.99) of the times; 0 before the first vote. */
uint64_t stats_quantile_ns(const struct stats *stats, double share);

#endif
