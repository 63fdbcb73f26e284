/* SPDX-License-Identifier: Apache-2.0 */
/* The requests on record that a chain's voters would refuse or hold, for plugin replay. */
#ifndef CLI_PLUGIN_REPLAY_REQUESTS_H
#define CLI_PLUGIN_REPLAY_REQUESTS_H

#include "cli/plugin/replay_source.h"

/* What is on record of a request is its program, host, port, method, path and call; rule, query,
 * headers and body are not.  Prints those that differ, unless the output is JSON,
 * and adds them to out as "requests".  Returns the exit code. */
int replay_recorded_requests(struct replay_source *h, const struct stage_settings *settings,
                             json_t *out);

#endif
