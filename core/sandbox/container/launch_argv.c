/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/container/launch_argv.h"

#include "base/arena.h"
#include "sandbox/container/argv.h"
#include "sandbox/container/launch.h"
#include "sandbox/wire/spec.h"
#include "sandbox/wire/wire.h"

_Static_assert((int)LAUNCH_CHANNEL_FD == (int)WIRE_CHANNEL_FD, "init looks for its channel there");

/* Uid 0 of exactly one user namespace, which owns the network namespace: with another uid
 * bubblewrap would nest a second one, and the proxy's address could not be set (CAP_NET_ADMIN).
 * Init builds the file tree (CAP_SYS_ADMIN) from the host's, which it finds at WIRE_HOST and lets
 * go of, binds the resolver's port (CAP_NET_BIND_SERVICE), and limits the terminals of /dev/pts.
 * The workload gets its own namespace below from init; since Linux 5.12 it takes CAP_SETFCAP to map
 * uid 0 there.  Init gives all of them up before the first command. */
void sandbox_launch_argv(const struct launch_request *request, struct argv *argv)
{
    sandbox_argv_add(argv, "bwrap", "--unshare-user", "--unshare-all", "--uid", "0", "--gid", "0",
                     "--cap-add", "CAP_NET_ADMIN", "--cap-add", "CAP_NET_BIND_SERVICE", "--cap-add",
                     "CAP_SETFCAP", "--cap-add", "CAP_SYS_ADMIN", "--as-pid-1", "--die-with-parent",
                     "--new-session", "--clearenv", "--hostname", request->spec->name, "--proc",
                     "/proc", "--dev", "/dev", "--dev-bind", "/", WIRE_HOST, "--",
                     arena_printf(argv->arena, "/proc/self/fd/%d", LAUNCH_INIT_FD), NULL);
}
