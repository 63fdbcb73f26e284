/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/forward/websocket.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { KEY_BYTES = 16, KEY_TEXT = 24, DIGEST_BYTES = 20, ACCEPT_TEXT = 28 };

/* Base64 of 16 bytes. */
static bool is_key(const char *text)
{
    unsigned char bytes[KEY_TEXT];
    return strlen(text) == KEY_TEXT && strcmp(text + KEY_TEXT - 2, "==") == 0 &&
           text[KEY_TEXT - 3] != '=' &&
           EVP_DecodeBlock(bytes, (const unsigned char *)text, KEY_TEXT) == KEY_BYTES + 2;
}

bool egress_websocket_is_valid(const struct http_head *request)
{
    const char *key = http_head_get(request, "Sec-WebSocket-Key");
    const char *version = http_head_get(request, "Sec-WebSocket-Version");
    return strcmp(request->method, "GET") == 0 && request->minor > 0 &&
           http_head_lists(request, "Upgrade", "websocket") &&
           http_head_lists(request, "Connection", "Upgrade") &&
           http_head_count(request, "Sec-WebSocket-Key") == 1 && is_key(key) &&
           http_head_count(request, "Sec-WebSocket-Version") == 1 && strcmp(version, "13") == 0 &&
           !request->chunked && !request->length;
}

bool egress_websocket_accepts(const struct http_head *request, const struct http_head *response)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[KEY_TEXT + sizeof guid];
    unsigned char digest[EVP_MAX_MD_SIZE], expected[ACCEPT_TEXT + 1];
    const char *accept = http_head_get(response, "Sec-WebSocket-Accept");
    snprintf(text, sizeof text, "%s%s", http_head_get(request, "Sec-WebSocket-Key"), guid);
    if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL) != 1)
        return false;
    EVP_EncodeBlock(expected, digest, DIGEST_BYTES);
    return http_head_lists(response, "Upgrade", "websocket") &&
           http_head_lists(response, "Connection", "Upgrade") &&
           http_head_count(response, "Sec-WebSocket-Accept") == 1 &&
           strcmp(accept, (const char *)expected) == 0;
}
