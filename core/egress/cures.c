/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/cures.h"

#include <stdlib.h>
#include <string.h>

void egress_cured_free(struct egress_cured *cured)
{
    free(cured->cure);
    free(cured->operations);
    *cured = (struct egress_cured){0};
}

const struct egress_cured *egress_cures_find(const struct egress_cures *cures,
                                             const struct buf *key)
{
    for (size_t i = 0; i < EGRESS_CURES_MAX; i++) {
        const struct buf *kept = &cures->items[i].key;
        if (kept->len && kept->len == key->len && memcmp(kept->data, key->data, key->len) == 0)
            return &cures->items[i].cured;
    }
    return NULL;
}

const struct egress_cured *egress_cures_add(struct egress_cures *cures, struct buf *key,
                                            struct egress_cured *cured)
{
    size_t at = cures->next++ % EGRESS_CURES_MAX;
    buf_free(&cures->items[at].key);
    egress_cured_free(&cures->items[at].cured);
    cures->items[at].key = *key;
    cures->items[at].cured = *cured;
    *key = (struct buf){0};
    *cured = (struct egress_cured){0};
    return &cures->items[at].cured;
}

void egress_cures_clear(struct egress_cures *cures)
{
    for (size_t i = 0; i < EGRESS_CURES_MAX; i++) {
        buf_free(&cures->items[i].key);
        egress_cured_free(&cures->items[i].cured);
    }
}
