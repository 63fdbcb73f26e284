/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/loadable.h"

#include <string.h>

#include "base/problems.h"
#include "policy/diff.h"
#include "policy/enforceable.h"

struct policy *sandbox_read_policy(const char *text, struct error *err)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(text, strlen(text), DOC_JSON, &problems);
    if (!policy && problems.n > 0)
        error_set(err, ERROR_INVALID, "%s%s%s%s", problems.items[0].path,
                  *problems.items[0].path ? ": " : "", problems.items[0].message,
                  problems.n > 1 ? ", and more" : "");
    else if (!policy)
        error_set(err, ERROR_INVALID, "the policy cannot be read");
    problems_free(&problems);
    return policy;
}

static int same_but_for_added_paths(const struct sluice_diff *diff, struct error *err)
{
    for (size_t i = 0; i < diff->n_static_changes; i++) {
        const struct sluice_static_change *change = diff->static_changes[i];
        if (*change->before)
            return error_set(
                err, ERROR_UNSUPPORTED,
                "%s: '%s' cannot be taken from a running sandbox: stop it and start it again",
                change->path, change->before);
    }
    return 0;
}

int sandbox_loadable(const struct sluice_policy *built, const struct sluice_policy *policy,
                     bool proxy, struct error *err)
{
    if (proxy && policy_enforceable(policy, err) != 0)
        return -1;
    if (!built)
        return 0;
    struct arena *arena = arena_new();
    int rc = same_but_for_added_paths(policy_diff(built, policy, arena), err);
    arena_free(arena);
    return rc;
}
