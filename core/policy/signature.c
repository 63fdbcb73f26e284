/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"

enum { TEXT_SIZE = 160 };

/* What is signed. */
static void put_text(int64_t at_ms, const struct policy *document, char out[TEXT_SIZE])
{
    snprintf(out, TEXT_SIZE, "sluice policy signature 1\n%" PRId64 "\n%s\n", at_ms,
             policy_hash(document));
}

int policy_sign(const struct signature_key *key, const struct policy *document, int64_t at_ms,
                struct buf *out, struct error *err)
{
    char text[TEXT_SIZE];
    unsigned char bytes[SIGNATURE_BYTES];
    put_text(at_ms, document, text);
    if (signature_make(key, text, bytes, err) != 0)
        return -1;
    buf_printf(out, "sluice1 %" PRId64 " %s ", at_ms, signature_key_id(key));
    base64_encode(bytes, sizeof bytes, out);
    buf_puts(out, "\n");
    return 0;
}

int policy_signature_parse(const char *text, struct policy_signature *out)
{
    char base64[POLICY_SIGNATURE_MAX], rest[2];
    struct buf bytes = {0};
    if (strlen(text) > POLICY_SIGNATURE_MAX ||
        sscanf(text, " sluice1 %" SCNd64 " %16[0-9a-f] %255[A-Za-z0-9+/=] %1s", &out->at_ms,
               out->key, base64, rest) != 3 ||
        out->at_ms <= 0 || strlen(out->key) != SIGNATURE_ID_SIZE - 1)
        return -1;
    bool good = base64_decode(base64, strlen(base64), &bytes) == 0 && bytes.len == SIGNATURE_BYTES;
    if (good)
        memcpy(out->bytes, bytes.data, SIGNATURE_BYTES);
    buf_free(&bytes);
    return good ? 0 : -1;
}

bool policy_signature_is_of(const struct policy_signature *signature,
                            const struct signature_key *key, const struct policy *document)
{
    char text[TEXT_SIZE];
    put_text(signature->at_ms, document, text);
    return signature_check(key, text, signature->bytes);
}
