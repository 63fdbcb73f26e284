/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"
#include "base/printable.h"

enum { OUTPUT_MAX = 64 << 20 };

static void redirect(int output)
{
    int empty = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(empty, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    if (empty > STDERR_FILENO)
        close(empty);
}

/* The end of the runner is noticed even if it came before prctl. */
static void child(int to, int output, pid_t runner, worker_fn fn, void *arg)
{
    const struct rlimit none = {0, 0}, output_max = {OUTPUT_MAX, OUTPUT_MAX};
    sigset_t nothing;
    sigemptyset(&nothing);
    sigprocmask(SIG_SETMASK, &nothing, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != runner)
        _exit(EXIT_FAILURE);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_FSIZE, &output_max);
    redirect(output);
    signal(SIGPIPE, SIG_IGN);
    fn(to, arg);
    fflush(NULL);
    _exit(EXIT_SUCCESS);
}

int worker_start(struct worker *worker, worker_fn fn, void *arg, struct error *err)
{
    int ends[2];
    *worker = (struct worker){.from = -1, .output = memfd_create("output", MFD_CLOEXEC)};
    if (worker->output < 0 || pipe2(ends, O_CLOEXEC) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot make a pipe to a voter's process");
    fflush(NULL);
    pid_t runner = getpid(), pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(ends[1], worker->output, runner, fn, arg);
    }
    int saved = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        errno = saved;
        return error_errno(err, ERROR_INTERNAL, "cannot start a process for a voter");
    }
    setpgid(pid, pid);                              /* here as well: whoever is first */
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    worker->pid = pid;
    worker->from = ends[0];
    return 0;
}

void worker_say(int to, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    size_t len = text ? strlen(text) : 0;
    json_decref(message);
    if (text)
        text[len++] = '\n';                         /* in the place of the NUL */
    if (io_write_all(to, text, len) != 0)
        _exit(EXIT_FAILURE);
    free(text);
}

int worker_read(struct worker *worker)
{
    enum { STEP = 65536 };
    buf_reserve(&worker->text, STEP);
    ssize_t n = read(worker->from, worker->text.data + worker->text.len, STEP);
    if (n > 0)
        worker->text.len += (size_t)n;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

json_t *worker_next(struct worker *worker)
{
    char *end = worker->text.len ? memchr(worker->text.data, '\n', worker->text.len) : NULL;
    if (!end)
        return NULL;
    size_t len = (size_t)(end - worker->text.data);
    json_t *message = json_loadb(worker->text.data, len, 0, NULL);
    buf_consume(&worker->text, len + 1);
    return message ? message : json_object();
}

static char *how(int status)
{
    if (WIFSIGNALED(status))
        return alloc_printf("signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status))
        return alloc_printf("it ended its process with status %d", WEXITSTATUS(status));
    return NULL;
}

char *worker_end(struct worker *worker)
{
    int status = 0;
    siginfo_t info;
    if (!worker->pid)
        return NULL;
    /* Its group goes before its number can be given to another process. */
    while (waitid(P_PID, (id_t)worker->pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        continue;
    kill(-worker->pid, SIGKILL);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    worker->pid = 0;
    return how(status);
}

void worker_kill(struct worker *worker)
{
    if (worker->pid)
        kill(-worker->pid, SIGKILL);
}

char *worker_output(const struct worker *worker, size_t max)
{
    off_t size = lseek(worker->output, 0, SEEK_END);
    size_t len = size < 0 ? 0 : (size_t)size < max ? (size_t)size : max;
    char *bytes = alloc_bytes(len + 1);
    ssize_t n = pread(worker->output, bytes, len, size - (off_t)len);
    struct buf text = {0};
    printable_escape(&text, bytes, n > 0 ? (size_t)n : 0, "\t\n");
    free(bytes);
    return buf_take(&text);
}

void worker_close(struct worker *worker)
{
    worker_kill(worker);
    free(worker_end(worker));
    if (worker->from >= 0)
        close(worker->from);
    if (worker->output >= 0)
        close(worker->output);
    buf_free(&worker->text);
    *worker = (struct worker){.from = -1, .output = -1};
}
