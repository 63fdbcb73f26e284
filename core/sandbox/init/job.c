/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that run: start, signal, reap. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"

enum { CODE_CANNOT_RUN = 126, CODE_NOT_FOUND = 127 };

struct job {
    struct job *next;
    uint32_t id;
    pid_t pid;                                      /* also its session and process group */
    int failure;                                   /* the child writes a struct failure, or execs */
    int unsent;                                     /* errno: its descriptors could not be passed */
    bool unannounced;                               /* its program may not run yet */
};

struct failure {
    int32_t code;
    char text[WIRE_TEXT_SIZE];
};

struct stdio {
    int inner[3];       /* the command's stdin, stdout, stderr; one descriptor may stand for all */
    int outer[3];                                   /* what the supervisor gets */
    size_t n_outer;
};

struct command {
    const char **argv, **env;
    const char *folder;
    uint32_t streams;                               /* enum exec_streams */
    uint16_t cols, rows;
};

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void stdio_close(const struct stdio *io)
{
    close_all(io->inner, io->inner[0] == io->inner[1] ? 1 : 3);
    close_all(io->outer, 3);
}

/* Made in here so that the terminal has its name in the sandbox's own /dev/pts. */
static int open_terminal(const struct command *command, struct stdio *io, char *reason)
{
    struct winsize size = {.ws_col = command->cols, .ws_row = command->rows};
    int unlock = 0;
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0)
        return init_reason(reason, "cannot open a terminal in the sandbox: %m");
    io->outer[0] = master;
    io->n_outer = 1;
    if (ioctl(master, TIOCSPTLCK, &unlock) != 0 || ioctl(master, TIOCSWINSZ, &size) != 0)
        return init_reason(reason, "cannot set up a terminal in the sandbox: %m");
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return init_reason(reason, "cannot open a terminal's other end: %m");
    io->inner[0] = io->inner[1] = io->inner[2] = slave;
    return 0;
}

/* Made in here too, so that the workload owns them and /dev/stdout can be opened again. */
static int open_pipes(struct stdio *io, char *reason)
{
    io->n_outer = 3;
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return init_reason(reason, "cannot make a pipe in the sandbox: %m");
        io->inner[i] = ends[i == 0 ? 0 : 1];
        io->outer[i] = ends[i == 0 ? 1 : 0];
    }
    return 0;
}

static int open_null(struct stdio *io, char *reason)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return init_reason(reason, "cannot open /dev/null in the sandbox: %m");
    io->inner[0] = io->inner[1] = io->inner[2] = fd;
    return 0;
}

static int open_streams(const struct command *command, struct stdio *io, char *reason)
{
    switch (command->streams) {
    case EXEC_TERMINAL:
        return open_terminal(command, io, reason);
    case EXEC_NO_STREAMS:
        return open_null(io, reason);
    default:
        return open_pipes(io, reason);
    }
}

static void attach(const struct stdio *io, bool tty)
{
    sigset_t none;
    /* bubblewrap was started with the supervisor's, which ignores SIGPIPE. */
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        signal(signal_number, SIG_DFL);
    setsid();
    if (tty)
        ioctl(io->inner[0], TIOCSCTTY, 0);
    for (int i = 0; i < 3; i++)
        dup2(io->inner[i], i);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The child is no PID 1: until it is the command, no signal is to end it. */
static pid_t fork_blocked(void)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid != 0)
        sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

static void run_child(const struct init *init, const struct command *command,
                      const struct stdio *io, int report)
{
    struct failure failure = {.code = CODE_CANNOT_RUN};
    attach(io, command->streams == EXEC_TERMINAL);
    if (init_enter(init, command->folder, failure.text) == 0) {
        environ = (char **)command->env;
        execvp(command->argv[0], (char **)command->argv);
        failure.code = errno == ENOENT ? CODE_NOT_FOUND : CODE_CANNOT_RUN;
        init_reason(failure.text, "cannot run %s: %m", command->argv[0]);
    }
    if (write(report, &failure, sizeof failure) < 0)
        _exit(CODE_CANNOT_RUN);
    _exit(failure.code);
}

static int read_command(struct body *body, struct command *out, char *reason)
{
    struct exec_body fixed;
    memcpy(&fixed, body->bytes, sizeof fixed);
    const char **argv = body_strings(body, fixed.n_argv);
    const char **env = body_strings(body, fixed.n_env);
    const char **folder = body_strings(body, 1);
    *out = (struct command){.argv = argv, .env = env, .folder = folder ? folder[0] : NULL,
                            .streams = fixed.streams, .cols = fixed.cols, .rows = fixed.rows};
    free(folder);
    if (argv && argv[0] && env && out->folder)
        return 0;
    return init_reason(reason, "a command came incomplete");
}

static pid_t fork_child(struct init *init, const struct command *command, struct stdio *io,
                        int *failure, char *reason)
{
    int report[2];
    if (open_streams(command, io, reason) != 0)
        return -1;
    if (pipe2(report, O_CLOEXEC | O_NONBLOCK) != 0)
        return init_reason(reason, "cannot make a pipe: %m");
    pid_t pid = fork_blocked();
    if (pid == 0)
        run_child(init, command, io, report[1]);
    close(report[1]);
    *failure = report[0];
    if (pid < 0) {
        close(report[0]);
        return init_reason(reason, "cannot fork in the sandbox: %m");
    }
    return pid;
}

/* A command whose descriptors nobody gets is ended; job_end tells why. */
static void announce(const struct init *init, struct job *job, const struct stdio *io)
{
    struct init_message started = {
        .version = WIRE_VERSION, .type = INIT_STARTED, .id = job->id, .value = job->pid};
    if (init_tell(init, &started, io->outer, io->n_outer) == 0)
        return;
    job->unsent = errno;
    kill(job->pid, SIGKILL);
}

void job_start(struct init *init, uint32_t id, int body_fd)
{
    char reason[WIRE_TEXT_SIZE];
    struct stdio io = {{-1, -1, -1}, {-1, -1, -1}, 0};
    struct command command = {0};
    struct body body;
    struct job *job = calloc(1, sizeof *job);
    bool opened = body_open(body_fd, sizeof(struct exec_body), &body, reason) == 0;
    pid_t pid = -1;
    if (!job)
        init_reason(reason, "cannot keep a command in mind: %m");
    else if (opened && read_command(&body, &command, reason) == 0)
        pid = fork_child(init, &command, &io, &job->failure, reason);
    if (pid > 0) {
        job->id = id;
        job->pid = pid;
        job->next = init->jobs;
        init->jobs = job;
        job->unannounced = command.streams == EXEC_NO_STREAMS;
        if (!job->unannounced)
            announce(init, job, &io);
    } else {
        free(job);
        init_send(init, INIT_EXITED, id, CODE_CANNOT_RUN, reason);
    }
    stdio_close(&io);
    free(command.argv);
    free(command.env);
    body_close(&body);
}

size_t job_watch(const struct init *init, struct pollfd *fds, size_t max)
{
    size_t n = 0;
    for (const struct job *job = init->jobs; job && n < max; job = job->next)
        if (job->unannounced)
            fds[n++] = (struct pollfd){.fd = job->failure, .events = POLLIN};
    return n;
}

/* A child that execs closes its end without a word; one that cannot writes why, for job_end. */
void job_announce(const struct init *init, const struct pollfd *fds, size_t n)
{
    const struct stdio none = {{-1, -1, -1}, {-1, -1, -1}, 0};
    for (size_t i = 0; i < n; i++)
        for (struct job *job = init->jobs; job && fds[i].revents; job = job->next)
            if (job->failure == fds[i].fd && job->unannounced) {
                job->unannounced = false;
                if (!(fds[i].revents & POLLIN))
                    announce(init, job, &none);
            }
}

void job_kill(const struct init *init, uint32_t id, int signal)
{
    for (const struct job *job = init->jobs; job; job = job->next)
        if (job->id == id)
            kill(-job->pid, signal);
}

static void job_end(const struct init *init, struct job *job, int status)
{
    struct failure failure = {0};
    if (job->unsent) {
        errno = job->unsent;
        init_reason(failure.text, "cannot pass the command's descriptors to the supervisor: %m");
        init_send(init, INIT_EXITED, job->id, CODE_CANNOT_RUN, failure.text);
    } else if (read(job->failure, &failure, sizeof failure) == (ssize_t)sizeof failure) {
        failure.text[WIRE_TEXT_SIZE - 1] = '\0';
        init_send(init, INIT_EXITED, job->id, failure.code, failure.text);
    } else {
        int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        init_send(init, INIT_EXITED, job->id, code, "");
    }
    close(job->failure);
    free(job);
}

void job_reap(struct init *init)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (struct job **at = &init->jobs; *at; at = &(*at)->next)
            if ((*at)->pid == pid) {
                struct job *job = *at;
                *at = job->next;
                job_end(init, job, status);
                break;
            }
}
