/* SPDX-License-Identifier: Apache-2.0 */
/* Trusted certificates as Java keeps them: a key store of type JKS, which every Java runtime reads,
 * with its usual password "changeit". */
#ifndef SANDBOX_SUPERVISOR_JAVA_STORE_H
#define SANDBOX_SUPERVISOR_JAVA_STORE_H

#include "base/buf.h"

/* All certificates of the PEM text. */
void sandbox_java_store(const char *pem, size_t len, struct buf *out);

#endif
