/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 9457 problem documents.  Any thread. */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include <jansson.h>

#define HTTP_PROBLEM_TYPE "application/problem+json"
#define HTTP_PROBLEM_BASE "https://sluice.dev/problems/"
/* How jansson writes what is sent: 0.65 is no 0.65000000000000002. */
#define HTTP_JSON (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

/* The standard reason phrase, "Unknown" for a status without one. */
const char *http_reason(int status);
/* The word for a violation of HTTP itself, such as "malformed" for 400. */
const char *http_problem_word(int status);

/* {type, title, status, detail, members of extra} as text that the caller frees.  title NULL is
 * the reason phrase, detail NULL leaves it out; extra (an object or NULL) is borrowed and cannot
 * replace the standard members. */
char *http_problem_text(int status, const char *word, const char *title, const char *detail,
                        const json_t *extra);

#endif
