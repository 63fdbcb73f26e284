/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that inspected endpoints let through. */
#include "policy/effect_parts.h"

void effect_compare_requests(struct effect_treatments *t, const uint32_t *from, size_t n_from,
                             const uint32_t *to, size_t n_to, struct effect_verdict *out)
{
    bool same = n_from == n_to;
    for (size_t i = 0; i < n_from && same; i++) {
        same = false;
        for (size_t j = 0; j < n_to && !same; j++)
            same = from[i] == to[j];
    }
    struct effect_line line = {EFFECT_UNKNOWN, "", "", "", ""};
    if (same)
        return;
    effect_add_line(t->arena, &out->gained, line);
    effect_add_line(t->arena, &out->lost, line);
}
