/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/wire/uses.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RECORD = 128 };                              /* divides a page */

static const char first_format[] = "uses 1 %s";

static int write_record(int fd, size_t at, const char *text)
{
    char record[RECORD];
    if (strlen(text) >= RECORD) {
        errno = EMSGSIZE;
        return -1;
    }
    memset(record, ' ', sizeof record);
    memcpy(record, text, strlen(text));
    record[RECORD - 1] = '\n';
    ssize_t n = pwrite(fd, record, sizeof record, (off_t)(at * RECORD));
    if (n >= 0 && n != RECORD)
        errno = ENOSPC;
    return n == RECORD ? 0 : -1;
}

int sandbox_uses_open(const char *path, const char *boot)
{
    char first[RECORD];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    snprintf(first, sizeof first, first_format, boot);
    if (fd < 0 || write_record(fd, 0, first) == 0)
        return fd;
    int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

int sandbox_uses_write(int fd, size_t number, const char *chunk, int64_t used)
{
    char text[2 * RECORD];
    snprintf(text, sizeof text, "%lld %s", (long long)used, chunk);
    return write_record(fd, number + 1, text);
}

int sandbox_uses_cut(int fd, size_t n)
{
    return ftruncate(fd, (off_t)((n + 1) * RECORD));
}

/* ---- reading ---- */

/* False: there is none any more. */
static bool read_record(FILE *file, char out[RECORD])
{
    if (fread(out, 1, RECORD, file) != RECORD)
        return false;
    size_t len = RECORD - 1;
    while (len > 0 && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
    return true;
}

/* While records move to other numbers, a grant may have two: the greater counts. */
static int64_t find_record(FILE *file, const char *chunk)
{
    char record[RECORD], name[RECORD];
    long long used;
    int64_t most = 0;
    while (read_record(file, record)) {
        if (sscanf(record, "%lld %127s", &used, name) != 2 || used < 0)
            return -1;
        if (strcmp(name, chunk) == 0 && used > most)
            most = used;
    }
    return most;
}

int64_t sandbox_uses_read(const char *path, const char *boot, const char *chunk)
{
    char wanted[RECORD], first[RECORD];
    FILE *file = fopen(path, "re");
    snprintf(wanted, sizeof wanted, first_format, boot);
    bool known = file && *boot && read_record(file, first) && strcmp(first, wanted) == 0;
    int64_t used = known ? find_record(file, chunk) : -1;
    if (file)
        fclose(file);
    return used;
}
