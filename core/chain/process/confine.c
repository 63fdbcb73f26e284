/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chain/process/calls.h"

enum {
    OWN_MB = 32,                                    /* what the host takes beside the voter */
    LIBRARIES_MB = 64, PROGRAM_MB = 128,            /* what may be mapped beside data */
    RESERVED_MB = 640, /* what Go sets aside of addresses, not memory */
    STACK_MB = 8,
};

/* ---- limits ---- */

/* In bytes: all that is mapped, and what of it is data.  Limits that are set count from there: with
 * AddressSanitizer it is terabytes. */
struct mapped {
    rlim_t all, data;
};

static int measure(struct mapped *out, struct error *err)
{
    unsigned long pages, data;
    FILE *file = fopen("/proc/self/statm", "re");
    int n = file ? fscanf(file, "%lu %*u %*u %*u %*u %lu", &pages, &data) : 0;
    if (file)
        fclose(file);
    if (n != 2)
        return error_set(err, ERROR_INTERNAL, "cannot read /proc/self/statm");
    rlim_t size = (rlim_t)sysconf(_SC_PAGESIZE);
    *out = (struct mapped){pages * size, data * size};
    return 0;
}

/* A limit that is lower already stays. */
static int limit(int what, rlim_t most, struct error *err)
{
    struct rlimit both;
    getrlimit((__rlimit_resource_t)what, &both);
    if (both.rlim_max > most)
        both.rlim_max = most;
    both.rlim_cur = both.rlim_max;
    return setrlimit((__rlimit_resource_t)what, &both) == 0
         ? 0 : error_errno(err, ERROR_INTERNAL, "cannot set a limit");
}

/* Data is not all that can be held, but the rest is mapped too: stacks, and pages that are no
 * longer to be written.  Memory that needs no mapping (files of the memory, segments, pipes) cannot
 * be had. */
static int set_limits(const struct mapped *before, uint32_t memory_mb, uint32_t mapped_mb,
                      struct error *err)
{
    const rlim_t data = (rlim_t)(memory_mb + OWN_MB) << 20;
    const struct { int what; rlim_t most; } limits[] = {
        {RLIMIT_CORE, 0}, {RLIMIT_CPU, CONFINE_CPU_SECONDS}, {RLIMIT_NOFILE, 64},
        {RLIMIT_FSIZE, 0}, {RLIMIT_MEMLOCK, 0}, {RLIMIT_MSGQUEUE, 0}, {RLIMIT_SIGPENDING, 0},
        {RLIMIT_STACK, (rlim_t)STACK_MB << 20}, {RLIMIT_DATA, before->data + data},
        {RLIMIT_AS, before->all + data + ((rlim_t)mapped_mb << 20)},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (limit(limits[i].what, limits[i].most, err) != 0)
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

bool confine_hides_files(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* The gateway warns of a kernel without Landlock. */
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

/* Limits last: those of a program to come need not be enough for this one. */
int confine(const char *const *folders, size_t n, uint32_t memory_mb, enum confine_for what,
            struct error *err)
{
    static const uint32_t mapped_mb[] = {
        [CONFINE_LIBRARY] = LIBRARIES_MB,
        [CONFINE_PROGRAM] = PROGRAM_MB,
        [CONFINE_THREADS] = PROGRAM_MB + RESERVED_MB,
    };
    struct mapped before = {0, 0};
    if ((what == CONFINE_LIBRARY && measure(&before, err) != 0) || drop_privileges(err) != 0 ||
        restrict_files(folders, n, err) != 0 || calls_restrict(what, err) != 0)
        return -1;
    return set_limits(&before, memory_mb, mapped_mb[what], err);
}
