/* SPDX-License-Identifier: Apache-2.0 */
/* The bubblewrap command line, and the descriptors it speaks of. */
#ifndef SANDBOX_CONTAINER_LAUNCH_ARGV_H
#define SANDBOX_CONTAINER_LAUNCH_ARGV_H

struct argv;
struct launch_request;

/* Descriptors as bubblewrap finds them; the channel keeps its number into init. */
enum { LAUNCH_CHANNEL_FD = 3, LAUNCH_INIT_FD, LAUNCH_FDS_END };

/* Appends to argv, which starts empty.  The texts live in its arena or in the request. */
void sandbox_launch_argv(const struct launch_request *request, struct argv *argv);

#endif
