/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chain/process/calls.h"

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

int confine(const char *const *folders, size_t n, uint32_t memory_mb, bool exec,
            struct error *err)
{
    if (set_limits(memory_mb, err) != 0 || drop_privileges(err) != 0 ||
        restrict_files(folders, n, err) != 0)
        return -1;
    return calls_restrict(exec, err);
}
