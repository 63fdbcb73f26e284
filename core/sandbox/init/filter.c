/* SPDX-License-Identifier: Apache-2.0 */
/* The workload's seccomp filter: everything is allowed but the rows below. */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

/* Debian 12's kernel has it, its headers do not. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct refusal {
    int syscall, error;
    struct scmp_arg_cmp when[2];                    /* an op of 0 ends them */
};

#define NEVER(name)             {SCMP_SYS(name), EPERM, {{0}}}
#define NEVER_WITH(name, ...)   {SCMP_SYS(name), EPERM, {__VA_ARGS__}}
/* The kernel looks at 32 bits of these arguments, so the upper half must not hide a match. */
#define EQ(n, value)            {n, SCMP_CMP_MASKED_EQ, 0xffffffff, value}
#define NE(n, value)            {n, SCMP_CMP_NE, value, 0}
#define HAS(n, bits)            {n, SCMP_CMP_MASKED_EQ, bits, bits}

static const struct refusal refusals[] = {
    /* code that never was a file */
    NEVER(memfd_create),
    NEVER_WITH(execveat, HAS(4, AT_EMPTY_PATH)),
    /* other processes */
    NEVER(ptrace), NEVER(process_vm_readv), NEVER(process_vm_writev),
    NEVER(pidfd_open), NEVER(pidfd_getfd), NEVER(pidfd_send_signal),
    NEVER(process_madvise), NEVER(process_mrelease), NEVER(kcmp),
    /* init, which may have the workload's host uid: its limits, its share of the processors, its
     * queue of signals, where its memory lies */
    NEVER_WITH(prlimit64, EQ(0, 1)),
    NEVER_WITH(sched_setscheduler, EQ(0, 1)), NEVER_WITH(sched_setparam, EQ(0, 1)),
    NEVER_WITH(sched_setattr, EQ(0, 1)), NEVER_WITH(sched_setaffinity, EQ(0, 1)),
    NEVER_WITH(setpriority, EQ(0, PRIO_PROCESS), EQ(1, 1)),
    NEVER_WITH(setpriority, EQ(0, PRIO_PGRP), EQ(1, 1)),
    NEVER_WITH(setpriority, EQ(0, PRIO_USER)),
    NEVER_WITH(ioprio_set, EQ(0, IOPRIO_WHO_PROCESS), EQ(1, 1)),
    NEVER_WITH(ioprio_set, EQ(0, IOPRIO_WHO_PGRP), EQ(1, 1)),
    NEVER_WITH(ioprio_set, EQ(0, IOPRIO_WHO_USER)),
    NEVER_WITH(migrate_pages, EQ(0, 1)), NEVER_WITH(move_pages, EQ(0, 1)),
    NEVER_WITH(kill, EQ(0, 1)), NEVER_WITH(tkill, EQ(0, 1)), NEVER_WITH(tgkill, EQ(0, 1)),
    NEVER_WITH(rt_sigqueueinfo, EQ(0, 1)), NEVER_WITH(rt_tgsigqueueinfo, EQ(0, 1)),
    /* mounts and namespaces */
    NEVER(mount), NEVER(umount2), NEVER(pivot_root), NEVER(setns),
    NEVER(fsopen), NEVER(fsconfig), NEVER(fsmount), NEVER(fspick), NEVER(move_mount),
    NEVER(open_tree), NEVER(mount_setattr),
    NEVER_WITH(unshare, HAS(0, CLONE_NEWUSER)),
    NEVER_WITH(clone, HAS(0, CLONE_NEWUSER)),
    /* clone3 hides its flags in memory: libc falls back to clone when there is none */
    {SCMP_SYS(clone3), ENOSYS, {{0}}},
    /* large, young or privileged parts of the kernel */
    NEVER(bpf), NEVER(perf_event_open), NEVER(userfaultfd), NEVER(io_uring_setup),
    NEVER(io_uring_enter), NEVER(io_uring_register),
    NEVER_WITH(seccomp, EQ(0, SECCOMP_SET_MODE_FILTER)),
    /* keyrings belong to no namespace */
    NEVER(keyctl), NEVER(add_key), NEVER(request_key),
    /* connections that are opened without connect, which is watched */
    {SCMP_SYS(sendto), EOPNOTSUPP, {HAS(3, MSG_FASTOPEN)}},
    {SCMP_SYS(sendmsg), EOPNOTSUPP, {HAS(2, MSG_FASTOPEN)}},
    {SCMP_SYS(sendmmsg), EOPNOTSUPP, {HAS(3, MSG_FASTOPEN)}},
    /* netlink: routes may be read, the rest (audit, diagnostics, netfilter) may not */
    NEVER_WITH(socket, EQ(0, AF_NETLINK), NE(2, 0)),
};

static int add_refusals(scmp_filter_ctx ctx)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        unsigned n = 0;
        while (n < 2 && r->when[n].op != 0)
            n++;
        rc =
            seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO((unsigned)r->error), r->syscall, n, r->when);
    }
    return rc;
}

static int refuse_family(scmp_filter_ctx ctx, enum scmp_compare op, unsigned family)
{
    const struct scmp_arg_cmp when = {0, op, family, 0};
    return seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, &when);
}

/* Socket families are named by what is allowed: the list of those that had holes keeps growing. */
static int add_families(scmp_filter_ctx ctx)
{
    int rc = 0;
    for (unsigned family = 0; rc == 0 && family < AF_NETLINK; family++)
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
            rc = refuse_family(ctx, SCMP_CMP_EQ, family);
    /* The last row also catches a family with bits above 32. */
    return rc == 0 ? refuse_family(ctx, SCMP_CMP_GT, AF_NETLINK) : rc;
}

/* libseccomp writes a program only to a file. */
static int export(scmp_filter_ctx ctx, struct sock_fprog *out)
{
    struct stat st;
    int fd = memfd_create("filter", MFD_CLOEXEC);
    int rc = fd < 0 ? -1 : seccomp_export_bpf(ctx, fd);
    if (rc == 0 && fstat(fd, &st) == 0) {
        out->filter = malloc((size_t)st.st_size);
        out->len = (unsigned short)((size_t)st.st_size / sizeof *out->filter);
        if (!out->filter || pread(fd, out->filter, (size_t)st.st_size, 0) != st.st_size)
            rc = -1;
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

int init_filter(struct sock_fprog *out, char *reason)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    int rc = ctx ? add_refusals(ctx) : -ENOMEM;
    if (rc == 0)
        rc = add_families(ctx);
    if (rc == 0)
        rc = export(ctx, out);
    if (ctx)
        seccomp_release(ctx);
    if (rc == 0)
        return 0;
    errno = rc < -1 ? -rc : errno;
    return init_reason(reason, "cannot make the seccomp filter: %m");
}

static int install_listener(const struct sock_fprog *program, char *reason)
{
    /* A caller that was received waits for its answer whatever signals come, but for a deadly
     * one. */
    unsigned flags =
        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
    if (fd < 0 && errno == EBUSY)
        init_reason(reason, "the container's own seccomp filter has a listener already, so the "
                            "sandbox's connects cannot be watched: run it without that");
    else if (fd < 0)
        init_reason(reason, "cannot watch the sandbox's connects (seccomp notifications need Linux "
                            "5.19): %m");
    return fd;
}

/* Init loads it itself, as there is one listener for a filter and all of its heirs.  What a command
 * loads on top can only be stricter: a refusal wins over a notification. */
int init_watch_connects(int *listener, char *reason)
{
    struct sock_fprog program = {0};
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    int rc = ctx ? seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(connect), 0) : -ENOMEM;
    if (rc == 0)
        rc = export(ctx, &program);
    if (ctx)
        seccomp_release(ctx);
    if (rc != 0) {
        errno = rc < -1 ? -rc : errno;
        return init_reason(reason, "cannot make the filter that watches connects: %m");
    }
    *listener = install_listener(&program, reason);
    free(program.filter);
    return *listener < 0 ? -1 : 0;
}
