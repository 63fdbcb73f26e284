/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/caller.h"

#include <stdlib.h>

void egress_caller_free(struct egress_caller *caller)
{
    free(caller->binary);
    for (size_t i = 0; i < caller->n_ancestors; i++)
        free(caller->ancestors[i]);
    free(caller->ancestors);
    free(caller->ancestor_ids);
    *caller = (struct egress_caller){0};
}
