/* SPDX-License-Identifier: Apache-2.0 */
/* Lua's patterns with a limit: every step is counted.
 *
 * The meaning is that of the Lua 5.4 manual, section 6.4.1, in the C locale.  A malformed pattern
 * raises as in Lua; a search that takes more than PATTERN_STEPS (and PATTERN_STEPS_PER_BYTE of its
 * subject) raises too.  Each step is charged to the state's budget.
 *
 * Ownership: subject and pattern are borrowed and must stay on the stack.  The state's thread. */
#ifndef CHAIN_LUA_LIB_PATTERN_H
#define CHAIN_LUA_LIB_PATTERN_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    PATTERN_CAPTURES = 32,
    PATTERN_DEPTH = 200,
    PATTERN_STEPS = 200 * 1000,
    PATTERN_STEPS_PER_BYTE = 4,
};

struct pattern_capture {
    const char *at;
    ptrdiff_t len;                                  /* or one of the marks in pattern.c */
};

struct pattern {
    lua_State *L;
    const char *subject, *subject_end;
    const char *pattern, *end;
    bool anchored;                                  /* began with ^, which is left out */
    size_t steps, steps_max;
    int depth, level;
    struct pattern_capture captures[PATTERN_CAPTURES];
};

void pattern_begin(struct pattern *m, lua_State *L, const char *subject, size_t subject_len,
                   const char *pattern, size_t pattern_len);
/* Whether a match begins exactly at a place of the subject.  Returns its end, or NULL. */
const char *pattern_match(struct pattern *m, const char *at);
/* The first place from one on where a match may begin, which need not be anchored.  NULL: none. */
const char *pattern_start(struct pattern *m, const char *from);
/* The first match from a place on: its end, and where it begins.  NULL: none. */
const char *pattern_search(struct pattern *m, const char *from, const char **begin);
/* Pushes the captures of the last match, or the whole match where there are none, and returns how
 * many that were. */
int pattern_push_captures(struct pattern *m, const char *begin, const char *end);
/* Pushes one of them, i from 0. */
void pattern_push_capture(struct pattern *m, int i, const char *begin, const char *end);

#endif
