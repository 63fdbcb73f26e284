/* SPDX-License-Identifier: Apache-2.0 */
/* A rule in Lua that judges requests. */
#ifndef TESTS_SUPPORT_JUDGE_H
#define TESTS_SUPPORT_JUDGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/problems.h"
#include "chain/inspect/inspect.h"

/* A voter whose inspect function has this body, and which sees 4 KiB of bodies; folder: for its
 * file. */
static inline struct inspectors *lua_inspectors_at(uv_loop_t *loop, const char *folder,
                                                   const char *isolation, const char *flags,
                                                   const char *body)
{
    char *path = alloc_printf("%s/judge.lua", folder);
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
                                        .base_dir = folder};
    struct problems problems = {0};
    setenv("SLUICE_PLUGIN_HOST", SLUICE_BUILD_DIR "/bin/sluice-plugin-host", 1);
    struct inspectors *set = inspectors_load(&config, loop, NULL, &problems);
    if (!set)
        fail_msg("%s: %s", problems.items[0].path, problems.items[0].message);
    problems_free(&problems);
    free(path);
    return set;
}

#endif
