/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a gateway (LD_PRELOAD): counts each call that changes a file below TORTURE_FOLDER,
 * and at the call with the number TORTURE_AT does what TORTURE_MODE says:
 *
 *   kill   ends the process before the call
 *   torn   ends it after half of the write
 *   power  as if the power failed: what was written and not synced is undone, then as kill
 *   lies   the same of a disk that syncs nothing: what was answered is lost, and checks have to see
 * it full   this call and all after it fail with ENOSPC, those that need room broken the same with
 * EIO, those that sync too short  every write from here on writes half, which is no error
 *
 * The number of calls is written to TORTURE_COUNT when the process ends in order.  Files that are
 * made, renamed or removed are taken to be durable at once: only their bytes can be lost. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum mode { NONE, KILL, TORN, POWER, LIES, FULL, BROKEN, SHORT };

static struct {
    const char *folder, *count_file;
    size_t folder_len;
    enum mode mode;
    unsigned long at, n;
    pid_t pid;                                      /* children are left alone */
} torture;
static bool ends(void)
{
    return torture.mode == KILL || torture.mode == TORN || torture.mode == POWER ||
           torture.mode == LIES;
}

static bool remembers(void)
{
    return torture.mode == POWER || torture.mode == LIES;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name)                                            \
    static __typeof__(name) *real;                            \
    if (!real)                                                \
        real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
    static const char *const modes[] = {
        [NONE] = "none", [KILL] = "kill", [TORN] = "torn", [POWER] = "power", [LIES] = "lies",
        [FULL] = "full", [BROKEN] = "broken", [SHORT] = "short"};
    const char *mode = getenv("TORTURE_MODE"), *at = getenv("TORTURE_AT");
    torture.folder = getenv("TORTURE_FOLDER");
    torture.count_file = getenv("TORTURE_COUNT");
    torture.folder_len = torture.folder ? strlen(torture.folder) : 0;
    torture.at = at ? strtoul(at, NULL, 10) : 0;
    torture.pid = getpid();
    for (size_t i = 0; mode && i < sizeof modes / sizeof *modes; i++)
        if (strcmp(mode, modes[i]) == 0)
            torture.mode = (enum mode)i;
    unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void end(void)
{
    FILE *out = torture.count_file && getpid() == torture.pid ? fopen(torture.count_file, "w")
                                                              : NULL;
    if (out) {
        fprintf(out, "%lu\n", torture.n);
        fclose(out);
    }
}

static bool is_below(const char *path)
{
    return torture.folder_len && strncmp(path, torture.folder, torture.folder_len) == 0 &&
           path[torture.folder_len] == '/';
}

/* Regular files alone: sockets and pipes are no storage. */
static bool is_ours(int fd)
{
    char link[64], path[4096];
    struct stat st;
    int saved = errno;
    bool ours = false;
    if (torture.folder_len && getpid() == torture.pid && fstat(fd, &st) == 0 &&
        S_ISREG(st.st_mode)) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof path - 1);
        path[n > 0 ? n : 0] = '\0';
        ours = is_below(path);
    }
    errno = saved;
    return ours;
}

/* ---- what was written since it was synced ---- */

struct undo {
    struct undo *next;
    off_t at, size;                                 /* size: of the file before */
    size_t len;
    char bytes[];                                   /* that were there */
};

/* Its descriptor stays open, as closing it would drop the locks of the process on the file. */
static struct file {
    struct file *next;
    dev_t dev;
    ino_t ino;
    int fd;
    struct undo *undo;
} *files;

static struct file *file_of(int fd)
{
    struct stat st;
    char link[64];
    if (fstat(fd, &st) != 0)
        return NULL;
    struct file *f = files;
    while (f && (f->dev != st.st_dev || f->ino != st.st_ino))
        f = f->next;
    if (f)
        return f;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    f = calloc(1, sizeof *f);
    f->next = files;
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->fd = open(link, O_RDWR | O_CLOEXEC);
    files = f;
    return f;
}

static void remember(int fd, off_t at, size_t len)
{
    struct stat st;
    struct file *f = remembers() ? file_of(fd) : NULL;
    if (!f || f->fd < 0 || fstat(f->fd, &st) != 0)
        return;
    struct undo *u = malloc(sizeof *u + len);
    u->at = at;
    u->size = st.st_size;
    u->len = 0;
    ssize_t n = at < st.st_size ? pread(f->fd, u->bytes, len, at) : 0;
    u->len = n > 0 ? (size_t)n : 0;
    u->next = f->undo;
    f->undo = u;
}

static void forget(int fd)
{
    struct file *f = torture.mode == POWER ? file_of(fd) : NULL;
    for (struct undo *u = f ? f->undo : NULL, *next; u; u = next) {
        next = u->next;
        free(u);
    }
    if (f)
        f->undo = NULL;
}

static void undo_all(void)
{
    static ssize_t (*put)(int, const void *, size_t, off_t);
    static int (*cut)(int, off_t);
    put = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    cut = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate");
    for (struct file *f = files; f; f = f->next)
        for (struct undo *u = f->undo; u; u = u->next)
            if ((u->len && put(f->fd, u->bytes, u->len, u->at) < 0) || cut(f->fd, u->size) != 0)
                abort();
}

/* ---- the point ---- */

static void die(void)
{
    if (remembers())
        undo_all();
    raise(SIGKILL);
}

/* Counts a call; under the lock. */
static bool reached(void)
{
    torture.n++;
    return torture.mode != NONE && torture.at && torture.n >= torture.at;
}

/* Before a call that needs no room.  0: it may go on. */
static int before(bool syncs)
{
    if (!reached())
        return 0;
    if (ends())
        die();
    if (torture.mode != BROKEN || !syncs)
        return 0;
    errno = EIO;
    return -1;
}

/* Before a write of len bytes at the offset.  0: it fails, else how many are written. */
static size_t before_write(int fd, off_t at, size_t len, bool *dies)
{
    bool now = reached();
    *dies = now && ends();
    if (*dies && (torture.mode != TORN || len < 2))
        die();
    if (now && (torture.mode == FULL || torture.mode == BROKEN)) {
        errno = torture.mode == FULL ? ENOSPC : EIO;
        return 0;
    }
    size_t n = now && len > 1 ? len / 2 : len;
    remember(fd, at, n);
    return n;
}

static ssize_t write_at(int fd, const void *bytes, size_t len, off_t at)
{
    REAL(pwrite);
    bool dies = false;
    if (!is_ours(fd) || !len)
        return real(fd, bytes, len, at);
    pthread_mutex_lock(&lock);
    size_t n = before_write(fd, at, len, &dies);
    ssize_t rc = n ? real(fd, bytes, n, at) : -1;
    if (dies)
        die();
    pthread_mutex_unlock(&lock);
    return rc;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return write_at(fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    return write_at(fd, bytes, len, at);
}

static off_t place_of(int fd)
{
    struct stat st;
    if (fcntl(fd, F_GETFL) & O_APPEND)
        return fstat(fd, &st) == 0 ? st.st_size : 0;
    return lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    REAL(write);
    bool dies = false;
    if (!is_ours(fd) || !len)
        return real(fd, bytes, len);
    pthread_mutex_lock(&lock);
    size_t n = before_write(fd, place_of(fd), len, &dies);
    ssize_t rc = n ? real(fd, bytes, n) : -1;
    if (dies)
        die();
    pthread_mutex_unlock(&lock);
    return rc;
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    REAL(writev);
    if (!is_ours(fd))
        return real(fd, parts, n);
    ssize_t all = 0;
    for (int i = 0; i < n; i++) {
        ssize_t rc = write(fd, parts[i].iov_base, parts[i].iov_len);
        if (rc < 0)
            return all ? all : -1;
        all += rc;
        if ((size_t)rc < parts[i].iov_len)
            break;
    }
    return all;
}

static int truncate_at(int fd, off_t size)
{
    REAL(ftruncate);
    struct stat st;
    if (!is_ours(fd))
        return real(fd, size);
    pthread_mutex_lock(&lock);
    int rc = before(false);
    if (rc == 0 && fstat(fd, &st) == 0)
        remember(fd, size, st.st_size > size ? (size_t)(st.st_size - size) : 0);
    if (rc == 0)
        rc = real(fd, size);
    pthread_mutex_unlock(&lock);
    return rc;
}

int ftruncate(int fd, off_t size)
{
    return truncate_at(fd, size);
}

int ftruncate64(int fd, off_t size)
{
    return truncate_at(fd, size);
}

#define SYNC(name)                              \
    int name(int fd)                            \
    {                                           \
        REAL(name);                             \
        if (!is_ours(fd))                       \
            return real(fd);                    \
        pthread_mutex_lock(&lock);              \
        int rc = before(true);                  \
        if (rc == 0)                            \
            rc = real(fd);                      \
        if (rc == 0)                            \
            forget(fd);                         \
        pthread_mutex_unlock(&lock);            \
        return rc;                              \
    }
SYNC(fsync)
SYNC(fdatasync)

/* ---- names ---- */

/* A name that is given below an open folder, or by itself. */
static bool names_ours(int folder, const char *name)
{
    char link[64], path[4096];
    if (*name == '/' || folder == AT_FDCWD)
        return is_below(name);
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t n = readlink(link, path, sizeof path - 2);
    if (n < 0)
        return false;
    path[n] = '/';
    path[n + 1] = '\0';
    return is_below(path);
}

static void before_name(int folder, const char *name)
{
    int saved = errno;
    if (getpid() != torture.pid || !names_ours(folder, name))
        return;
    pthread_mutex_lock(&lock);
    before(false);
    pthread_mutex_unlock(&lock);
    errno = saved;
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    before_name(AT_FDCWD, to);
    return real(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    REAL(renameat);
    before_name(to_folder, to);
    return real(from_folder, from, to_folder, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    REAL(renameat2);
    before_name(to_folder, to);
    return real(from_folder, from, to_folder, to, flags);
}

int unlink(const char *name)
{
    REAL(unlink);
    before_name(AT_FDCWD, name);
    return real(name);
}

int unlinkat(int folder, const char *name, int flags)
{
    REAL(unlinkat);
    before_name(folder, name);
    return real(folder, name, flags);
}
