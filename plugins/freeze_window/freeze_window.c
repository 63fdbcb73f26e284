/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing that opens more may change while a freeze is on; what only tightens always may.
 *
 * A window is a span of UTC that recurs every week or every day, or one between two dates.  All
 * three are one thing: a beginning, a length, and a period after which it begins again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <sluice/plugin.h>

static const struct sluice_code codes[] = {
    {"FROZEN", "The change opens more than before, and a freeze is on."},
    {NULL, NULL},
};

static const struct sluice_option options[] = {
    {"windows", SLUICE_LIST, NULL, "Spans of UTC such as Fri 16:00-Mon 08:00 (every week), "
     "22:00-06:00 (every day) or 2026-12-24 00:00-2027-01-02 08:00."},
    {NULL, SLUICE_TEXT, NULL, NULL},
};

enum { MINUTE_MS = 60000, DAY_MS = 24 * 60 * MINUTE_MS, WEEK_MS = 7 * DAY_MS };
enum { THURSDAY = 3 };                              /* of the first day of 1970, Monday being 0 */

struct window {
    const char *text;                               /* of the options, which live as long */
    int64_t begin_ms, length_ms;
    int64_t period_ms;                              /* 0: it does not recur */
};

struct freeze {
    size_t n;
    struct window windows[];
};

/* ---- reading windows ---- */

static bool read_number(const char **p, size_t digits, int max, int *out)
{
    *out = 0;
    for (size_t i = 0; i < digits; i++) {
        if ((*p)[i] < '0' || (*p)[i] > '9')
            return false;
        *out = *out * 10 + ((*p)[i] - '0');
    }
    *p += digits;
    return *out <= max;
}

static bool read_mark(const char **p, char mark)
{
    return **p == mark && (*p)++;
}

/* "16:00"; 24:00 is the end of the day. */
static bool read_clock(const char **p, int64_t *ms)
{
    int hours, minutes;
    if (!read_number(p, 2, 24, &hours) || !read_mark(p, ':') || !read_number(p, 2, 59, &minutes))
        return false;
    *ms += (int64_t)(hours * 60 + minutes) * MINUTE_MS;
    return hours < 24 || minutes == 0;
}

/* "Fri 16:00" */
static bool read_weekday(const char **p, int64_t *ms)
{
    static const char names[7][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    for (int day = 0; day < 7; day++) {
        if (strncasecmp(*p, names[day], 3) != 0)
            continue;
        *p += 3;
        *ms = (int64_t)((day + 7 - THURSDAY) % 7) * DAY_MS;
        return read_mark(p, ' ') && read_clock(p, ms);
    }
    return false;
}

/* "2026-12-24 00:00" */
static bool read_date(const char **p, int64_t *ms)
{
    struct tm tm = {0};
    int year, month, day;
    if (!read_number(p, 4, 9999, &year) || !read_mark(p, '-') || !read_number(p, 2, 12, &month)
        || !read_mark(p, '-') || !read_number(p, 2, 31, &day) || !read_mark(p, ' '))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    *ms = (int64_t)timegm(&tm) * 1000;
    return tm.tm_mon == month - 1 && tm.tm_mday == day && read_clock(p, ms);
}

static bool read_time(const char **p, int64_t *ms)
{
    *ms = 0;
    return read_clock(p, ms);
}

static int64_t modulo(int64_t value, int64_t period)
{
    return (value % period + period) % period;
}

static bool read_span(const char *text, bool (*read)(const char **p, int64_t *ms),
                      int64_t period_ms, struct window *out)
{
    const char *p = text;
    int64_t end_ms;
    if (!read(&p, &out->begin_ms) || !read_mark(&p, '-') || !read(&p, &end_ms) || *p)
        return false;
    out->text = text;
    out->period_ms = period_ms;
    out->length_ms = end_ms - out->begin_ms;
    if (period_ms && out->length_ms != period_ms)
        out->length_ms = modulo(out->length_ms, period_ms);
    return out->length_ms > 0;
}

static bool read_window(const char *text, struct window *out)
{
    return read_span(text, read_weekday, WEEK_MS, out) || read_span(text, read_time, DAY_MS, out)
        || read_span(text, read_date, 0, out);
}

/* ---- the voter ---- */

static bool is_open(const struct window *w, int64_t now_ms)
{
    int64_t since_ms = now_ms - w->begin_ms;
    if (w->period_ms)
        since_ms = modulo(since_ms, w->period_ms);
    return since_ms >= 0 && since_ms < w->length_ms;
}

static const struct window *open_window(const struct freeze *freeze, int64_t now_ms)
{
    for (size_t i = 0; i < freeze->n; i++)
        if (is_open(&freeze->windows[i], now_ms))
            return &freeze->windows[i];
    return NULL;
}

/* A value that goes away opens nothing; one that comes or becomes another may. */
static const char *loosened_section(const struct sluice_diff *diff)
{
    for (size_t i = 0; i < diff->n_static_changes; i++)
        if (*diff->static_changes[i]->after)
            return diff->static_changes[i]->path;
    return NULL;
}

/* The document path of something that may open more than before, or NULL. */
static const char *loosened(const struct sluice_diff *diff)
{
    if (diff->relation == SLUICE_SAME || diff->relation == SLUICE_TIGHTENS)
        return loosened_section(diff);
    if (diff->n_added)
        return diff->added[0]->doc_path;
    return diff->n_changed ? diff->changed[0]->after->doc_path : "network_policies";
}

static enum sluice_verdict vote(void *self, const struct sluice_transition *t,
                                struct sluice_ballot *b)
{
    const struct window *window = open_window(self, t->now_ms);
    const char *path = window ? loosened(t->diff) : NULL;
    if (!path)
        return sluice_allow(b);
    return sluice_deny(b, "FROZEN", path, "changes that open more are frozen during %s UTC; what "
                       "only tightens passes at any time", window->text);
}

static int refuse(const struct sluice_host *host, const char *text)
{
    char why[256];
    snprintf(why, sizeof why, "option windows: '%.80s' is no span such as Fri 16:00-Mon 08:00, "
             "22:00-06:00 or 2026-12-24 00:00-2027-01-02 08:00", text);
    host->log(host, why);
    return -1;
}

static int init(const struct sluice_host *host, const struct sluice_options *o, void **self)
{
    size_t n;
    const char *const *texts = sluice_option_list(o, "windows", &n);
    struct freeze *freeze = malloc(sizeof *freeze + n * sizeof freeze->windows[0]);
    if (!freeze)
        return -1;
    freeze->n = n;
    for (size_t i = 0; i < n; i++) {
        if (!read_window(texts[i], &freeze->windows[i])) {
            free(freeze);
            return refuse(host, texts[i]);
        }
    }
    *self = freeze;
    return 0;
}

SLUICE_PLUGIN(.name = "freeze_window", .version = "1.0.0",
              .summary = "Refuses what opens more while a freeze is on.",
              .options = options, .codes = codes, .flags = SLUICE_REENTRANT, .init = init,
              .vote = vote, .fini = free);
