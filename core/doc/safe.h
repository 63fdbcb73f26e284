/* SPDX-License-Identifier: Apache-2.0 */
/* Characters that no document may contain: controls, line separators, byte order marks,
 * noncharacters and direction overrides.  Terminal output is stricter (base/printable.h).
 * Text is valid UTF-8, bytes may be anything.  Any thread. */
#ifndef DOC_SAFE_H
#define DOC_SAFE_H

#include "doc/tree.h"

/* The offset of the first unsafe character, but for those of the ASCII text allowed, or len. */
size_t doc_find_unsafe(const char *text, size_t len, const char *allowed, unsigned *c);
bool doc_turns_text(unsigned c);
/* len, or the most bytes up to most that end between two characters. */
size_t doc_cut(const char *text, size_t len, size_t most);
/* Appends text in double quotes with all that is not printable (base/printable.h) escaped, as the
 * format has it. */
void doc_quote(const char *text, enum doc_format format, struct buf *out);

#endif
