/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/new_file.h"
#include "cli/plugin/bundle/bundle.h"

/* A gateway loads nothing from a folder that others may write, whatever the umask. */
static int make_folder(int below, const char *name, struct error *err)
{
    if (mkdirat(below, name, 0755) == 0 ? fchmodat(below, name, 0755, 0) == 0 : errno == EEXIST)
        return 0;
    return error_errno(err, ERROR_IO, "cannot make the folder %s", name);
}

static int make_folders(int below, const char *name, struct arena *arena, struct error *err)
{
    int rc = 0;
    for (const char *slash = strchr(name, '/'); slash && rc == 0; slash = strchr(slash + 1, '/'))
        rc = make_folder(below, arena_strn(arena, name, (size_t)(slash - name)), err);
    return rc;
}

int bundle_unpack(const struct bundle *bundle, const char *folder, struct error *err)
{
    int rc = 0, below = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0)
        return error_errno(err, ERROR_IO, "cannot open the folder %s", folder);
    for (size_t i = 0; i < bundle->n && rc == 0; i++) {
        const struct bundle_file *file = &bundle->files[i];
        mode_t mode = file->executable ? 0755 : 0644;
        rc = make_folders(below, file->name, bundle->arena, err);
        if (rc == 0 &&
            (!new_file(below, file->name, mode, buf_str(&file->bytes), file->bytes.len) ||
             fchmodat(below, file->name, mode, 0) != 0))
            rc = error_errno(err, ERROR_IO, "cannot write %s/%s", folder, file->name);
    }
    close(below);
    return rc;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

int folder_remove(const char *folder, struct error *err)
{
    enum { OPEN_MAX_AT_ONCE = 16 };
    if (nftw(folder, remove_one, OPEN_MAX_AT_ONCE, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return 0;
    return error_errno(err, ERROR_IO, "cannot remove %s", folder);
}
