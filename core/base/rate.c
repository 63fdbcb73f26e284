/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rate.h"

enum { UNIT = 1000 };

struct rate rate_of(unsigned burst, unsigned per_second, uint64_t now_ms)
{
    return (struct rate){.burst = burst, .per_second = per_second,
                         .left = (uint64_t)burst * UNIT, .at_ms = now_ms};
}

static void add(struct rate *rate, uint64_t thousandths)
{
    uint64_t most = rate->burst * UNIT;
    rate->left = most - rate->left < thousandths ? most : rate->left + thousandths;
}

unsigned rate_left(struct rate *rate, uint64_t now_ms)
{
    add(rate, (now_ms - rate->at_ms) * rate->per_second);
    rate->at_ms = now_ms;
    return (unsigned)(rate->left / UNIT);
}

bool rate_spend(struct rate *rate, unsigned n, uint64_t now_ms)
{
    if (rate_left(rate, now_ms) < n)
        return false;
    rate->left -= (uint64_t)n * UNIT;
    return true;
}

void rate_earn(struct rate *rate, unsigned n)
{
    add(rate, (uint64_t)n * UNIT);
}
