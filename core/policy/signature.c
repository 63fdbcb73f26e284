/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

enum { TEXT_SIZE = 256 };

/* What is signed. */
static void put_text(int64_t at_ms, const char *sandbox, const struct policy *document,
                     char out[TEXT_SIZE])
{
    snprintf(out, TEXT_SIZE, "sluice policy signature %d\n%" PRId64 "\n%s\n%s%s",
             *sandbox ? 2 : 1, at_ms, policy_hash(document), sandbox, *sandbox ? "\n" : "");
}

static bool is_name(const char *text)
{
    return strlen(text) < POLICY_SIGNATURE_NAME_SIZE &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

int policy_sign(const struct signature_key *key, const struct policy *document,
                const char *sandbox, int64_t at_ms, struct buf *out, struct error *err)
{
    char text[TEXT_SIZE];
    unsigned char bytes[SIGNATURE_BYTES];
    if (!is_name(sandbox))
        return error_set(err, ERROR_INVALID, "'%s' is no name of a sandbox", sandbox);
    put_text(at_ms, sandbox, document, text);
    if (signature_make(key, text, bytes, err) != 0)
        return -1;
    buf_printf(out, "sluice%d %" PRId64 " %s ", *sandbox ? 2 : 1, at_ms, signature_key_id(key));
    base64_encode(bytes, sizeof bytes, out);
    buf_printf(out, "%s%s\n", *sandbox ? " " : "", sandbox);
    return 0;
}

enum { WORDS_MAX = 6 };

static size_t split(char *line, char *words[WORDS_MAX])
{
    size_t n = 0;
    char *rest;
    for (char *word = strtok_r(line, " \t\r\n", &rest); word && n < WORDS_MAX;
         word = strtok_r(NULL, " \t\r\n", &rest))
        words[n++] = word;
    return n;
}

static bool read_words(char *const *words, size_t n, struct policy_signature *out)
{
    char *end;
    bool bound = n == 5 && strcmp(words[0], "sluice2") == 0 && is_name(words[4]);
    if (!bound && (n != 4 || strcmp(words[0], "sluice1") != 0))
        return false;
    out->at_ms = strtoll(words[1], &end, 10);
    snprintf(out->key, sizeof out->key, "%s", words[2]);
    snprintf(out->sandbox, sizeof out->sandbox, "%s", bound ? words[4] : "");
    return !*end && out->at_ms > 0 && strlen(words[2]) == SIGNATURE_ID_SIZE - 1 &&
           strspn(words[2], "0123456789abcdef") == SIGNATURE_ID_SIZE - 1;
}

int policy_signature_parse(const char *text, struct policy_signature *out)
{
    char line[POLICY_SIGNATURE_MAX + 1], *words[WORDS_MAX];
    struct buf bytes = {0};
    if (strlen(text) > POLICY_SIGNATURE_MAX)
        return -1;
    snprintf(line, sizeof line, "%s", text);
    if (!read_words(words, split(line, words), out))
        return -1;
    bool good =
        base64_decode(words[3], strlen(words[3]), &bytes) == 0 && bytes.len == SIGNATURE_BYTES;
    if (good)
        memcpy(out->bytes, bytes.data, SIGNATURE_BYTES);
    buf_free(&bytes);
    return good ? 0 : -1;
}

bool policy_signature_is_of(const struct policy_signature *signature,
                            const struct signature_key *key, const struct policy *document)
{
    char text[TEXT_SIZE];
    put_text(signature->at_ms, signature->sandbox, document, text);
    return signature_check(key, text, signature->bytes);
}
