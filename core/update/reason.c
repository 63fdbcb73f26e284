/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "doc/safe.h"
#include "update/update.h"

int update_check_reason(const char *what, const char *reason, struct error *err)
{
    size_t len = strlen(reason);
    unsigned unseen;
    if (len > UPDATE_REASON_MAX)
        return error_set(err, ERROR_MALFORMED, "%s is longer than %d bytes", what,
                         UPDATE_REASON_MAX);
    if (doc_find_unsafe(reason, len, "\t", &unseen) < len)
        return error_set(err, ERROR_MALFORMED,
                         "%s has the invisible character U+%04X: leave it out", what, unseen);
    return 0;
}
