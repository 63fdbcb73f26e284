/* SPDX-License-Identifier: Apache-2.0 */
/* For which service and region of AWS an endpoint has its requests signed.  Pure; any thread. */
#ifndef EGRESS_INSPECT_SCOPE_H
#define EGRESS_INSPECT_SCOPE_H

#include "secret/sigv4.h"
#include <sluice/policy.h>

/* signing_service, and signing_region or the region in the host's name: both point into the
 * arguments.  Returns NULL, or why there is none. */
const char *egress_scope_of(const struct sluice_endpoint *rule, const char *host,
                            struct sigv4_text *region, struct sigv4_text *service);

#endif
