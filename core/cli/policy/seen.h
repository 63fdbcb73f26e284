/* SPDX-License-Identifier: Apache-2.0 */
/* What is on record of a sandbox's permitted requests.
 * Ownership: the texts live until seen_free. */
#ifndef CLI_POLICY_SEEN_H
#define CLI_POLICY_SEEN_H

#include "cli/cli.h"
#include "policy/learn/seen.h"

struct seen {
    int64_t from_ms, to_ms;                         /* only what was seen in this time */
    struct policy_seen *items;
    size_t n;
    json_t *json;
};

/* --from and --to.  An exit code after saying what is wrong, or -1. */
int seen_options(const struct cli *cli, struct seen *out);
/* An exit code: what has no row of its own in that time is refused. */
int seen_read(const struct cli *cli, const char *name, struct seen *out);
void seen_free(struct seen *seen);
/* Its texts and port. */
json_t *seen_encode(const struct policy_seen *seen);
/* Whether the gateway has no such sandbox any more, but what it did. */
bool seen_is_deleted(const struct cli *cli, const char *name);

#endif
