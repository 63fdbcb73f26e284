/* SPDX-License-Identifier: Apache-2.0 */
#include "drafts/lifecycle.h"

#include <stdio.h>
#include <string.h>

#define FROM(status) (1u << DRAFTS_##status)

enum { GONE = DRAFTS_STATUS_COUNT };

static const struct {
    unsigned from;
    int to;
} table[DRAFTS_ACTION_COUNT] = {
    [DRAFTS_APPROVE]   = {FROM(PENDING) | FROM(REJECTED), DRAFTS_APPROVED},
    [DRAFTS_REJECT]    = {FROM(PENDING) | FROM(APPROVED), DRAFTS_REJECTED},
    [DRAFTS_UNDO]      = {FROM(APPROVED),                 DRAFTS_PENDING},
    [DRAFTS_EDIT]      = {FROM(PENDING),                  DRAFTS_PENDING},
    [DRAFTS_CLEAR]     = {FROM(PENDING),                  GONE},
    [DRAFTS_SUPERSEDE] = {FROM(PENDING),                  DRAFTS_SUPERSEDED},
};

static const char *const words[] = {
#define X(id, word, meaning) [DRAFTS_##id] = word,
    DRAFTS_STATUSES(X)
#undef X
    [GONE] = "",
};

const char *drafts_status_word(enum drafts_status status)
{
    return words[status];
}

bool drafts_is(const char *word, enum drafts_status status)
{
    return strcmp(word, words[status]) == 0;
}

static int refuse(unsigned from, const char *status, struct error *err)
{
    char expected[96] = "";
    size_t used = 0;
    for (int i = 0; i < DRAFTS_STATUS_COUNT; i++)
        if (from & (1u << i))
            used += (size_t)snprintf(expected + used, sizeof expected - used, "%s'%s'",
                                     used ? " or " : "", words[i]);
    return error_set(err, ERROR_STATE, "chunk status is '%s', expected %s", status, expected);
}

const char *drafts_next(enum drafts_action action, const char *status, struct error *err)
{
    for (int i = 0; i < DRAFTS_STATUS_COUNT; i++)
        if ((table[action].from & (1u << i)) && drafts_is(status, i))
            return words[table[action].to];
    refuse(table[action].from, status, err);
    return NULL;
}
