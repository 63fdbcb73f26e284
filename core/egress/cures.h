/* SPDX-License-Identifier: Apache-2.0 */
/* The cures of what was refused lately under the present policy: a program that is refused mostly
 * asks again.  Plain values; loop thread only. */
#ifndef EGRESS_CURES_H
#define EGRESS_CURES_H

#include "base/buf.h"

enum {
    EGRESS_CURES_MAX = 8,
    EGRESS_CURES_KEY_MAX = 4096,                    /* bytes of a key; what has a longer one is
                                                     * not kept */
};

/* Both texts NULL: there is no cure. */
struct egress_cured {
    char *cure;                                     /* as JSON, up to the forecast */
    char *operations;                               /* what the forecast is asked about */
};

struct egress_cures {
    struct {
        struct buf key;
        struct egress_cured cured;
    } items[EGRESS_CURES_MAX];
    unsigned next;                                  /* which gives way */
};

/* key: everything that a cure depends on but the policy.  NULL: it is not kept.  The result lives
 * until the next addition. */
const struct egress_cured *egress_cures_find(const struct egress_cures *cures,
                                             const struct buf *key);
/* Takes both; what is kept of the second. */
const struct egress_cured *egress_cures_add(struct egress_cures *cures, struct buf *key,
                                            struct egress_cured *cured);
/* With each policy, and at the end. */
void egress_cures_clear(struct egress_cures *cures);
void egress_cured_free(struct egress_cured *cured);

#endif
