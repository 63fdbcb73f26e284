/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/health.h"

#include "base/clock.h"

enum {
    WINDOW_MS = 60000,                              /* a failure older than this starts no row */
    PAUSE_MS = 50,                                  /* before the second start; doubles */
};

void health_failed(struct health *h)
{
    uint64_t now = clock_mono_ms();
    h->failures = h->failures && now - h->failed_ms < WINDOW_MS ? h->failures + 1 : 1;
    h->failed_ms = now;
    if (h->failures >= HEALTH_FAILURES_MAX)
        atomic_store(&h->quarantined, true);
}

void health_answered(struct health *h)
{
    h->failures = 0;
}

bool health_quarantined(const struct health *h)
{
    return atomic_load(&h->quarantined);
}

uint64_t health_pause_ms(const struct health *h)
{
    if (h->failures < 2 || health_quarantined(h))
        return 0;
    uint64_t pause = (uint64_t)PAUSE_MS << (h->failures - 2),
             since = clock_mono_ms() - h->failed_ms;
    return since < pause ? pause - since : 0;
}

int health_check(const struct health *h, struct error *err)
{
    if (health_quarantined(h))
        return error_set(
            err, ERROR_STATE,
            "it is quarantined after %d failures in a row: reload the chain to try again",
            HEALTH_FAILURES_MAX);
    uint64_t pause = health_pause_ms(h);
    if (!pause)
        return 0;
    return error_set(err, ERROR_STATE,
                     "it failed %u times in a row and is started again in %llu ms", h->failures,
                     (unsigned long long)pause);
}
