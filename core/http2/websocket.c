/* SPDX-License-Identifier: Apache-2.0 */
#include "http2/websocket.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"

enum { KEY_BYTES = 16, DIGEST_BYTES = 20, ACCEPT_SIZE = 29 };

void http2_websocket_make_key(char key[HTTP2_WEBSOCKET_KEY_SIZE])
{
    unsigned char bytes[KEY_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        die("OpenSSL gives no random bytes for the key of a WebSocket");
    EVP_EncodeBlock((unsigned char *)key, bytes, sizeof bytes);
}

void http2_websocket_accept(const char *key, struct buf *out)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[EVP_MAX_MD_SIZE], accept[ACCEPT_SIZE];
    struct buf text = {0};
    buf_puts(&text, key);
    buf_puts(&text, guid);
    if (EVP_Digest(text.data, text.len, digest, NULL, EVP_sha1(), NULL) == 1) {
        EVP_EncodeBlock(accept, digest, DIGEST_BYTES);
        buf_puts(out, (const char *)accept);
    }
    buf_free(&text);
}
