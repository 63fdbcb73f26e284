/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs commands in a sandbox, and the answer where there is nothing to attach to. */
#include <string.h>

#include "base/clock.h"
#include "runtime/sessions/exec.h"

struct noting {
    const char *sandbox_id;
    const struct store_user *user;
};

static int write_user(struct store_tx *tx, void *arg, struct error *err)
{
    const struct noting *n = arg;
    return store_tx_user_add(tx, n->sandbox_id, n->user, clock_now_ms(), err);
}

static bool is_noted(const struct store_user *users, size_t n, const struct store_user *user)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(users[i].name, user->name) == 0 && strcmp(users[i].account, user->account) == 0)
            return true;
    return false;
}

int runtime_exec_note(struct store *store, const char *sandbox_id, const struct store_user *user,
                      struct error *err)
{
    struct arena *arena = arena_new();
    struct noting noting = {sandbox_id, user};
    struct store_user *users;
    size_t n;
    int rc = store_user_list(store, sandbox_id, arena, &users, &n, err);
    if (rc == 0 && !is_noted(users, n, user))
        rc = store_write(store, write_user, &noting, err);
    arena_free(arena);
    return rc;
}

int runtime_no_main(const char *name, struct error *err)
{
    return error_set(err, ERROR_STATE,
                     "sandbox '%s' has no main process: one is given when it is made, with sluice "
                     "sandbox create ... -- CMD",
                     name);
}
