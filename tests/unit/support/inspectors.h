/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy whose requests a rule in Lua judges. */
#ifndef TESTS_SUPPORT_INSPECTORS_H
#define TESTS_SUPPORT_INSPECTORS_H

#include "support/inspected.h"
#include "support/judge.h"

static inline struct inspectors *lua_inspectors_with(struct rig *rig, const char *isolation,
                                                     const char *flags, const char *body)
{
    return lua_inspectors_at(&rig->loop, rig->folder, isolation, flags, body);
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
