/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/unset.h"

enum { PIPE_BYTES = 64 * 1024 };                    /* that a pipe holds */

static const char program[] = "sluice-plugin-host";

/* Beside the program that runs, unless SLUICE_PLUGIN_HOST says otherwise.  The caller frees it. */
static char *host_path(struct error *err)
{
    char self[4096];
    const char *named = getenv("SLUICE_PLUGIN_HOST");
    if (named && *named)
        return alloc_str(named);
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) {
        error_errno(err, ERROR_INTERNAL, "cannot find %s: /proc/self/exe", program);
        return NULL;
    }
    self[len] = '\0';
    *strrchr(self, '/') = '\0';
    return alloc_printf("%s/%s", self, program);
}

static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETSID);
}

static int spawn(const char *path, const struct command *command, int socket, int messages,
                 pid_t *pid)
{
    char *const alone[] = {(char *)(uintptr_t)program, NULL};
    char *const environment[] = {NULL};
    char *const *arguments = command ? (char *const *)(uintptr_t)command->host_arguments : alone;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    set_attributes(&attributes);
    posix_spawn_file_actions_init(&actions);
    /* The descriptors were moved above those they become, so that no step overwrites another. */
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, messages, 2);
    posix_spawn_file_actions_adddup2(&actions, socket, CHILD_SOCKET);
    posix_spawn_file_actions_addclosefrom_np(&actions, CHILD_SOCKET + 1);
    int rc = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

/* A descriptor of the same thing above 3; closes the old one. */
static int move_up(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, CHILD_SOCKET + 1);
    close(fd);
    return moved;
}

int child_start(struct child *child, const struct command *command, struct error *err)
{
    int sockets[2], pipes[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot make a socket pair");
    if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0) {
        error_errno(err, ERROR_INTERNAL, "cannot make a pipe");
        close(sockets[0]);
        close(sockets[1]);
        return -1;
    }
    int theirs = move_up(sockets[1]), messages = move_up(pipes[1]);
    char *path = host_path(err);
    int rc = path ? spawn(path, command, theirs, messages, &child->pid) : -1;
    if (rc > 0)
        error_set(err, ERROR_INTERNAL, "cannot start %s: %s", path, strerror(rc));
    free(path);
    close(theirs);
    close(messages);
    child->socket = sockets[0];
    child->messages = pipes[0];
    if (rc == 0)
        return 0;
    close(child->socket);
    close(child->messages);
    *child = (struct child)CHILD_NONE;
    return -1;
}

bool child_is_idle(const struct child *child)
{
    struct pollfd poller = {.fd = child->socket, .events = POLLIN};
    return child->socket >= 0 && poll(&poller, 1, 0) == 0;
}

/* A line of the host's own log has time, level and voter in front, which the gateway's log has
 * too. */
static const char *strip_prefix(const char *line, const char *voter)
{
    const char *at = strstr(line, program);
    if (!at || at[sizeof program - 1] != ':')
        return line;
    at += sizeof program + 1;
    size_t len = strlen(voter);
    bool named = strncmp(at, "voter ", 6) == 0 && strncmp(at + 6, voter, len) == 0
                 && strncmp(at + 6 + len, ": ", 2) == 0;
    return named ? at + 6 + len + 2 : at;
}

void child_pass_messages(struct child *child, const char *voter, const struct log *log)
{
    UNSET char bytes[CHILD_LOG_LINES * CHILD_LOG_BYTES + 1];
    char *save = NULL;
    ssize_t n = child->messages >= 0 ? read(child->messages, bytes, sizeof bytes - 1) : 0;
    if (n <= 0)
        return;
    bytes[n] = '\0';
    char *line = strtok_r(bytes, "\n", &save);
    for (int i = 0; line && i < CHILD_LOG_LINES; i++, line = strtok_r(NULL, "\n", &save)) {
        const char *text = strip_prefix(line, voter);
        log_info(log, "voter %s: %.*s", voter, CHILD_LOG_BYTES, text);
        snprintf(child->said, sizeof child->said, "%s", text);
    }
    /* As much as a pipe holds: who writes without end holds nobody up. */
    UNSET char rest[4096];
    for (int i = 0; i < PIPE_BYTES / (int)sizeof rest; i++)
        if (read(child->messages, rest, sizeof rest) <= 0)
            break;
}

static bool describe_end(int status, struct buf *how)
{
    struct buf ignored = {0};
    struct buf *out = how ? how : &ignored;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        buf_puts(
            out,
            "it was killed because it called what voters may not, such as fork, exec or a thread");
    else if (WIFSIGNALED(status))
        buf_printf(out, "it was killed by signal %d (%s)", WTERMSIG(status),
                   strsignal(WTERMSIG(status)));
    else
        buf_printf(out, "it ended with code %d", WEXITSTATUS(status));
    buf_free(&ignored);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void child_finish(const struct child *child)
{
    struct pollfd poller = {.fd = child->socket, .events = 0};
    if (child->socket < 0)
        return;
    shutdown(child->socket, SHUT_WR);
    poll(&poller, 1, CHILD_FINI_MS);                /* its end closes the socket */
}

bool child_end(struct child *child, struct buf *how)
{
    int status = 0;
    if (child->socket < 0)
        return true;
    /* How a process that is ending already ended is not changed by this. */
    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(child->socket);
    close(child->messages);
    *child = (struct child)CHILD_NONE;
    return describe_end(status, how);
}
