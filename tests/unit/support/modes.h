/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a test program again as somebody else: an ordinary user, or the root of a user namespace
 * that knows no other id.  The program and the binaries it needs are copied to where they can be
 * reached. */
#ifndef TESTS_SUPPORT_MODES_H
#define TESTS_SUPPORT_MODES_H

#include "base/alloc.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* NULL: as it was started. */
static inline const char *mode_name(void)
{
    return getenv("MODE_NAME");
}

static inline const char *mode_program(const char *name, char out[256])
{
    const char *folder = getenv("MODE_BIN");
    snprintf(out, 256, "%s/%s", folder ? folder : SLUICE_BUILD_DIR "/bin", name);
    return out;
}

static inline int mode_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    ssize_t done = fd < 0 ? -1 : write(fd, text, strlen(text));
    if (fd >= 0)
        close(fd);
    return done < 0 ? -1 : 0;
}

static inline int mode_user(void)
{
    return setgroups(0, NULL) == 0 && setresgid(1000, 1000, 1000) == 0 &&
                   setresuid(1000, 1000, 1000) == 0 ? 0 : -1;
}

static inline int mode_namespace_root(void)
{
    char uid_map[32], gid_map[32];
    snprintf(uid_map, sizeof uid_map, "0 %u 1", getuid());
    snprintf(gid_map, sizeof gid_map, "0 %u 1", getgid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
                   mode_write("/proc/self/setgroups", "deny") == 0 &&
                   mode_write("/proc/self/uid_map", uid_map) == 0 &&
                   mode_write("/proc/self/gid_map", gid_map) == 0
               ? 0
               : -1;
}

static inline int mode_sh(char *command)
{
    int rc = system(command);
    free(command);
    return rc;
}

/* The program's file goes by its name: behind /proc/PID/exe valgrind shows itself. */
static inline int mode_run(const char *name, int (*become)(void))
{
    char folder[] = "/tmp/sluice-mode-XXXXXX", program[64];
    int status = 0;
    char *self = realpath("/proc/self/exe", NULL);
    if (!self || !mkdtemp(folder) ||
        mode_sh(alloc_printf("chmod 755 %s && cp %s %s/test && cp " SLUICE_BUILD_DIR
                             "/bin/sluice-init " SLUICE_BUILD_DIR "/bin/sluice-supervisor %s",
                             folder, self, folder, folder)) != 0)
        return 1;
    free(self);
    snprintf(program, sizeof program, "%s/test", folder);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("MODE_BIN", folder, 1);
        setenv("MODE_NAME", name, 1);
        if (become() == 0)
            execl(program, program, (char *)NULL);
        perror(name);
        _exit(1);
    }
    waitpid(pid, &status, 0);
    int rc = mode_sh(alloc_printf("/bin/rm -rf %s", folder));
    return pid < 0 || rc != 0 || WIFSIGNALED(status) ? 1 : WEXITSTATUS(status);
}

/* Runs the tests as started, then in the other ways this user can be somebody else.  The number of
 * failures. */
static inline int mode_run_all(int (*tests)(const char *group))
{
    if (mode_name())
        return tests(mode_name());
    int failed = tests("as started");
    if (geteuid() == 0)
        failed += mode_run("as an ordinary user", mode_user);
    return failed + mode_run("as root of a user namespace", mode_namespace_root);
}

#endif
