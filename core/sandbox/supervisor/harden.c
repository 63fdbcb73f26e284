/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/harden.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

/* To borrow sockets of the workload and read its memory and /proc/PID/exe while it waits in
 * connect, to walk to the gateway's own files once more, and to end bubblewrap. */
static const unsigned kept[] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_KILL};

/* What a supervisor never does, and whoever took it over would: mount, load code into the
 * kernel. */
static const int refused[] = {
    SCMP_SYS(mount), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick),
    SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(pivot_root), SCMP_SYS(umount2),
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(init_module),
    SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
};

static bool is_kept(unsigned cap)
{
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (kept[i] == cap)
            return true;
    return false;
}

static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct have[2];
    if (syscall(SYS_capget, &header, have) != 0)
        return -1;
    for (unsigned cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        if (is_kept(cap))
            continue;
        /* Without CAP_SETPCAP the bounding set stays, which no_new_privs makes harmless. */
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
        have[CAP_TO_INDEX(cap)].effective &= ~CAP_TO_MASK(cap);
        have[CAP_TO_INDEX(cap)].permitted &= ~CAP_TO_MASK(cap);
    }
    have[0].inheritable = have[1].inheritable = 0;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return (int)syscall(SYS_capset, &header, have);
}

static int load_filter(void)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    int rc = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < sizeof refused / sizeof *refused; i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    if (rc == 0)
        rc = seccomp_load(ctx);
    if (ctx)
        seccomp_release(ctx);
    errno = -rc;
    return rc == 0 ? 0 : -1;
}

int sandbox_harden(struct error *err)
{
    int rc = 0;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        rc = error_errno(err, ERROR_INTERNAL, "cannot keep others from reading this process");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        rc = error_errno(err, ERROR_INTERNAL, "cannot give up new privileges");
    if (drop_capabilities() != 0)
        rc = error_errno(err, ERROR_INTERNAL, "cannot drop capabilities");
    if (load_filter() != 0)
        rc = error_errno(err, ERROR_INTERNAL, "cannot load the supervisor's own seccomp filter");
    return rc;
}
