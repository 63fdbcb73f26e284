/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { OWN_MB = 32 };                               /* what the host takes beside the voter */

/* ---- limits ---- */

static int limit(int what, rlim_t most, struct error *err)
{
    const struct rlimit both = {most, most};
    return setrlimit((__rlimit_resource_t)what, &both) == 0
         ? 0 : error_errno(err, ERROR_INTERNAL, "cannot set a limit");
}

static int set_limits(uint32_t memory_mb, struct error *err)
{
    const rlim_t data = (rlim_t)(memory_mb + OWN_MB) << 20;
    if (limit(RLIMIT_CORE, 0, err) != 0 || limit(RLIMIT_CPU, CONFINE_CPU_SECONDS, err) != 0 ||
        limit(RLIMIT_NOFILE, 64, err) != 0 || limit(RLIMIT_MEMLOCK, 0, err) != 0 ||
        limit(RLIMIT_MSGQUEUE, 0, err) != 0)
        return -1;
    /* AddressSanitizer reserves terabytes.  The address space is the wider limit: it counts what is
     * mapped and never touched. */
    if (!SANITIZED && (limit(RLIMIT_DATA, data, err) != 0 ||
                       limit(RLIMIT_AS, data + (512u << 20), err) != 0))
        return -1;
    return 0;
}

/* ---- privileges ---- */

static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};
    for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    syscall(SYS_capset, &header, none);
}

/* New namespaces are a second wall behind the filter of system calls; a gateway that is not root
 * has only the filter, because in a user namespace of its own files of root would no longer be
 * seen to be root's. */
static int drop_privileges(struct error *err)
{
    if (geteuid() == 0)
        (void)!unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
    drop_capabilities();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot give up privileges");
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return 0;
}

/* ---- files ---- */

static void let_read(int ruleset, const char *path)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                          LANDLOCK_ACCESS_FS_EXECUTE,
        .parent_fd = open(path, O_PATH | O_CLOEXEC),
    };
    if (rule.parent_fd < 0)
        return;
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        /* A file, not a folder. */
        rule.allowed_access &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    close(rule.parent_fd);
}

/* A kernel without Landlock leaves the voter able to read what the gateway's user may read. */
static int restrict_files(const char *const *folders, size_t n, struct error *err)
{
    static const char *const system[] = {"/usr", "/lib", "/lib64", "/etc/ld.so.cache",
                                         "/etc/localtime", "/dev/null", "/dev/urandom",
                                         "/proc/self/maps"};
    const struct landlock_ruleset_attr all = {
        /* Everything of Landlock's first version: no right that an older kernel does not know. */
        .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
    };
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all.handled_access_fs, 0);
    if (ruleset < 0)
        return 0;
    for (size_t i = 0; i < sizeof system / sizeof *system; i++)
        let_read(ruleset, system[i]);
    for (size_t i = 0; i < n; i++)
        let_read(ruleset, folders[i]);
    int rc = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
    close(ruleset);
    return rc == 0 ? 0 : error_errno(err, ERROR_INTERNAL, "cannot restrict access to files");
}

/* ---- system calls ---- */

/* What computing, loading a library and speaking over open descriptors takes. */
static const int allowed[] = {
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
    SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(lstat),
    SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(statfs), SCMP_SYS(access),
    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd), SCMP_SYS(getdents64), SCMP_SYS(fcntl), SCMP_SYS(ftruncate),
    SCMP_SYS(memfd_create), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
    SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
    SCMP_SYS(brk), SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday),
    SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
    SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrusage), SCMP_SYS(getrlimit),
    SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(set_robust_list),
    SCMP_SYS(set_tid_address), SCMP_SYS(rseq), SCMP_SYS(arch_prctl), SCMP_SYS(restart_syscall),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
    SCMP_SYS(recvmsg), SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
};

/* Nothing that asks for these does so by accident. */
static const int deadly[] = {
    SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(clone), SCMP_SYS(execveat),
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
    SCMP_SYS(io_uring_setup), SCMP_SYS(bpf), SCMP_SYS(unshare),
    SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(pivot_root),
    SCMP_SYS(chroot), SCMP_SYS(keyctl), SCMP_SYS(userfaultfd), SCMP_SYS(perf_event_open),
};

/* Closing on exec, and asking whether a descriptor is a terminal. */
static const unsigned long requests[] = {FIOCLEX, FIONCLEX, TCGETS};

static int add_rules(scmp_filter_ctx filter, bool exec)
{
    const unsigned writing = O_ACCMODE | O_CREAT | O_TRUNC;
    const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid());
    int rc = 0;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        rc |= seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
    rc |= seccomp_rule_add(filter, exec ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS,
                           SCMP_SYS(execve), 0);
    /* glibc falls back to clone, which is deadly. */
    rc |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    rc |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0);
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
                           SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                               SCMP_A1(SCMP_CMP_EQ, requests[i]));
    /* abort() and raise(); reading a limit. */
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, self);
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, self);
    rc |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0));
    return rc;
}

static int restrict_calls(bool exec, struct error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter ? add_rules(filter, exec) : -ENOMEM;
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc == 0 ? 0 : error_set(err, ERROR_INTERNAL, "cannot restrict system calls");
}

int confine(const char *const *folders, size_t n, uint32_t memory_mb, bool exec,
            struct error *err)
{
    if (set_limits(memory_mb, err) != 0 || drop_privileges(err) != 0 ||
        restrict_files(folders, n, err) != 0)
        return -1;
    return restrict_calls(exec, err);
}
