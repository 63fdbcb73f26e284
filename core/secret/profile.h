/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of providers.  Constant; any thread. */
#ifndef SECRET_PROFILE_H
#define SECRET_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a credential may be sent: every path of the host and port. */
struct secret_place {
    const char *host;                               /* a host pattern, as in a policy */
    uint16_t port;
};

struct secret_profile {
    const char *name, *help;
    const char *const *keys;                        /* variables that it may give; NULL ends.
                                                     * NULL: any */
    const struct secret_place *places;              /* ended by a host of NULL.  NULL: endpoints of
                                                     * the policy that name the provider */
    const char *signing_key;                        /* variable whose value stands in no request:
                                                     * requests are signed with it.  NULL: none */
};

#define SECRET_PROFILE_NAMES                                                                       \
    "github, anthropic, claude-code, openai, codex, nvidia, npm, pypi, aws or generic"

/* By its name or alias, such as claude for claude-code.  NULL: there is none. */
const struct secret_profile *secret_profile_find(const char *name);
const struct secret_profile *secret_profile_at(size_t i);           /* NULL after the last */
bool secret_profile_has_key(const struct secret_profile *profile, const char *key);
/* Whether requests are signed with the credential, so that its value stands in none. */
bool secret_profile_signs_with(const struct secret_profile *profile, const char *key);
/* Whether the profile itself says that its credentials may go there. */
bool secret_profile_covers(const struct secret_profile *profile, const char *host, uint16_t port);

#endif
