/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/websocket/handshake.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { KEY_BYTES = 16, KEY_TEXT = 24, DIGEST_BYTES = 20, ACCEPT_TEXT = 28 };

#define EXTENSIONS "Sec-WebSocket-Extensions"
#define SUBPROTOCOL "Sec-WebSocket-Protocol"

/* Base64 of 16 bytes. */
static bool is_key(const char *text)
{
    unsigned char bytes[KEY_TEXT];
    return strlen(text) == KEY_TEXT && strcmp(text + KEY_TEXT - 2, "==") == 0 &&
           text[KEY_TEXT - 3] != '=' &&
           EVP_DecodeBlock(bytes, (const unsigned char *)text, KEY_TEXT) == KEY_BYTES + 2;
}

/* ---- lists ---- */

static const char *skip_blank(const char *p)
{
    return p + strspn(p, " \t");
}

static size_t token_length(const char *text)
{
    return strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static bool is_token_list(const char *text)
{
    for (const char *p = skip_blank(text);; p = skip_blank(p + 1)) {
        size_t len = token_length(p);
        p = skip_blank(p + len);
        if (!len || (*p && *p != ','))
            return false;
        if (!*p)
            return true;
    }
}

static bool lists_tokens(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->n_fields; i++)
        if (strcasecmp(head->fields[i].name, name) == 0 && !is_token_list(head->fields[i].value))
            return false;
    return true;
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
           lists_tokens(request, SUBPROTOCOL) && !request->chunked && !request->length;
}

/* ---- permessage-deflate ---- */

/* What an offer of it, or the answer to one, says. */
struct deflate {
    bool client_no_context_takeover, server_no_context_takeover;
    unsigned server_max_window_bits;                /* 0: not said */
};

static bool is_word(const char *p, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(p, word, len) == 0;
}

/* 0: it is no number of bits. */
static unsigned window_bits(const char *value, size_t len)
{
    unsigned bits = 0;
    for (size_t i = 0; i < len && i < 3; i++)
        bits = value[i] >= '0' && value[i] <= '9' ? bits * 10 + (unsigned)(value[i] - '0') : 99;
    return bits >= 8 && bits <= 15 && *value != '0' ? bits : 0;
}

/* The text after the parameter; NULL: it is unknown, said twice or has a wrong value. */
static const char *read_parameter(const char *p, struct deflate *out)
{
    size_t len = token_length(p), value_len = p[len] == '=' ? token_length(p + len + 1) : 0;
    const char *value = p + len + 1;
    bool *flag = is_word(p, len, "client_no_context_takeover")   ? &out->client_no_context_takeover
                 : is_word(p, len, "server_no_context_takeover") ? &out->server_no_context_takeover
                                                                 : NULL;
    if (flag) {
        bool twice = *flag;
        *flag = true;
        return twice || p[len] == '=' ? NULL : p + len;
    }
    if (!is_word(p, len, "server_max_window_bits") || !value_len || out->server_max_window_bits)
        return NULL;
    out->server_max_window_bits = window_bits(value, value_len);
    return out->server_max_window_bits ? value + value_len : NULL;
}

/* One extension, which ends at a comma.  False: it is not permessage-deflate with these
 * parameters. */
static bool read_deflate(const char *p, struct deflate *out)
{
    *out = (struct deflate){0};
    p = skip_blank(p);
    size_t len = token_length(p);
    if (!is_word(p, len, "permessage-deflate"))
        return false;
    for (p = skip_blank(p + len); *p == ';'; p = skip_blank(p)) {
        p = read_parameter(skip_blank(p + 1), out);
        if (!p)
            return false;
    }
    return !*p || *p == ',';
}

static const char *offer_in(const char *value, bool both)
{
    struct deflate offer;
    for (const char *p = value; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (read_deflate(p, &offer) && offer.client_no_context_takeover &&
            !offer.server_max_window_bits)
            return both || offer.server_no_context_takeover
                       ? "permessage-deflate; client_no_context_takeover; "
                         "server_no_context_takeover"
                       : "permessage-deflate; client_no_context_takeover";
    }
    return "";
}

const char *egress_websocket_offer(const struct http_head *request, bool both)
{
    const char *offer = "";
    for (size_t i = 0; !*offer && i < request->n_fields; i++)
        if (strcasecmp(request->fields[i].name, EXTENSIONS) == 0)
            offer = offer_in(request->fields[i].value, both);
    return offer;
}

/* ---- the answer ---- */

static bool is_accepted(const struct http_head *request, const struct http_head *response)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[KEY_TEXT + sizeof guid];
    unsigned char digest[EVP_MAX_MD_SIZE], expected[ACCEPT_TEXT + 1];
    snprintf(text, sizeof text, "%s%s", http_head_get(request, "Sec-WebSocket-Key"), guid);
    if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL) != 1)
        return false;
    EVP_EncodeBlock(expected, digest, DIGEST_BYTES);
    return http_head_count(response, "Sec-WebSocket-Accept") == 1 &&
           strcmp(http_head_get(response, "Sec-WebSocket-Accept"), (const char *)expected) == 0;
}

/* Their names, unlike those of extensions, are case-sensitive. */
static bool lists_exactly(const char *list, const char *token)
{
    size_t len = strlen(token);
    for (const char *p = skip_blank(list); *p; p += strspn(p, ", \t")) {
        size_t n = token_length(p);
        if (!n)
            return false;
        if (n == len && memcmp(p, token, n) == 0)
            return true;
        p += n;
    }
    return false;
}

static bool was_offered(const struct http_head *request, const char *subprotocol)
{
    for (size_t i = 0; i < request->n_fields; i++)
        if (strcasecmp(request->fields[i].name, SUBPROTOCOL) == 0 &&
            lists_exactly(request->fields[i].value, subprotocol))
            return true;
    return false;
}

/* An origin may tell how it compresses its own messages; ours have to be as they were offered. */
static bool accepts_offer(const struct http_head *response, const char *offer)
{
    struct deflate deflate;
    size_t n = http_head_count(response, EXTENSIONS);
    const char *answer = http_head_get(response, EXTENSIONS);
    return n == 0 || (n == 1 && *offer && !strchr(answer, ',') && read_deflate(answer, &deflate) &&
                      deflate.client_no_context_takeover &&
                      (deflate.server_no_context_takeover || !strstr(offer, "server_no_")));
}

bool egress_websocket_keeps_context(const struct http_head *response)
{
    struct deflate deflate = {0};
    const char *answer = http_head_get(response, EXTENSIONS);
    return answer && !(read_deflate(answer, &deflate) && deflate.server_no_context_takeover);
}

const char *egress_websocket_problem(const struct http_head *request,
                                     const struct http_head *response, const char *offer)
{
    size_t n = http_head_count(response, SUBPROTOCOL);
    if (!http_head_lists(response, "Upgrade", "websocket") ||
        !http_head_lists(response, "Connection", "Upgrade"))
        return "it switched protocols without being asked to";
    if (!is_accepted(request, response))
        return "its Sec-WebSocket-Accept is not the answer to the client's key";
    if (n > 1 || (n && !was_offered(request, http_head_get(response, SUBPROTOCOL))))
        return "its " SUBPROTOCOL " is none that the client offered";
    if (offer && !accepts_offer(response, offer))
        return "its " EXTENSIONS " are not what was offered";
    return NULL;
}
