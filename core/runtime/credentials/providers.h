/* SPDX-License-Identifier: Apache-2.0 */
/* Providers: credentials that are kept sealed in the store, and the sandboxes that use them.
 *
 * These calls block: worker threads.  What they return lives in the arena.  A change is on record
 * when they return; runtime_equip then gives it to a sandbox that runs. */
#ifndef RUNTIME_CREDENTIALS_PROVIDERS_H
#define RUNTIME_CREDENTIALS_PROVIDERS_H

#include <jansson.h>

#include "runtime/runtime.h"
#include "secret/credentials.h"
#include "secret/key.h"
#include "store/store.h"

enum {
    PROVIDER_NAME_MAX = 63,
    PROVIDER_VALUES_MAX = 16,
    PROVIDER_SANDBOX_VALUES_MAX = 64,               /* of all providers of one sandbox */
};

struct providers {
    struct store *store;
    const struct secret_key *key;
};

struct provider_value {
    const char *name, *value;
};

struct provider_values {
    const struct provider_value *items;
    size_t n;
    /* Objects of texts that are kept beside them and mean nothing here.  NULL: none, or as
     * before. */
    const char *labels_json, *config_json;
};

/* A provider and what belongs to it, without values. */
struct provider_facts {
    struct store_provider provider;
    struct store_credential *credentials;           /* sealed */
    size_t n_credentials;
    struct store_attachment *attachments;
    size_t n_attachments;
    const struct store_credential *refresh;         /* how its values are fetched; NULL: not */
    const struct store_credential *status;          /* of the last fetch; NULL: not on record */
};

int providers_create(const struct providers *p, const char *name, const char *profile,
                     const struct provider_values *values, struct arena *arena,
                     struct error *err);
/* One whose values are fetched: parts as in secret/oauth.h.  It has none until then. */
int providers_create_fetched(const struct providers *p, const char *name, const char *profile,
                             const struct provider_values *parts, struct arena *arena,
                             struct error *err);
/* The values of one that there is are fetched from now on, whether they were fetched or given
 * before. */
int providers_fetch(const struct providers *p, const struct provider_facts *facts,
                    const struct provider_values *parts, struct arena *arena, struct error *err);
/* Its values stay as they are. */
int providers_fetch_no_more(const struct providers *p, const struct provider_facts *facts,
                            struct error *err);
/* The parts of one that is fetched.  NULL: err says why they cannot be read. */
json_t *providers_parts(const struct providers *p, const struct provider_facts *facts,
                        struct error *err);
/* What was kept of its last fetch.  NULL: nothing that can be read. */
json_t *providers_status(const struct providers *p, const struct provider_facts *facts);
int providers_keep_status(const struct providers *p, const struct provider_facts *facts,
                          const json_t *status, struct arena *arena, struct error *err);
/* Values that were fetched, and other parts from now on; NULL: the same. */
int providers_renew(const struct providers *p, const struct provider_facts *facts,
                    const struct provider_values *values, const json_t *parts,
                    struct arena *arena, struct error *err);
int providers_get(const struct providers *p, const char *name, struct arena *arena,
                  struct provider_facts *out, struct error *err);
/* Replaces values that the provider has; there may be none where there are labels or config. */
int providers_rotate(const struct providers *p, const char *name,
                     const struct provider_values *values, struct arena *arena,
                     struct error *err);
/* Refused while a sandbox is attached or a policy names it. */
int providers_delete(const struct providers *p, const char *name, struct arena *arena,
                     struct error *err);
int providers_attach(const struct providers *p, const char *name,
                     const struct store_sandbox *sandbox, struct arena *arena, struct error *err);
/* Refused while the sandbox's policy names it. */
int providers_detach(const struct providers *p, const char *name,
                     const struct store_sandbox *sandbox, struct arena *arena, struct error *err);
/* What runtime_tell_provider is to tell, in the arena: to one sandbox that is named, or to all that
 * have the provider. */
struct provider_change *providers_change(const struct provider_facts *facts, const char *change,
                                         const char *actor, const struct store_sandbox *one,
                                         struct arena *arena);
/* One value of a provider, to be freed by arena_wipe.  NULL: err says why it cannot be had. */
const char *providers_value(const struct providers *p, const struct provider_facts *facts,
                            const char *name, struct arena *arena, struct error *err);
/* All that a sandbox may use, with values; to be freed by arena_wipe.  One that cannot be opened
 * has the value "", and the log says why. */
int providers_open(const struct providers *p, const char *sandbox_id, const struct log *log,
                   struct arena *arena, struct secret_credential **out, size_t *n,
                   struct error *err);

#endif
