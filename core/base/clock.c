/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t clock_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t clock_mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_mono_ms(void)
{
    return clock_mono_ns() / 1000000u;
}

int64_t clock_boot_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

char *clock_boot_id(char out[CLOCK_BOOT_SIZE])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, out, CLOCK_BOOT_SIZE - 1);
    if (fd >= 0)
        close(fd);
    out[len > 0 ? len : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return out;
}

char *clock_format(int64_t ms, char out[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t used = strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + used, CLOCK_TEXT_SIZE - used, ".%03dZ", (int)(ms % 1000));
    return out;
}

/* ".5" is half a second. */
static const char *read_fraction(const char *at, int64_t *ms)
{
    int digits = 0;
    *ms = 0;
    if (*at != '.')
        return at;
    for (at++; isdigit((unsigned char)*at); at++, digits++)
        *ms = digits < 3 ? *ms * 10 + (*at - '0') : *ms;
    for (int i = digits; i < 3; i++)
        *ms *= 10;
    return digits >= 1 && digits <= 9 ? at : NULL;
}

/* Minutes to the east. */
static bool read_offset(const char *at, int *minutes)
{
    int hours, rest, used = 0;
    *minutes = 0;
    if (strcmp(at, "Z") == 0)
        return true;
    if ((*at != '+' && *at != '-') || !isdigit((unsigned char)at[1]) ||
        sscanf(at + 1, "%2d:%2d%n", &hours, &rest, &used) != 2 || used != 5 || at[6] ||
        hours > 23 || rest > 59)
        return false;
    *minutes = (*at == '-' ? -1 : 1) * (hours * 60 + rest);
    return true;
}

int clock_parse(const char *text, int64_t *out_ms)
{
    struct tm tm = {0};
    int64_t ms;
    int minutes;
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!at || at - text != 19 || !(at = read_fraction(at, &ms)) || !read_offset(at, &minutes))
        return -1;
    const struct tm asked = tm;
    time_t seconds = timegm(&tm);
    if (tm.tm_mday != asked.tm_mday || seconds < 0)
        return -1;
    *out_ms = ((int64_t)seconds - minutes * 60) * 1000 + ms;
    return 0;
}
