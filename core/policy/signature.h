/* SPDX-License-Identifier: Apache-2.0 */
/* The signature of a policy's document, as `policy sign` writes it and the header Sluice-Signature
 * has it: one line, "sluice1 TIME KEY SIGNATURE", or "sluice2 TIME KEY SIGNATURE SANDBOX" where it
 * is for the sandbox of that name alone.  TIME is when it was signed, in milliseconds since 1970;
 * KEY names the key; SIGNATURE is Ed25519 in base64, over the version, TIME, SANDBOX and the hash
 * of the document, so that its layout may change.  Any thread. */
#ifndef POLICY_SIGNATURE_H
#define POLICY_SIGNATURE_H

#include "base/signature.h"
#include "policy/policy.h"

enum { POLICY_SIGNATURE_MAX = 256, POLICY_SIGNATURE_NAME_SIZE = 64 };

struct policy_signature {
    int64_t at_ms;
    char key[SIGNATURE_ID_SIZE];
    char sandbox[POLICY_SIGNATURE_NAME_SIZE];       /* "": any */
    unsigned char bytes[SIGNATURE_BYTES];
};

/* White space around it is passed over.  -1: it is none. */
int policy_signature_parse(const char *text, struct policy_signature *out);
/* Appends the line.  sandbox: a name of a-z, 0-9 and '-'; "": any. */
int policy_sign(const struct signature_key *key, const struct policy *document,
                const char *sandbox, int64_t at_ms, struct buf *out, struct error *err);
bool policy_signature_is_of(const struct policy_signature *signature,
                            const struct signature_key *key, const struct policy *document);

#endif
