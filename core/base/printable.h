/* SPDX-License-Identifier: Apache-2.0 */
/* Which characters a terminal shows as they are, and how all others are written.
 * Not printable: controls (C0, DEL, C1), line and paragraph separators, everything that Unicode
 * says is to be ignored when it is shown (zero-width, bidirectional, tags, variation selectors,
 * soft hyphen, fillers, byte order mark), format and interlinear marks, noncharacters, bytes that
 * are no UTF-8.  allowed: controls of ASCII that are left as they are.  Any thread. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

bool printable_code(unsigned c);
/* The code point of the valid UTF-8 character at text, and its length in bytes. */
unsigned printable_read(const char *text, size_t *len);
/* How many bytes the character takes that bytes begin with; 0: it is not printable. */
size_t printable_char(const char *bytes, size_t len, const char *allowed);
bool printable_text(const char *text);              /* all of it, line breaks are not */
/* Appends bytes with all that is not printable written as \xNN (a control of ASCII, a byte that is
 * no UTF-8), \uNNNN or \UNNNNNNNN. */
void printable_escape(struct buf *out, const char *bytes, size_t len, const char *allowed);
/* Appends a JSON text (valid UTF-8) with the same value, in which all but line breaks is
 * printable. */
void printable_escape_json(struct buf *out, const char *json);

#endif
