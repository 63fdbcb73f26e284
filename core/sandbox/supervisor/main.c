/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/standard.h"
#include "sandbox/container/idmap.h"
#include "sandbox/host/agent.h"
#include "sandbox/supervisor/supervisor.h"
#include "sandbox/wire/spec.h"

enum { EXIT_USAGE = 2 };

static int usage(FILE *out, int code)
{
    fputs("usage: sluice-supervisor --spec FILE [--delete-work]\n"
          "       sluice-supervisor host --gateway URL[,URL]... --token-file FILE\n"
          "       sluice-supervisor --version\n"
          "\n"
          "Runs one sandbox, or deletes its work folder where that takes its subordinate uid.\n"
          "sluiced starts it and writes FILE; nobody needs to do so by hand.\n"
          "host: lets a gateway run sandboxes on this machine (sluice-supervisor host --help).\n",
          out);
    return code;
}

/* The workload's requests are in it. */
enum { LOG_FILE_MAX = 8 * 1024 * 1024 };

/* Held as long as this process lives, so that the gateway can tell; and who holds it is written in
 * it, for a gateway that finds nobody to talk to. */
static int take_lock(const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, ERROR_INTERNAL, "cannot open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        error_errno(err, ERROR_STATE, "another supervisor runs this sandbox: %s", path);
    else if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
        error_errno(err, ERROR_IO, "cannot write %s", path);
    else
        return 0;
    close(fd);
    return -1;
}

static int supervise(const char *path, struct log *log)
{
    struct sandbox_spec spec;
    struct error err;
    struct arena *arena = arena_new();
    int code = 1;
    if (sandbox_spec_read(path, arena, &spec, &err) != 0 || take_lock(spec.lock, &err) != 0) {
        log_error(log, "%s", err.text);
    } else {
        log->json = spec.log_json;
        if (spec.log_level && log_level_parse(spec.log_level, &log->level) != 0)
            log_warn(log, "unknown log level %s: info is used", spec.log_level);
        code = sandbox_supervise(&spec, log);
    }
    arena_free(arena);
    return code;
}

/* What a workload wrote as a subordinate uid is not the user's to delete, but root's of a namespace
 * that has both. */
static int delete_work(const char *path, struct log *log)
{
    struct sandbox_spec spec;
    struct error err;
    struct arena *arena = arena_new();
    if (sandbox_spec_read(path, arena, &spec, &err) == 0 && take_lock(spec.lock, &err) == 0 &&
        (!spec.sub_uid || geteuid() == 0 ||
         sandbox_idmap_enter(spec.sub_uid, spec.sub_gid, &err) == 0)) {
        execl("/bin/rm", "rm", "-rf", "--one-file-system", "--", spec.workdir, (char *)NULL);
        error_errno(&err, ERROR_INTERNAL, "cannot run /bin/rm");
    }
    log_error(log, "%s", err.text);
    arena_free(arena);
    return 1;
}

static int run_host(int argc, char **argv, struct log *log)
{
    log->program = "sluice-supervisor host";
    log->file_max = 0;
    signal(SIGPIPE, SIG_IGN);
    standard_streams();
    standard_open_files();
    standard_no_core_dumps();
    umask(077);
    return host_command(argc, argv, log);
}

int main(int argc, char **argv)
{
    struct log log = {.fd = STDERR_FILENO, .level = LOG_INFO, .program = "sluice-supervisor",
                      .file_max = LOG_FILE_MAX};
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("sluice-supervisor " SLUICE_VERSION);
        return 0;
    }
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return usage(stdout, 0);
    if (argc == 4 && strcmp(argv[1], "--spec") == 0 && strcmp(argv[3], "--delete-work") == 0)
        return delete_work(argv[2], &log);
    if (argc > 1 && strcmp(argv[1], "host") == 0)
        return run_host(argc - 1, argv + 1, &log);
    if (argc != 3 || strcmp(argv[1], "--spec") != 0)
        return usage(stderr, EXIT_USAGE);
    signal(SIGPIPE, SIG_IGN);
    standard_open_files();
    standard_no_core_dumps();
    mallopt(M_ARENA_MAX, 2);
    return supervise(argv[2], &log);
}
