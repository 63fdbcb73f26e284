/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox with a network trusts and is shown: its own certificate authority, whose key never
 * leaves the supervisor's memory, and files of /etc that make programs trust it.
 *
 * Programs that read the environment (command.c) get SANDBOX_CA_FILE and SANDBOX_BUNDLE_FILE.  For
 * those that do not, the system's own bundle is a link to the latter, and its folder has a link by
 * subject hash for each authority that the system does not have.  Where the host has a Java
 * runtime's roots, the sandbox's are the bundle as a key store.
 *
 * Ownership: the files live as long as the certificates.  One thread. */
#ifndef SANDBOX_SUPERVISOR_CERTIFICATES_H
#define SANDBOX_SUPERVISOR_CERTIFICATES_H

#include "base/buf.h"
#include "sandbox/mounts/mount_plan.h"

#define SANDBOX_CA_FILE     "/etc/sluice-tls/ca.pem"
#define SANDBOX_BUNDLE_FILE "/etc/sluice-tls/ca-bundle.pem"

struct egress_authority;
struct egress_trust;
struct error;

struct certificates {
    struct egress_authority *authority;
    struct egress_trust *trust;
    struct own_file *files;
    size_t n_files;
    struct buf java_store;
    struct arena *arena;                            /* of the files */
};

/* extra_ca: a PEM file, or NULL.  -1: err says why there are none. */
int sandbox_certificates_make(const char *extra_ca, struct certificates *out, struct error *err);
void sandbox_certificates_free(struct certificates *certificates);

#endif
