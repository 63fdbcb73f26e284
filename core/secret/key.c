/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/io.h"

static int make_key(int fd, const char *path, struct secret_key *out, struct error *err)
{
    if (getrandom(out->bytes, sizeof out->bytes, 0) != (ssize_t)sizeof out->bytes)
        return error_errno(err, ERROR_IO, "cannot make the key %s: no random numbers", path);
    if (lseek(fd, 0, SEEK_SET) != 0 || io_write_all(fd, out->bytes, sizeof out->bytes) != 0 ||
        fsync(fd) != 0)
        return error_errno(err, ERROR_IO, "cannot write the key %s", path);
    return 0;
}

/* One byte more than a key has is read, so that a longer file is noticed. */
static ssize_t read_key(int fd, struct secret_key *out)
{
    unsigned char bytes[SECRET_KEY_BYTES + 1];
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    if (n == SECRET_KEY_BYTES)
        memcpy(out->bytes, bytes, sizeof out->bytes);
    explicit_bzero(bytes, sizeof bytes);
    return n;
}

static int check_length(ssize_t n, const char *path, struct error *err)
{
    if (n < 0)
        return error_errno(err, ERROR_IO, "cannot read the key %s", path);
    if (n == SECRET_KEY_BYTES)
        return 0;
    return error_set(err, ERROR_INVALID,
                     "the key %s does not have %d bytes: put the right file there; without it no "
                     "stored credential can be opened", path, SECRET_KEY_BYTES);
}

int secret_key_from_file(int fd, const char *path, struct secret_key *out, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_errno(err, ERROR_IO, "cannot read the key %s", path);
    if (st.st_mode & 077)
        return error_set(err, ERROR_FORBIDDEN,
                         "others may read the key %s (mode %04o): run chmod 600 on it, and rotate "
                         "the credentials if somebody did", path, (unsigned)st.st_mode & 07777);
    ssize_t n = read_key(fd, out);
    return n == 0 ? make_key(fd, path, out, err) : check_length(n, path, err);
}

int secret_key_from_systemd(struct secret_key *out, struct error *err)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (!folder || *folder != '/')
        return 0;
    char *path = alloc_printf("%s/" SECRET_KEY_CREDENTIAL, folder);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), rc = 0;
    struct stat st;
    if (fd < 0 && errno != ENOENT)
        rc = error_errno(err, ERROR_IO, "cannot open the key %s", path);
    if (fd >= 0) {
        /* The service manager may show an access list as rights of the group. */
        bool open_to_others = fstat(fd, &st) != 0 || (st.st_mode & 07);
        rc = open_to_others ? error_set(err, ERROR_FORBIDDEN, "others may read the key %s", path)
                            : check_length(read_key(fd, out), path, err);
        close(fd);
        rc = rc == 0 ? 1 : rc;
    }
    free(path);
    return rc;
}
