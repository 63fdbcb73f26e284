/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/container/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "sandbox/container/argv.h"
#include "sandbox/container/launch_argv.h"
#include "sandbox/container/workload_identity.h"
#include "sandbox/wire/spec.h"
#include "sandbox/wire/wire.h"

/* Every descriptor a launch needs, -1 until it is open. */
struct files {
    int inherited[LAUNCH_FDS_END];                  /* by the number bubblewrap finds them at */
    int channel, complaints;                        /* our own ends */
};

static void files_close_inherited(struct files *files)
{
    for (int i = 1; i < LAUNCH_FDS_END; i++)
        if (files->inherited[i] >= 0 && i != STDERR_FILENO)
            close(files->inherited[i]);
}

static void files_close(struct files *files)
{
    files_close_inherited(files);
    if (files->channel >= 0)
        close(files->channel);
    if (files->complaints >= 0)
        close(files->complaints);
}

static int open_channel(struct files *files)
{
    int pair[2], on = 1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    files->channel = pair[0];
    files->inherited[LAUNCH_CHANNEL_FD] = pair[1];
    /* Init's pid, as we see it, comes with what it sends. */
    return setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
                   fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : -1;
}

static int open_complaints(struct files *files)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    files->complaints = ends[0];
    files->inherited[STDOUT_FILENO] = files->inherited[STDERR_FILENO] = ends[1];
    return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static int open_files(const struct launch_request *request, struct files *files, struct error *err)
{
    const char *init = request->spec->init;
    *files = (struct files){.channel = -1, .complaints = -1};
    memset(files->inherited, -1, sizeof files->inherited);
    files->inherited[LAUNCH_INIT_FD] = open(init, O_PATH | O_CLOEXEC);
    if (files->inherited[LAUNCH_INIT_FD] < 0)
        return error_errno(err, ERROR_INTERNAL, "cannot find sluice-init at %s", init);
    if (open_channel(files) != 0 || open_complaints(files) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot open what a sandbox needs");
    return 0;
}

/* Puts every descriptor at its number.  They are first moved out of the way of each other. */
static int place_files(const struct files *files)
{
    int moved[LAUNCH_FDS_END];
    for (int i = 1; i < LAUNCH_FDS_END; i++)
        if ((moved[i] = fcntl(files->inherited[i], F_DUPFD, LAUNCH_FDS_END)) < 0)
            return -1;
    for (int i = 1; i < LAUNCH_FDS_END; i++)
        if (dup2(moved[i], i) < 0)
            return -1;
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        return -1;
    return close_range(LAUNCH_FDS_END, ~0U, 0);
}

/* Init is ended before its supervisor where memory runs out, and a workload before init.  Written
 * with the supervisor's rights, which bind the workload where they are root's. */
static void raise_oom_score(void)
{
    enum { MORE = 300, MAX = 1000 };
    int own = 0;
    FILE *file = fopen("/proc/self/oom_score_adj", "r+e");
    if (!file)
        return;
    if (fscanf(file, "%d", &own) == 1) {
        rewind(file);
        fprintf(file, "%d", own + MORE < MAX ? own + MORE : MAX);
    }
    fclose(file);
}

/* In the child; what goes wrong is one line on stderr, the complaints. */
static void run_child(const struct launch_request *request, const struct files *files,
                      const struct argv *argv, pid_t parent)
{
    char *env[] = {NULL};
    struct error err;
    raise_oom_score();
    if (place_files(files) != 0) {
        perror("cannot prepare the sandbox");
    } else if (request->host_uid != geteuid() &&
               workload_identity_switch(request->host_uid, request->spec->workdir, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
    } else if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent) {
        /* bwrap asks for the same, but later: a supervisor killed before that would leave it. */
        execve(request->spec->bwrap, (char **)argv->items, env);
        fprintf(stderr, "cannot run %s: %s: install bubblewrap and restart the gateway\n",
                request->spec->bwrap, strerror(errno));
    }
    _exit(1);
}

static int start_bubblewrap(const struct launch_request *request, const struct argv *argv,
                            struct files *files, struct launch *out, struct error *err)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        run_child(request, files, argv, parent);
    if (pid < 0)
        return error_errno(err, ERROR_INTERNAL, "cannot fork");
    files_close_inherited(files);
    close(files->inherited[STDERR_FILENO]);
    *out = (struct launch){.pid = pid, .channel = files->channel, .complaints = files->complaints};
    return 0;
}

int sandbox_launch(const struct launch_request *request, struct launch *out, struct error *err)
{
    struct files files;
    struct arena *arena = arena_new();
    struct argv argv = {.arena = arena};
    int rc = open_files(request, &files, err);
    if (rc == 0) {
        sandbox_launch_argv(request, &argv);
        rc = start_bubblewrap(request, &argv, &files, out, err);
    }
    if (rc != 0)
        files_close(&files);
    arena_free(arena);
    return rc;
}

/* --- why it failed --------------------------------------------------------------------------- */

static bool is_zero(const char *path)
{
    int value = -1;
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%d", &value) != 1)
        value = -1;
    if (file)
        fclose(file);
    return value == 0;
}

static const char *no_namespace(void)
{
    if (is_zero("/proc/sys/kernel/unprivileged_userns_clone"))
        return "only root may make user namespaces here: sysctl kernel.unprivileged_userns_clone=1 "
               "lets everybody";
    if (is_zero("/proc/sys/user/max_user_namespaces"))
        return "user namespaces are switched off here: sysctl user.max_user_namespaces";
    return "no user namespace can be made here, as below a chroot or in a container that forbids "
           "it";
}

static const char *no_rights(void)
{
    return "the user namespace has no rights here: AppArmor (sysctl "
           "kernel.apparmor_restrict_unprivileged_userns) or the container restricts it";
}

static const char *no_proc(void)
{
    return "/proc is partly masked here, as in many containers, so the sandbox cannot have its "
           "own: "
           "run the container with an unmasked /proc";
}

/* What bubblewrap says, and what that means where it runs. */
static const struct { const char *words; const char *(*meaning)(void); } meanings[] = {
    {"No permissions to create new namespace", no_namespace},
    {"Creating new namespace failed", no_namespace},
    {"setting up uid map", no_rights},
    {"Can't mount proc", no_proc},
};

void sandbox_launch_explain(const char *complaints, struct error *err)
{
    if (*complaints == '\0')
        complaints = "bubblewrap ended without a word";
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strstr(complaints, meanings[i].words)) {
            error_set(err, ERROR_UNSUPPORTED, "no sandbox can be made: %s (%s)",
                      meanings[i].meaning(), complaints);
            return;
        }
    error_set(err, ERROR_UPSTREAM, "no sandbox can be made: %s", complaints);
}
