/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as a number in a document, by its text alone.  Any thread. */
#ifndef DOC_NUMBER_H
#define DOC_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

bool doc_is_json_number(const char *text);          /* RFC 8259 section 6 */
/* Decimal digits, perhaps after a minus; no sign +, no leading zero, nothing else.  -1: it is not
 * one.  A number beyond the range of int64_t becomes the nearest end of it. */
int doc_read_integer(const char *text, int64_t *out);

#endif
