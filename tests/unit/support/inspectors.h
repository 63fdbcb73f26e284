/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy whose requests a rule in Lua judges. */
#ifndef TESTS_SUPPORT_INSPECTORS_H
#define TESTS_SUPPORT_INSPECTORS_H

#include <stdlib.h>

#include "chain/inspect/inspect.h"
#include "support/inspected.h"

/* A voter whose inspect function has this body, and which sees 4 KiB of bodies. */
static inline struct inspectors *lua_inspectors_with(struct rig *rig, const char *isolation,
                                                     const char *flags, const char *body)
{
    char *path = alloc_printf("%s/judge.lua", rig->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "return {name = 'judge', version = '1', %s\n"
            "  vote = function(t, ballot) return ballot:allow() end,\n"
            "  inspect = function(r, ballot, options)\n%s\n  return ballot:allow()\nend}\n",
            flags, body);
    assert_int_equal(fclose(file), 0);
    const struct chain_inspect_config inspect = {.body_bytes = 4096};
    const struct chain_voter_config voter = {
        .inspect = &inspect,
        .script = path, .name = "", .level = "mandatory", .on_error = "deny",
        .isolation = isolation, .sha256 = "", .options_json = "", .doc_path = "chain.voters[0]"};
    const struct chain_voter_config *const voters[] = {&voter};
    const struct chain_config config = {.vote_timeout_ms = 5000, .voters = voters, .n_voters = 1,
                                        .base_dir = rig->folder};
    struct problems problems = {0};
    setenv("SLUICE_PLUGIN_HOST", SLUICE_BUILD_DIR "/bin/sluice-plugin-host", 1);
    struct inspectors *set = inspectors_load(&config, &rig->loop, NULL, &problems);
    if (!set)
        fail_msg("%s: %s", problems.items[0].path, problems.items[0].message);
    problems_free(&problems);
    free(path);
    return set;
}

/* From the next request on. */
static inline void judge_with(struct rig *rig, const char *flags, const char *body)
{
    struct inspectors *set = lua_inspectors_with(rig, "inline", flags, body);
    egress_set_inspectors(rig->proxy, set, NULL);
    inspectors_unref(set);
}

/* The same in a process of its own, whose answers come later. */
static inline void judge_alone_with(struct rig *rig, const char *flags, const char *body)
{
    struct inspectors *set = lua_inspectors_with(rig, "process", flags, body);
    egress_set_inspectors(rig->proxy, set, NULL);
    inspectors_unref(set);
}

#endif
