/* SPDX-License-Identifier: Apache-2.0 */
#include "http2/budget.h"

enum { UNIT = 1000 };

struct http2_budget http2_budget_of(unsigned burst, unsigned per_second, uint64_t now_ms)
{
    return (struct http2_budget){.burst = burst, .per_second = per_second,
                                 .left = (uint64_t)burst * UNIT, .at_ms = now_ms};
}

static void add(struct http2_budget *budget, uint64_t thousandths)
{
    uint64_t most = budget->burst * UNIT;
    budget->left = most - budget->left < thousandths ? most : budget->left + thousandths;
}

bool http2_budget_spend(struct http2_budget *budget, unsigned n, uint64_t now_ms)
{
    add(budget, (now_ms - budget->at_ms) * budget->per_second);
    budget->at_ms = now_ms;
    if (budget->left < (uint64_t)n * UNIT)
        return false;
    budget->left -= (uint64_t)n * UNIT;
    return true;
}

void http2_budget_earn(struct http2_budget *budget, unsigned n)
{
    add(budget, (uint64_t)n * UNIT);
}
