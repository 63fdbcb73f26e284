/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/launch_argv.h"

#include "base/arena.h"
#include "sandbox/argv.h"
#include "sandbox/launch.h"
#include "sandbox/spec.h"
#include "sandbox/view.h"
#include "sandbox/wire.h"

#include <unistd.h>

_Static_assert((int)LAUNCH_CHANNEL_FD == (int)WIRE_CHANNEL_FD, "init looks for its channel there");

/* Uid 0 of exactly one user namespace, which owns the network namespace: with another uid
 * bubblewrap would nest a second one, and the proxy's address could not be set (CAP_NET_ADMIN).
 * The workload gets its own namespace below from init; since Linux 5.12 it takes CAP_SETFCAP to map
 * uid 0 there.  CAP_SYS_ADMIN limits the terminals of /dev/pts.  Init gives all of them up before
 * the first command. */
static void add_namespaces(const struct launch_request *request, struct argv *argv)
{
    sandbox_argv_add(argv, "bwrap", "--unshare-user", "--unshare-all", "--uid", "0", "--gid", "0",
                     "--cap-add", "CAP_NET_ADMIN", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETFCAP", "--as-pid-1",
                     "--die-with-parent", "--new-session", "--clearenv", "--hostname",
                     request->spec->name, "--proc", "/proc", "--dev", "/dev", NULL);
}

static void add_entry(const struct view_entry *e, struct argv *argv)
{
    switch (e->kind) {
    case VIEW_READ_ONLY:
        sandbox_argv_add(argv, "--ro-bind", e->source, e->target, NULL);
        break;
    case VIEW_READ_WRITE:
        sandbox_argv_add(argv, "--bind", e->source, e->target, NULL);
        break;
    case VIEW_DEVICE:
        sandbox_argv_add(argv, "--dev-bind", e->source, e->target, NULL);
        break;
    case VIEW_LINK:
        sandbox_argv_add(argv, "--symlink", e->source, e->target, NULL);
        break;
    case VIEW_PRIVATE:
        sandbox_argv_add(argv, "--perms", "1777", "--tmpfs", e->target, NULL);
        break;
    case VIEW_MASK_FILE:
        sandbox_argv_add(argv, "--ro-bind", "/dev/null", e->target, NULL);
        break;
    case VIEW_MASK_FOLDER:
        sandbox_argv_add(argv, "--perms", "0555", "--tmpfs", e->target,
                         "--remount-ro", e->target, NULL);
        break;
    }
}

/* Its accounts instead of the host's: programs that ask who they are find themselves. */
static void add_accounts(const struct view *view, struct argv *argv)
{
    static const struct { const char *path; int fd; } files[] = {
        {"/etc/passwd", LAUNCH_PASSWD_FD}, {"/etc/group", LAUNCH_GROUP_FD},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (sandbox_view_shows(view, files[i].path) && access(files[i].path, F_OK) == 0)
            sandbox_argv_add(argv, "--perms", "0444", "--ro-bind-data",
                             arena_printf(argv->arena, "%d", files[i].fd), files[i].path, NULL);
}

void sandbox_launch_argv(const struct launch_request *request, struct argv *argv)
{
    const struct view *view = request->view;
    add_namespaces(request, argv);
    for (size_t i = 0; i < view->n_entries; i++)
        add_entry(&view->entries[i], argv);
    add_accounts(view, argv);
    sandbox_argv_add(argv, view->workdir_writable ? "--bind" : "--ro-bind", request->spec->workdir,
                     SANDBOX_WORKDIR, "--chdir", SANDBOX_WORKDIR,
                     /* The scaffold belongs to the host uid that the workload has too. */
                     "--remount-ro", "/dev", "--remount-ro", "/",
                     "--", arena_printf(argv->arena, "/proc/self/fd/%d", LAUNCH_INIT_FD), NULL);
}
