/* SPDX-License-Identifier: Apache-2.0 */
/* The host uid and the control groups of a sandbox. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "runtime/sandbox.h"

void sandbox_claim_again(struct sandbox *s)
{
    struct stat st;
    struct error err;
    char *work = alloc_printf("%s/work", s->dir);
    if (s->uid_lock < 0 && lstat(work, &st) == 0 && uid_in_range(&s->all->uids, st.st_uid)) {
        s->uid_lock = uid_claim(&s->all->uids, st.st_uid, &err);
        s->uid = st.st_uid;
        if (s->uid_lock < 0 && *err.text)
            log_warn(s->all->setup.log, "sandbox %s: %s; it gets another one when it starts",
                     s->name, err.text);
    }
    free(work);
}

/* The lock keeps other gateways from the uid; the mark that uid_retire writes keeps this one from
 * it after a restart. */
void sandbox_retire_uid(struct sandbox *s)
{
    struct runtime *all = s->all;
    if (s->uid_lock < 0)
        return;
    uid_retire(s->uid_lock, all->setup.state_dir);
    int *place = &all->retired[all->n_retired++ % RETIRED_MAX];
    if (*place > 0)
        close(*place);
    *place = s->uid_lock;
    s->uid_lock = -1;
}

bool sandbox_leave_cgroups(const char *dir)
{
    char *list = alloc_printf("%s/cgroups", dir);
    bool left = cgroup_remove(list);
    free(list);
    return left;
}

void runtime_host(const struct runtime *all, struct runtime_host *out)
{
    const struct cgroup_home *home = &all->cgroups;
    *out = (struct runtime_host){
        .cgroup = cgroup_kind_word(home->kind),
        .no_memory = *home->parent[CGROUP_MEMORY] ? NULL : home->why,
        .no_cpus = *home->parent[CGROUP_CPU] ? NULL : home->why,
        .no_pids = *home->parent[CGROUP_PIDS] ? NULL : home->why,
        .shared_uid = all->uids.count ? NULL : all->uids.why,
    };
}
