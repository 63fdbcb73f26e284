/* SPDX-License-Identifier: Apache-2.0 */
/* The sandboxes of this gateway: their supervisors, streams and commands.
 *
 * A sandbox's record in the store is the truth about what it should be; this is about what runs.
 * Loop thread only, except sandboxes_push. */
#ifndef RUNTIME_SANDBOXES_H
#define RUNTIME_SANDBOXES_H

#include "api/api.h"
#include "gateway/config.h"

struct sandboxes;

struct sandboxes_setup {
    uv_loop_t *loop;
    const struct log *log;
    struct store *store;
    struct updates *updates;                        /* their observers are those of observers.h from now on */
    struct drafts *drafts;
    struct jobs *jobs;
    struct events *events;
    struct api_counts *counts;
    const struct gateway_config *config;
    const struct gateway_flags *flags;
    const char *gateway_address;                    /* what supervisors connect to */
};

struct sandboxes *sandboxes_new(const struct sandboxes_setup *setup);
/* Later starts keep their workloads from the files of this configuration.  Any thread. */
void sandboxes_configure(struct sandboxes *all, const struct gateway_config *config);
/* Finds the sandboxes on record again: those whose supervisor lives come back by themselves, the
 * others are marked as stopped.  Before the server listens; blocks. */
int sandboxes_adopt(struct sandboxes *all, struct error *err);
/* A sandbox has a new revision.  Any thread; takes a reference of the policy. */
void sandboxes_push(struct sandboxes *all, const char *sandbox_id, uint64_t revision,
                    struct policy *policy);
/* Nobody waits any longer for a sandbox to come up: supervisors cannot reach this gateway any more. */
void sandboxes_drain(struct sandboxes *all);
/* Ends every supervisor (on_exit: stop), then calls done. */
void sandboxes_stop_all(struct sandboxes *all, void (*done)(void *ctx), void *ctx);
/* Forgets them; supervisors that live go on.  Frees when its handles are closed. */
void sandboxes_close(struct sandboxes *all);

/* What sandboxes can have of this host; the texts live as long as the sandboxes. */
void sandboxes_host(const struct sandboxes *all, struct api_host *out);
/* The id of the sandbox whose supervisor has this token, or NULL.  ctx: struct sandboxes *. */
const char *sandboxes_by_token(void *ctx, const char *token);

extern const struct api_sandboxes sandboxes_api;    /* ctx: struct sandboxes * */

#endif
