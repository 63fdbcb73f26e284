/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox has instead of a value.  Pure; any thread. */
#ifndef SECRET_PLACEHOLDER_H
#define SECRET_PLACEHOLDER_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

#define SECRET_MARKER "openshell:resolve:env:"
/* Of OpenShell's form with a prefix of the provider's, which is never issued here. */
#define SECRET_ALIAS "OPENSHELL-RESOLVE-ENV-"

enum {
    SECRET_MARKER_LEN = sizeof SECRET_MARKER - 1,
    SECRET_HANDLE_LEN = 64,                         /* hexadecimal digits */
    SECRET_NAME_MAX = 128,                          /* bytes of a variable's name */
    SECRET_PLACEHOLDER_MAX = SECRET_MARKER_LEN + 1 + SECRET_HANDLE_LEN + 1 + SECRET_NAME_MAX,
};

void secret_placeholder(const char *handle, const char *name, struct buf *out);
/* Whether there is a placeholder of any form in the text: as it is, percent-encoded, or in base64
 * at any offset.  Also true for the beginning of one that was cut off behind its marker. */
bool secret_has_trace(const char *text, size_t len);
/* A trace is no longer than this, unless it is encoded more than twice. */
enum { SECRET_TRACE_MAX = 5 * SECRET_MARKER_LEN };
/* The same without the forms of base64. */
bool secret_has_plain_trace(const char *text, size_t len);
/* The text with "[CREDENTIAL]" for each placeholder, as logs show it. */
void secret_redact(const char *text, size_t len, struct buf *out);
/* The text with ? for each digit of the placeholders in it, which are random in each sandbox. */
void secret_generalise(const char *text, struct buf *out);
/* Whether at begins with a placeholder, percent-encoded or not; out gets up to
 * SECRET_PLACEHOLDER_MAX bytes from there, decoded, and at[i] the offset where byte i begins;
 * returns how many there are, 0: no placeholder begins here. */
size_t secret_decode_from(const char *text, size_t len, char out[SECRET_PLACEHOLDER_MAX + 1],
                          size_t at[SECRET_PLACEHOLDER_MAX + 1]);

#endif
