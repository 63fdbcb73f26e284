/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/credentials.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "sandbox/supervisor/network.h"
#include "sandbox/supervisor/process/exec.h"
#include "secret/credentials.h"

static struct secret_credentials *read_list(const struct sandbox_credentials *list)
{
    struct secret_credential *items = alloc_zero(list->n + 1, sizeof *items);
    for (size_t i = 0; i < list->n; i++) {
        const struct sandbox_credential *c = &list->items[i];
        items[i] = (struct secret_credential){c->provider, c->profile, c->name, c->handle,
                                              c->value};
    }
    struct secret_credentials *all = secret_credentials_new(items, list->n);
    free(items);
    return all;
}

void sandbox_credentials_use(struct secret_credentials **held,
                             const struct sandbox_credentials *list, struct network *network,
                             struct exec_table *execs)
{
    struct secret_credentials *old = *held;
    if (network)
        sandbox_network_set_inference(network, list->inference, list->n_inference);
    if (!list->n && !old) /* nothing that passes need be looked through for placeholders */
        return;
    *held = read_list(list);
    if (network)
        sandbox_network_set_credentials(network, *held);
    if (execs)
        sandbox_execs_set_credentials(execs, *held);
    secret_credentials_free(old);
}
