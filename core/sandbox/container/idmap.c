/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/container/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#define NEWUIDMAP "/usr/bin/newuidmap"
#define NEWGIDMAP "/usr/bin/newgidmap"

static int run_mapper(const char *program, pid_t pid, uint32_t own, uint32_t sub)
{
    char texts[3][16];
    snprintf(texts[0], sizeof texts[0], "%d", (int)pid);
    snprintf(texts[1], sizeof texts[1], "%u", own);
    snprintf(texts[2], sizeof texts[2], "%u", sub);
    char *argv[] = {(char *)program, texts[0], (char *)"0", texts[1], (char *)"1",
                    (char *)"1", texts[2], (char *)"1", NULL};
    char *env[] = {NULL};
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        if (null >= 0)
            dup2(null, STDERR_FILENO);
        execve(program, argv, env);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

/* In a process that stays in the namespace above: waits until pid is in the one below. */
static int map_for(pid_t pid, int entered, uint32_t sub_uid, uint32_t sub_gid)
{
    char byte;
    if (read(entered, &byte, 1) != 1)
        return 1;
    if (run_mapper(NEWUIDMAP, pid, getuid(), sub_uid) != 0)
        return 2;
    return run_mapper(NEWGIDMAP, pid, getgid(), sub_gid) != 0 ? 3 : 0;
}

static int explain(int code, uint32_t sub_uid, uint32_t sub_gid, struct error *err)
{
    switch (code) {
    case 0:
        return 0;
    case 2:
        return error_set(err, ERROR_UNSUPPORTED,
                         NEWUIDMAP " cannot map uid %u: /etc/subuid has to give it to this user, "
                                   "and the program has to be setuid root",
                         sub_uid);
    case 3:
        return error_set(err, ERROR_UNSUPPORTED,
                         NEWGIDMAP " cannot map gid %u: /etc/subgid has to give it to this user, "
                                   "and the program has to be setuid root",
                         sub_gid);
    default:
        return error_set(err, ERROR_UNSUPPORTED, "no user namespace can be made here");
    }
}

int sandbox_idmap_enter(uint32_t sub_uid, uint32_t sub_gid, struct error *err)
{
    int entered[2], status = 1 << 8;
    pid_t own = getpid();
    if (pipe2(entered, O_CLOEXEC) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot make a pipe");
    pid_t mapper = fork();
    if (mapper == 0) {
        close(entered[1]);
        signal(SIGCHLD, SIG_DFL);
        _exit(map_for(own, entered[0], sub_uid, sub_gid));
    }
    if (mapper > 0 && unshare(CLONE_NEWUSER) == 0)
        (void)!write(entered[1], "x", 1);
    close(entered[0]);
    close(entered[1]);
    while (mapper > 0 && waitpid(mapper, &status, 0) < 0 && errno == EINTR)
        continue;
    return explain(WIFEXITED(status) ? WEXITSTATUS(status) : 1, sub_uid, sub_gid, err);
}

int sandbox_idmap_try(uint32_t sub_uid, uint32_t sub_gid, struct error *err)
{
    int status = 1 << 8;
    struct error ignored;
    pid_t child = fork();
    if (child == 0) {
        int code = 1;
        if (access(NEWUIDMAP, X_OK) != 0 || access(NEWGIDMAP, X_OK) != 0)
            code = 4;
        else if (sandbox_idmap_enter(sub_uid, sub_gid, &ignored) == 0)
            code = 0;
        else if (strstr(ignored.text, NEWUIDMAP))
            code = 2;
        else if (strstr(ignored.text, NEWGIDMAP))
            code = 3;
        _exit(code);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
        return error_set(err, ERROR_UNSUPPORTED, "there is no " NEWUIDMAP ": install uidmap");
    return explain(WIFEXITED(status) ? WEXITSTATUS(status) : 1, sub_uid, sub_gid, err);
}
