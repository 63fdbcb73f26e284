/* SPDX-License-Identifier: Apache-2.0 */
/* Characters that a reader of a text cannot see: controls, line separators, byte order marks,
 * noncharacters, and those that turn the direction of text around.
 * Text is valid UTF-8, bytes may be anything.  Any thread. */
#ifndef DOC_SAFE_H
#define DOC_SAFE_H

#include "doc/tree.h"

/* The offset of the first unsafe character, but for those of the ASCII text allowed, or len. */
size_t doc_find_unsafe(const char *text, size_t len, const char *allowed, unsigned *c);
bool doc_turns_text(unsigned c);
/* How many bytes the character takes that bytes begin with; 0: it is unsafe or no UTF-8. */
size_t doc_safe_char(const char *bytes, size_t len, const char *allowed);
/* Appends bytes with every one that belongs to no safe character written as \xNN. */
void doc_escape(const char *bytes, size_t len, const char *allowed, struct buf *out);
/* len, or the most bytes up to most that end between two characters. */
size_t doc_cut(const char *text, size_t len, size_t most);
/* Appends text in double quotes with every unsafe character escaped, as the format has it. */
void doc_quote(const char *text, enum doc_format format, struct buf *out);

#endif
