/* SPDX-License-Identifier: Apache-2.0 */
#include "store/words.h"

const char *store_revision_status_word(enum store_revision_status status)
{
    static const char *const words[] = {
#define X(id, word, meaning) [STORE_REVISION_##id] = word,
        STORE_REVISION_STATUSES(X)
#undef X
    };
    return words[status];
}

const char *store_draft_status_word(enum store_draft_status status)
{
    static const char *const words[] = {
#define X(id, word, meaning) [STORE_DRAFT_##id] = word,
        STORE_DRAFT_STATUSES(X)
#undef X
    };
    return words[status];
}

const char *store_draft_source_word(enum store_draft_source source)
{
    static const char *const words[] = {
#define X(id, word, meaning) [STORE_DRAFT_##id] = word,
        STORE_DRAFT_SOURCES(X)
#undef X
    };
    return words[source];
}
