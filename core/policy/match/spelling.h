/* SPDX-License-Identifier: Apache-2.0 */
/* Names of members and parameters as servers read them that ignore case.  Pure, any thread. */
#ifndef POLICY_MATCH_SPELLING_H
#define POLICY_MATCH_SPELLING_H

/* The character at *at in lower case, and moves behind it; '\0' at the end, and stays there.  Some
 * servers, such as Go's encoding/json, fold as Unicode does: there U+017F (the long s) is an s and
 * U+212A (the Kelvin sign) a k. */
char policy_spelling_next(const char **at);

#endif
