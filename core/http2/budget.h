/* SPDX-License-Identifier: Apache-2.0 */
/* How often a peer may do what costs it nothing: a number at once, more as time passes, and more
 * for each useful thing that it does.  Plain values, any thread. */
#ifndef HTTP2_BUDGET_H
#define HTTP2_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct http2_budget {
    uint64_t burst, per_second;
    uint64_t left;                                  /* thousandths */
    uint64_t at_ms;                                 /* left is of this time */
};

struct http2_budget http2_budget_of(unsigned burst, unsigned per_second, uint64_t now_ms);
/* False: there is not that much left. */
bool http2_budget_spend(struct http2_budget *budget, unsigned n, uint64_t now_ms);
void http2_budget_earn(struct http2_budget *budget, unsigned n);

#endif
