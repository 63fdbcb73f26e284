/* SPDX-License-Identifier: Apache-2.0 */
#include "export/webhook.h"

#include <inttypes.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/base64.h"
#include "base/die.h"

static int read_key(const struct buf *text, struct buf *key, struct error *err)
{
    static const char mark[] = "whsec_";
    size_t len = sizeof mark - 1;
    if (strncmp(buf_str(text), mark, len) != 0)
        buf_add(key, text->data, text->len);
    else if (base64_decode(text->data + len, text->len - len, key) != 0)
        return error_set(err, ERROR_INVALID, "the key of key_file is no base64 after %s", mark);
    return key->len ? 0 : error_set(err, ERROR_INVALID, "the key of key_file is empty");
}

int export_webhook_sign(const char *id, int64_t now_ms, const struct buf *key,
                        const struct buf *body, json_t *fields, struct error *err)
{
    struct buf secret = {0}, text = {0}, signature = {0};
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int rc = read_key(key, &secret, err);
    if (rc == 0) {
        buf_printf(&text, "%s.%" PRId64 ".", id, now_ms / 1000);
        buf_add(&text, body->data, body->len);
        if (!HMAC(EVP_sha256(), secret.data, (int)secret.len, (const unsigned char *)text.data,
                  text.len, mac, &len))
            die("OpenSSL cannot sign a webhook: it has no memory, or no HMAC");
        base64_encode(mac, len, &signature);
        json_array_append_new(fields, json_sprintf("webhook-id: %s", id));
        json_array_append_new(fields, json_sprintf("webhook-timestamp: %" PRId64, now_ms / 1000));
        json_array_append_new(fields,
                              json_sprintf("webhook-signature: v1,%s", buf_str(&signature)));
    }
    buf_wipe(&secret);
    buf_free(&text);
    buf_free(&signature);
    return rc;
}
