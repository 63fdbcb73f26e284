/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy means where it says nothing. */
#include <string.h>

#include "base/die.h"
#include "policy/policy.h"

/* A section that is absent altogether opens the working directory; one that is there and does not
 * mention it keeps it closed. */
static const struct sluice_filesystem absent_filesystem = {
    .size = sizeof(struct sluice_filesystem),
    .include_workdir = true,
};
static const struct sluice_landlock absent_landlock = {
    .size = sizeof(struct sluice_landlock),
    .compatibility = "best_effort",
};
static const struct sluice_process absent_process = {
    .size = sizeof(struct sluice_process),
    .run_as_user = "sandbox",
    .run_as_group = "sandbox",
};

static void unref_policy(void *policy)
{
    policy_unref(policy);
}

static const void *section(const struct schema *schema, const void *own, const void *base,
                           const void *absent, struct arena *arena)
{
    if (own)
        return own;
    return base ? schema_copy(schema, base, arena) : absent;
}

/* Shares the model of the policy, and copies from base: sharing that too would keep every policy
 * that a sandbox ever had alive. */
struct policy *policy_complete(struct policy *policy, const struct policy *base)
{
    static const struct sluice_policy nothing;
    const struct sluice_policy *own = policy_model(policy),
                               *from = base ? policy_model(base) : &nothing;
    if (own->filesystem && own->landlock && own->process)
        return policy_ref(policy);
    struct arena *arena = arena_new();
    struct sluice_policy *model = arena_alloc(arena, sizeof *model);
    *model = *own;
    arena_defer(arena, unref_policy, policy_ref(policy));
    model->filesystem = section(&policy_filesystem_schema, own->filesystem, from->filesystem,
                                &absent_filesystem, arena);
    model->landlock =
        section(&policy_landlock_schema, own->landlock, from->landlock, &absent_landlock, arena);
    model->process =
        section(&policy_process_schema, own->process, from->process, &absent_process, arena);
    return policy_take(arena, model);
}

static const char restrictive[] =
    "version: 1\n"
    "filesystem_policy:\n"
    "  include_workdir: true\n"
    "  read_only: [/usr, /lib, /proc, /dev/urandom, /app, /etc, /var/log]\n"
    "  read_write: [/tmp, /dev/null]\n"
    "landlock: {compatibility: best_effort}\n";

struct policy *policy_default(void)
{
    struct policy *written = policy_parse(restrictive, strlen(restrictive), DOC_YAML, NULL);
    if (!written)
        die("the default policy cannot be parsed");
    struct policy *policy = policy_complete(written, NULL);
    policy_unref(written);
    return policy;
}
