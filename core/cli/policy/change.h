/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that read or change a sandbox's policy share. */
#ifndef CLI_POLICY_CHANGE_H
#define CLI_POLICY_CHANGE_H

#include "cli/cli.h"

char *policy_path(const char *sandbox, const char *rest);           /* the caller frees it */
/* JSON is sent as JSON, so that problems are reported for JSON; everything else is YAML. */
const char *policy_media_type(const char *file, const struct buf *text);

/* The headers that describe a change.  They live as long as the request. */
struct intent {
    char *reason, *revision, *signature;
};

/* Those that the command line asks for, into the first of call->headers.  An exit code after saying
 * what is wrong, or -1.  Always to be followed by intent_free. */
int intent_read(const struct cli *cli, struct call *call, struct intent *out);
void intent_free(struct intent *intent);

/* Prints what differs between two revisions; 0: the newest.  An exit code. */
int policy_diff_revisions(const struct cli *cli, const char *sandbox, long from, long to);

#endif
