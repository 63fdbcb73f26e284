/* SPDX-License-Identifier: Apache-2.0 */
/* What a voter said of requests, counted.  Plain values. */
#ifndef CHAIN_INSPECT_COUNTS_H
#define CHAIN_INSPECT_COUNTS_H

#include <stdint.h>

/* How long voters take: name, and the longest time in microseconds; what takes longer is in none */
#define INSPECT_TIMES(X)                                                                \
    X(us_10, 10) X(us_50, 50) X(us_100, 100) X(us_500, 500) X(ms_1, 1000) X(ms_5, 5000) \
    X(ms_10, 10000) X(ms_50, 50000) X(ms_100, 100000) X(ms_500, 500000) X(s_1, 1000000)

struct inspect_counts {
    uint64_t requests, denials, holds, errors;
    uint64_t quarantines;                           /* how often it went into quarantine */
    uint64_t took_us;                               /* all together */
    struct {
#define X(name, us) uint64_t name;
        INSPECT_TIMES(X)
#undef X
    } took;                                         /* each in the shortest that it fits in */
};

#endif
