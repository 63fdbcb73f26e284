/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/stats.h"

#define SUBS (UINT64_C(1) << STATS_SUB_BITS)

static unsigned bucket_of(uint64_t ns)
{
    if (ns < SUBS)
        return (unsigned)ns;
    unsigned power = 63 - (unsigned)__builtin_clzll(ns);
    unsigned sub = (ns >> (power - STATS_SUB_BITS)) & (SUBS - 1);
    return ((power - STATS_SUB_BITS + 1) << STATS_SUB_BITS) + sub;
}

/* The largest time that falls into a bucket. */
static uint64_t bucket_top(unsigned bucket)
{
    if (bucket < SUBS)
        return bucket;
    unsigned power = (bucket >> STATS_SUB_BITS) + STATS_SUB_BITS - 1;
    uint64_t width = UINT64_C(1) << (power - STATS_SUB_BITS);
    return (UINT64_C(1) << power) + (bucket & (SUBS - 1)) * width + (width - 1);
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void stats_add(struct stats *stats, uint64_t duration_ns, bool denied, bool failed)
{
    count(&stats->votes);
    if (denied)
        count(&stats->denials);
    if (failed)
        count(&stats->errors);
    count(&stats->buckets[bucket_of(duration_ns)]);
}

uint64_t stats_quantile_ns(const struct stats *stats, double share)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < STATS_BUCKETS; i++)
        total += atomic_load_explicit(&stats->buckets[i], memory_order_relaxed);
    uint64_t rank = (uint64_t)((double)total * share);
    uint64_t seen = 0;
    for (unsigned i = 0; i < STATS_BUCKETS; i++) {
        seen += atomic_load_explicit(&stats->buckets[i], memory_order_relaxed);
        if (seen > rank || (total && seen == total))
            return bucket_top(i);
    }
    return 0;
}
