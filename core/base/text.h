/* SPDX-License-Identifier: Apache-2.0 */
/* Small text helpers.  Any thread. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* Strict UTF-8 (RFC 3629) without NUL.  Returns the offset of the first bad byte, or len. */
size_t text_utf8_valid(const char *bytes, size_t len);
/* Length of the valid UTF-8 character that bytes begin with, or 0. */
size_t text_utf8_char(const char *bytes, size_t len);
/* How many bytes of printable ASCII a text begins with: nearly always all of them. */
size_t text_plain(const char *bytes, size_t len);
/* The same without quotes and backslashes, which JSON escapes. */
size_t text_json_plain(const char *bytes, size_t len);
/* Makes the bytes in a buffer of size bytes UTF-8: a text that was cut to fill it ends with a whole
 * character again, other bytes that are none are written as \xNN, as far as they fit. */
void text_make_valid(char *text, size_t size);
/* The digits of number, which stand somewhere in text. */
enum { TEXT_NUMBER_SIZE = 24 };
const char *text_number(char text[TEXT_NUMBER_SIZE], int64_t number);
/* Appends text as a JSON string, quotes included (RFC 8259). */
void text_json_quote(struct buf *out, const char *text);
/* Appends bytes with those that are no UTF-8 written as \xNN. */
void text_escape_bytes(struct buf *out, const char *bytes);
/* Appends text; of one that is longer than max bytes its beginning and its end, with "..." between
 * them, in whole characters. */
void text_shorten(struct buf *out, const char *text, size_t max);
/* The word of the NULL-terminated list that is nearest to text, or NULL when none is near. */
const char *text_nearest(const char *text, const char *const *words);
/* Why no command of a sandbox gets an environment variable of this name; NULL: it may. */
const char *text_env_name_refused(const char *name);
/* Shell-quotes text where it needs it. */
void text_shell_quote(struct buf *out, const char *text);

#endif
