/* SPDX-License-Identifier: Apache-2.0 */
/* The decisions that a gateway has on record, read for plugin replay.
 *
 * Ownership: replay_source_begin fills a struct that replay_source_end empties; the decisions live
 * as long. */
#ifndef CLI_PLUGIN_REPLAY_SOURCE_H
#define CLI_PLUGIN_REPLAY_SOURCE_H

#include "cli/cli.h"
#include "testkit/replay.h"

struct replay_source {
    struct cli *cli;
    struct arena *arena;
    json_t *list;                                   /* of the gateway, newest first */
    json_t *policies;                               /* {hash: index into known} */
    struct policy **known;
    size_t n_known;
    json_t *first; /* {sandbox: hash of its creation-time policy} */
    json_t *sandboxes;                              /* {name: the gateway's answer, or null} */
    struct replay_decision *decisions;
    size_t n, unknown, gone; /* unknown: left out, their policies are not kept */
};

void replay_source_begin(struct replay_source *h, struct cli *cli);
/* Those that --sandbox and --since name, oldest first.  Returns the exit code. */
int replay_source_read(struct replay_source *h);
void replay_source_end(struct replay_source *h);

/* The exit code; *out: the sandbox as voters see it, without labels if it is gone. */
int replay_source_sandbox(struct replay_source *h, const char *name, bool running,
                          const struct sluice_sandbox **out);
/* The gateway's answer to a GET of path, which is freed; NULL with the exit code: EXIT_DONE where
 * there is no such thing. */
json_t *replay_source_get(const struct cli *cli, char *path, int *code);

/* A bar on stderr, if that is a terminal. */
void replay_source_progress(const struct cli *cli, const char *what, size_t done, size_t n);

#endif
