/* SPDX-License-Identifier: Apache-2.0 */
/* The message of a provider of credentials, which never has a value.  Within the grpc folder. */
#ifndef GRPC_PROVIDERS_H
#define GRPC_PROVIDERS_H

#include "grpc/work.h"
#include "runtime/credentials/providers.h"

/* "provider 'x' not found", as clients know it. */
int grpc_find_provider(struct grpc_work *work, const char *name, struct provider_facts *out);
void grpc_put_provider(struct doc_writer *w, const struct provider_facts *facts);
/* Ends the work: sandboxes learn of a change that is on record, and then answer fills in what is to
 * be answered.  one: the sandbox that is concerned; NULL: all that have the provider. */
void grpc_tell_provider(struct grpc_work *work, const struct provider_facts *facts,
                        const char *change, const struct store_sandbox *one,
                        int (*answer)(struct grpc_work *work, struct doc_writer *w), void *arg);

/* Of a sandbox that is to be made: whether its spec names such as there are, and may be given. */
int grpc_check_providers(struct grpc_work *work, const struct doc_node *spec);
/* Attaches them to one that is on record and was not started yet. */
int grpc_attach_providers(struct grpc_work *work, const struct doc_node *spec,
                          const struct store_sandbox *s);

#endif
