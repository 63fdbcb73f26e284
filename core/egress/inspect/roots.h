/* SPDX-License-Identifier: Apache-2.0 */
/* Root certificates in PEM: the system's and those of a file.
 *
 * A system has some 150, and OpenSSL takes 0.2 ms to read one.  So they are read one by one, when a
 * chain needs a certificate of that subject.
 *
 * Ownership: what it returns lives as long as the roots, but for the store.  One thread. */
#ifndef EGRESS_INSPECT_ROOTS_H
#define EGRESS_INSPECT_ROOTS_H

#include <openssl/x509_vfy.h>

#include "base/buf.h"
#include "base/error.h"

enum { EGRESS_EXTRA_MAX = 1024 };                   /* certificates in the file */

struct egress_roots;

/* As egress_trust_new. */
struct egress_roots *egress_roots_read(const char *extra_ca, struct error *err);
void egress_roots_free(struct egress_roots *roots);
const struct buf *egress_roots_pem(const struct egress_roots *roots);
/* The subject hashes of the file's certificates, as names of a folder of certificates have them. */
const unsigned long *egress_roots_extra(const struct egress_roots *roots, size_t *n);
/* A store that trusts the roots, which have to outlive it.  The caller's; NULL: OpenSSL refused. */
X509_STORE *egress_roots_store(struct egress_roots *roots);

#endif
