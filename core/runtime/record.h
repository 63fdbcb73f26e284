/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a new sandbox, made of what somebody asks for.  Pure, any thread. */
#ifndef RUNTIME_RECORD_H
#define RUNTIME_RECORD_H

#include "runtime/runtime.h"
#include "runtime/services.h"

enum { SANDBOX_NAME_MAX = 19 };

struct sandbox_wanted {
    const char *name;                               /* "": one is made up */
    const char *network;                            /* "proxy" or "none" */
    const char *approval_mode;                      /* "manual" or "auto" */
    const char *labels_json, *env_json;             /* objects of texts; "" when not written */
    const char *memory;                             /* such as 512M; "": not written */
    double cpus;                                    /* 0: not written */
    int64_t pids;                                   /* 0: not written */
    int64_t hold_ms;                                /* 0: none */
    bool agent_proposals;
    bool observe;
    const char *host;                               /* "": not written (hosts/hosts.h) */
    const struct sandbox_exec *main;                /* its main process; NULL: none */
    const char *image;                              /* that was asked for; NULL: none */
};

/* What of a sandbox may be changed. */
struct sandbox_changes {
    const char *labels_json;                        /* null takes a label away; "": not written */
    const char *approval_mode;                      /* "": not written */
    bool has_hold, has_proposals;                   /* whether the next two are written */
    int64_t hold_ms;
    bool agent_proposals;
    const char *share_with;                         /* the name of whoever it is; NULL: nobody */
    const char *share_role;                         /* "": it ends */
    const struct sandbox_service *expose;           /* NULL: none */
    const char *unexpose;                           /* the name of a service; NULL: none */
};

/* What runtime_set_settings does, and in which arena. */
struct settings_change {
    const char *sandbox;                            /* its name */
    const char *id; /* which it must have; NULL: any */
    const struct sandbox_changes *changes;
    const char *actor;                              /* who asks for it */
    bool may_leave_ceilings; /* labels may change so that a ceiling applies no longer */
    struct arena *arena;
    struct problems *problems;                      /* of the changes, where err is ERROR_INVALID */
    struct store_sandbox record;
};

/* In the arena.  What is no name, label, environment or limit, or a limit that this host cannot
 * enforce, becomes a problem at the path of its member. */
void sandbox_record_make(const struct sandbox_wanted *wanted, const struct runtime_host *host,
                         struct arena *arena, struct store_sandbox *out, struct problems *problems);
/* The same of labels alone, also of those of something else. */
void sandbox_labels_check(const char *labels_json, struct arena *arena, struct problems *problems);
/* Applies changes to the record, in the arena. */
void sandbox_record_change(const struct sandbox_changes *changes, struct arena *arena,
                           struct store_sandbox *record, struct problems *problems);

#endif
