/* SPDX-License-Identifier: Apache-2.0 */
#include "base/executable.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LINE_SIZE = 256 };                           /* of a first line, as the kernel reads it */

static int open_path(int root, const char *path, bool cached)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (cached ? RESOLVE_CACHED : 0)};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* The path of an open file.  A file that was deleted meanwhile has none. */
static int path_of(int fd, const struct stat *st, char out[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, out, PATH_MAX - 1);
    if (len < 0)
        return -1;
    out[len] = '\0';
    errno = ENOENT;
    return st->st_nlink > 0 ? 0 : -1;
}

int executable_resolve(int root, const char *path, bool cached, char out[PATH_MAX])
{
    struct stat st;
    int fd = open_path(root, path, cached);
    if (fd < 0)
        return -1;
    int rc = fstat(fd, &st) == 0 ? path_of(fd, &st, out) : -1, why = errno;
    close(fd);
    errno = why;
    return rc;
}

/* The text after "#!", if the file begins with that.  Only of files that everybody may read,
 * because the text is shown to the workload. */
static bool read_interpreter(int fd, const struct stat *st, char line[LINE_SIZE])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int file = st->st_mode & S_IROTH ? open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    ssize_t len = file < 0 ? -1 : pread(file, line, LINE_SIZE - 1, 0);
    if (file >= 0)
        close(file);
    if (len < 2 || memcmp(line, "#!", 2) != 0)
        return false;
    line[len] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    memmove(line, line + 2, strlen(line + 2) + 1);
    return true;
}

static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    *rest = word + strcspn(word, " \t");
    if (**rest)
        *(*rest)++ = '\0';
    return word;
}

/* env looks for a name in the folders of PATH, which are likely these. */
static int find_by_name(int root, const char *name, char out[PATH_MAX])
{
    static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/bin"};
    char path[PATH_MAX];
    for (size_t i = 0; *name && i < sizeof folders / sizeof *folders; i++) {
        int len = snprintf(path, sizeof path, "%s/%s", folders[i], name);
        if (len < (int)sizeof path && executable_resolve(root, path, false, out) == 0)
            return 0;
    }
    return -1;
}

static void note(struct executable *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct executable *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out->note, sizeof out->note, format, args);
    va_end(args);
}

static void describe_script(int root, char *line, struct executable *out)
{
    char found[PATH_MAX];
    char *interpreter = next_word(&line);
    const char *slash = strrchr(interpreter, '/');
    bool by_name = strcmp(slash ? slash + 1 : interpreter, "env") == 0;
    if (by_name)
        do
            interpreter = next_word(&line);
        while (*interpreter == '-' || strchr(interpreter, '='));
    int rc = by_name ? find_by_name(root, interpreter, found)
                     : executable_resolve(root, interpreter, false, found);
    out->kind = EXECUTABLE_SCRIPT;
    if (rc == 0)
        note(out, "is a script: the program that counts is its interpreter, %s", found);
    else
        note(out, "is a script, and its interpreter '%s' names nothing", interpreter);
}

static void describe_file(int root, int fd, const struct stat *st, const char *path,
                          struct executable *out)
{
    char line[LINE_SIZE];
    if (read_interpreter(fd, st, line))
        describe_script(root, line, out);
    else if (strcmp(out->path, path) != 0)
        note(out, "leads to %s, the program that counts", out->path);
}

void executable_describe(int root, const char *path, struct executable *out)
{
    struct stat st;
    *out = (struct executable){.kind = EXECUTABLE_OTHER};
    int fd = open_path(root, path, false);
    if (fd < 0 || fstat(fd, &st) != 0) {
        bool none = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
        out->kind = none ? EXECUTABLE_NONE : EXECUTABLE_OTHER;
        note(out, none ? "names nothing" : "cannot be looked up: %s", strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        note(out, "is %s, not a program", S_ISDIR(st.st_mode) ? "a folder" : "a special file");
    } else if (!(st.st_mode & 0111)) {
        note(out, "is a file that nobody may execute");
    } else if (path_of(fd, &st, out->path) == 0) {
        out->kind = EXECUTABLE_FILE;
        describe_file(root, fd, &st, path, out);
    }
    if (fd >= 0)
        close(fd);
}
