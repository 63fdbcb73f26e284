/* SPDX-License-Identifier: Apache-2.0 */
/* Times and durations on the command line. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/duration.h"
#include "cli/cli.h"

int64_t time_read(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end)
        return -1;
    long ms = *end == '.' ? strtol(end + 1, (char **)(uintptr_t)&end, 10) : 0;
    return strcmp(end, "Z") == 0 ? (int64_t)timegm(&tm) * 1000 + ms : -1;
}

int arg_time(const struct cli *cli, const char *name, int64_t fallback, int64_t *out)
{
    const char *text = arg_value(cli, name);
    int64_t ago;
    *out = fallback;
    if (!text)
        return -1;
    *out = duration_parse(text, &ago) == 0 ? clock_now_ms() - ago : time_read(text);
    return *out >= 0
               ? -1
               : usage_error(cli,
                             "--%s takes a time such as 2026-01-31T08:05:00Z or 24h, not '%s'",
                             name, text);
}

int arg_duration(const struct cli *cli, const char *name, int64_t *out)
{
    const char *text = arg_value(cli, name);
    if (text && duration_parse(text, out) == 0)
        return -1;
    return usage_error(cli, "--%s takes a duration such as 30d or 12h%s%s%s", name,
                       text ? ", not '" : "", text ? text : "", text ? "'" : "");
}

int arg_seconds(const struct cli *cli, const char *name, long fallback, long min, long max,
                long *out)
{
    const char *text = arg_value(cli, name);
    int64_t ms;
    char *end;
    *out = fallback;
    if (!text)
        return 0;
    if (duration_parse(text, &ms) == 0) {
        *out = (long)((ms + 999) / 1000);
        end = "";
    } else {
        *out = strtol(text, &end, 10);
    }
    if (*text >= '0' && *text <= '9' && !*end && *out >= min && *out <= max)
        return 0;
    usage_error(
        cli,
        "--%s takes a duration such as 90s or 5m, or a number of seconds from %ld to %ld, not '%s'",
        name, min, max, text);
    return -1;
}
