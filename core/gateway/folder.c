/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

static int make_folders(const char *path, mode_t mode, const char *what, struct error *err)
{
    char *copy = alloc_str(path);
    int rc = 0;
    for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST) {
            rc = error_errno(err, ERROR_IO, "cannot make the %s folder %s (at %s)", what, path, copy);
            break;
        }
        if (!slash)
            break;
        *slash = '/';
    }
    free(copy);
    return rc;
}

static int hold(int fd, const char *path, const char *where, const char *flag, struct error *err)
{
    if (fd < 0)
        return error_errno(err, ERROR_IO, "cannot open the %s %s", where, path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        error_set(err, ERROR_EXISTS, "another sluiced works in the %s %s: stop it, or give this one its own with %s", where,
                  path, flag);
    else
        error_errno(err, ERROR_IO, "cannot lock the %s %s", where, path);
    close(fd);
    return -1;
}

int folder_take(const char *path, struct error *err)
{
    if (make_folders(path, 0700, "state", err) != 0)
        return -1;
    return hold(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path, "state folder", "--state-dir", err);
}

int folder_take_store(const char *url, struct error *err)
{
    const char *path = strchr(url, ':') + 1;
    return hold(open(path, O_RDONLY | O_CLOEXEC), path, "store", "--store", err);
}

int folder_for_sockets(const struct gateway_config *config, struct error *err)
{
    static const char unix_scheme[] = "unix:";
    int rc = 0;
    for (size_t i = 0; i < config->n_listen && rc == 0; i++) {
        if (strncmp(config->listen[i], unix_scheme, strlen(unix_scheme)) != 0)
            continue;
        char *path = alloc_str(config->listen[i] + strlen(unix_scheme)), *folder = dirname(path);
        rc = make_folders(folder, 0755, "socket", err);
        free(path);
    }
    return rc;
}
