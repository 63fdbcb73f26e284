/* SPDX-License-Identifier: Apache-2.0 */
#include "drafts/lifecycle.h"

#include <stdio.h>
#include <string.h>

#define FROM(status) (1u << STORE_DRAFT_##status)

static const struct {
    unsigned from;
    enum store_draft_status to;
} table[DRAFTS_ACTION_COUNT] = {
    [DRAFTS_APPROVE]   = {FROM(PENDING) | FROM(REJECTED), STORE_DRAFT_APPROVED},
    [DRAFTS_REJECT]    = {FROM(PENDING) | FROM(APPROVED), STORE_DRAFT_REJECTED},
    [DRAFTS_UNDO]      = {FROM(APPROVED),                 STORE_DRAFT_PENDING},
    [DRAFTS_EDIT]      = {FROM(PENDING),                  STORE_DRAFT_PENDING},
    [DRAFTS_SUPERSEDE] = {FROM(PENDING),                  STORE_DRAFT_SUPERSEDED},
    [DRAFTS_REOPEN]    = {FROM(SUPERSEDED),               STORE_DRAFT_PENDING},
};

bool drafts_is(const char *word, enum store_draft_status status)
{
    return strcmp(word, store_draft_status_word(status)) == 0;
}

static int refuse(unsigned from, const char *status, struct error *err)
{
    char expected[96] = "";
    size_t used = 0;
    for (int i = 0; i < STORE_DRAFT_STATUS_COUNT; i++)
        if (from & (1u << i))
            used += (size_t)snprintf(expected + used, sizeof expected - used, "%s'%s'",
                                     used ? " or " : "", store_draft_status_word(i));
    return error_set(err, ERROR_STATE, "chunk status is '%s', expected %s", status, expected);
}

const char *drafts_next(enum drafts_action action, const char *status, struct error *err)
{
    for (int i = 0; i < STORE_DRAFT_STATUS_COUNT; i++)
        if ((table[action].from & (1u << i)) && drafts_is(status, i))
            return store_draft_status_word(table[action].to);
    refuse(table[action].from, status, err);
    return NULL;
}
