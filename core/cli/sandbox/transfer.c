/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox upload and download: OpenSSH's sftp, which makes no links of what it copies. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/sandbox/ssh.h"

enum { PATH_BYTES_MAX = 1000, DEPTH_MAX = 128 };    /* sftp cuts a line of 2 KiB */

/* A word of an sftp command.  Wildcards in quotes stand for themselves. */
static void add_path(struct buf *batch, const char *path)
{
    buf_puts(batch, *path == '-' ? " \"./" : " \"");
    for (; *path; path++) {
        if (*path == '"' || *path == '\\')
            buf_putc(batch, '\\');
        buf_putc(batch, *path);
    }
    buf_putc(batch, '"');
}

static int check_path(const struct cli *cli, const char *path)
{
    if (!*path || strlen(path) > PATH_BYTES_MAX)
        return usage_error(cli, "a path has from 1 to %d bytes", PATH_BYTES_MAX);
    if (strpbrk(path, "\r\n"))
        return usage_error(cli, "a path with a line end cannot be copied: copy the folder it is "
                                "in");
    return -1;
}

/* Ctrl-C is for sftp, and what it leaves behind is cleaned up. */
static int run_sftp(const struct cli *cli, const char *name, const char *command,
                    const char *from, const char *to)
{
    static const char *const words[] = {"-b", "-", "sandbox", NULL};
    struct buf batch = {0};
    buf_puts(&batch, command);
    add_path(&batch, from);
    add_path(&batch, to);
    buf_putc(&batch, '\n');
    int code = EXIT_REFUSED, input = memfd_create("batch", MFD_CLOEXEC);
    if (input < 0 || dprintf(input, "%s", batch.data) != (int)batch.len ||
        lseek(input, 0, SEEK_SET) != 0) {
        complain("cannot tell sftp what to copy: %s", strerror(errno));
    } else {
        signal(SIGINT, SIG_IGN);
        code = ssh_run(cli, name, "sftp", words, input);
        signal(SIGINT, SIG_DFL);
    }
    if (input >= 0)
        close(input);
    buf_free(&batch);
    return code;
}

int cmd_sandbox_upload(struct cli *cli)
{
    if (cli->n_operands < 2 || cli->n_operands > 3)
        return usage_error(cli, "give the sandbox, what to copy and, perhaps, where to");
    const char *name = sandbox_operand(cli, 0), *local = cli->operands[1];
    const char *remote = cli->n_operands > 2 ? cli->operands[2] : "/sandbox";
    struct stat st;
    int code = check_path(cli, local);
    if (code < 0)
        code = check_path(cli, remote);
    if (code < 0 && stat(local, &st) != 0) {
        complain("cannot read %s: %s", local, strerror(errno));
        code = EXIT_USAGE;
    }
    if (code < 0)
        code = ssh_find_sandbox(cli, name);
    return code < 0 ? run_sftp(cli, name, "@put -r", local, remote) : code;
}

/* ---- download ---- */

/* What is copied arrives in a new folder beside its target and is moved from there, because sftp
 * would follow links that are in the target.  The folder is held open: who may write beside it,
 * such as the sandbox, could put another one in its place. */
struct download {
    char *folder, *name;                            /* the target */
    char *stage;
    int stage_fd;
};

static int not_moved(const char *name, const char *why)
{
    complain("%s was not written: %s", name, why);
    return EXIT_REFUSED;
}

static int move(int from, int to, const char *name, const char *as, int depth);

static int move_folder(int from, int to, const char *name, const char *as, int depth)
{
    int code = EXIT_DONE;
    int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0 || (mkdirat(to, as, 0777) != 0 && errno != EEXIST)) {
        code = not_moved(as, strerror(errno));
        if (in >= 0)
            close(in);
        return code;
    }
    int out = openat(to, as, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fdopendir(in);
    if (out < 0)
        code = not_moved(as, "what is there is no folder, or a link, which is not followed");
    for (struct dirent *e; code == EXIT_DONE && dir && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            code = move(in, out, e->d_name, e->d_name, depth + 1);
    if (dir)
        closedir(dir);
    if (out >= 0)
        close(out);
    return code;
}

static int move(int from, int to, const char *name, const char *as, int depth)
{
    struct stat st;
    if (depth > DEPTH_MAX)
        return not_moved(as, "its folders lie too deep");
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return not_moved(as, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return move_folder(from, to, name, as, depth);
    if (!S_ISREG(st.st_mode) || renameat(from, name, to, as) == 0)
        return EXIT_DONE;
    return not_moved(as, strerror(errno));
}

static int move_all(const struct download *d)
{
    int to = open(d->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (to < 0)
        return not_moved(d->name, strerror(errno));
    int code = move(d->stage_fd, to, "copy", d->name, 0);
    close(to);
    return code;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)at;
    if (type == FTW_DP || type == FTW_D || type == FTW_DNR)
        rmdir(path);
    else
        unlink(path);
    return 0;
}

/* The last name of a path; "" where that names no entry of a folder. */
static char *last_name(const char *path)
{
    size_t end = strlen(path), begin;
    while (end && path[end - 1] == '/')
        end--;
    for (begin = end; begin && path[begin - 1] != '/'; begin--)
        continue;
    char *name = alloc_strn(path + begin, end - begin);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        *name = '\0';
    return name;
}

static char *folder_of(const char *path)
{
    size_t end = strlen(path);
    while (end && path[end - 1] == '/')
        end--;
    while (end && path[end - 1] != '/')
        end--;
    return end ? alloc_strn(path, end) : alloc_str(".");
}

static int find_target(const struct cli *cli, const char *remote, const char *local,
                       struct download *out)
{
    struct stat st;
    bool into = stat(local, &st) == 0 && S_ISDIR(st.st_mode);
    out->folder = into ? alloc_str(local) : folder_of(local);
    out->name = last_name(into ? remote : local);
    if (!*out->name)
        return usage_error(cli, "name what to copy, or a target that does not exist yet");
    out->stage = alloc_printf("%s/.sluice-XXXXXX", out->folder);
    if (mkdtemp(out->stage))
        out->stage_fd = open(out->stage, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (out->stage_fd >= 0)
        return -1;
    complain("cannot write to %s: %s", out->folder, strerror(errno));
    return EXIT_REFUSED;
}

int cmd_sandbox_download(struct cli *cli)
{
    if (cli->n_operands < 2 || cli->n_operands > 3)
        return usage_error(cli, "give the sandbox, what to copy and, perhaps, where to");
    const char *name = sandbox_operand(cli, 0), *remote = cli->operands[1];
    const char *local = cli->n_operands > 2 ? cli->operands[2] : ".";
    struct download d = {.stage_fd = -1};
    int code = check_path(cli, remote);
    if (code < 0)
        code = check_path(cli, local);
    if (code < 0)
        code = ssh_find_sandbox(cli, name);
    if (code < 0)
        code = find_target(cli, remote, local, &d);
    if (code < 0) {
        char *copy = alloc_printf("/proc/%d/fd/%d/copy", (int)getpid(), d.stage_fd);
        code = run_sftp(cli, name, "@get -r", remote, copy);
        if (code == EXIT_DONE)
            code = move_all(&d);
        free(copy);
        close(d.stage_fd);
        nftw(d.stage, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    free(d.folder);
    free(d.name);
    free(d.stage);
    return code;
}
