/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "sandbox/supervisor/link.h"

enum { TICK_MS = 1000, UNWRITTEN_MAX = 64 * 1024 };

/* Refusals that are the same but for the time. */
struct repeat {
    char key[DIGEST_HEX_SIZE];                      /* "": free */
    char *text;                                     /* the first line */
    uint64_t since;                                 /* of the loop's clock */
    unsigned lines;                                 /* of their own, so far */
    uint64_t count;                                 /* without a line */
};

struct kept_line {
    struct log_line line;
    char *text;
};

/* What the gateway gets of one kind. */
struct quota {
    struct kept_line kept[LINES_KEPT_MAX];          /* while the gateway is away */
    size_t n_kept;
    unsigned sent;                                  /* in this second */
    uint64_t left_out;
    int64_t left_out_from_ms;
};

struct lines {
    uv_timer_t timer;
    uv_prepare_t before_wait;                       /* active while lines are unwritten */
    unsigned open_handles;
    struct buf unwritten;
    const struct log *log;
    struct gateway_link *link;                      /* NULL: hello was not said yet */
    struct quota quotas[LOG_KIND_COUNT];
    struct repeat repeats[LINES_REPEATS];
};

static void on_tick(uv_timer_t *timer);

static void arm(struct lines *lines)
{
    if (!uv_is_active((uv_handle_t *)&lines->timer))
        uv_timer_start(&lines->timer, on_tick, TICK_MS, 0);
}

/* ---- to the gateway ---- */

static bool in_touch(const struct lines *lines)
{
    return lines->link && sandbox_link_is_up(lines->link);
}

static void send_line(struct lines *lines, const struct log_line *line)
{
    struct sandbox_message message = {
        .type = MESSAGE_LOG,
        .log = {.level = log_level_word(line->level), .kind = log_kind_word(line->kind),
                .at_ms = line->at_ms, .text = line->text}};
    sandbox_link_send(lines->link, &message);
}

static void report_left_out(struct lines *lines, enum log_kind kind)
{
    struct quota *quota = &lines->quotas[kind];
    char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE], text[192];
    int64_t now = clock_now_ms();
    if (quota->left_out == 0 || !in_touch(lines) || !sandbox_link_has_room(lines->link))
        return;
    snprintf(text, sizeof text, "%llu lines of kind %s were left out from %s to %s",
             (unsigned long long)quota->left_out, log_kind_word(kind),
             clock_format(quota->left_out_from_ms, from), clock_format(now, to));
    quota->left_out = 0;
    send_line(lines, &(struct log_line){LOG_WARN, kind, now, text});
}

static void leave_out(struct quota *quota, const struct log_line *line)
{
    if (quota->left_out++ == 0)
        quota->left_out_from_ms = line->at_ms;
}

static void offer(struct lines *lines, const struct log_line *line)
{
    struct quota *quota = &lines->quotas[line->kind];
    bool there = in_touch(lines);
    if (!there && quota->n_kept < LINES_KEPT_MAX) {
        struct kept_line *kept = &quota->kept[quota->n_kept++];
        *kept = (struct kept_line){*line, alloc_str(line->text)};
        kept->line.text = kept->text;
    } else if (there && quota->sent < LINES_PER_SECOND && sandbox_link_has_room(lines->link)) {
        quota->sent++;
        send_line(lines, line);
    } else {
        leave_out(quota, line);
    }
}

/* The oldest one that waits, in *at: how far each kind was sent. */
static const struct log_line *next_kept(const struct lines *lines, size_t at[LOG_KIND_COUNT])
{
    const struct log_line *oldest = NULL;
    for (size_t kind = 0; kind < LOG_KIND_COUNT; kind++) {
        const struct quota *quota = &lines->quotas[kind];
        if (at[kind] < quota->n_kept &&
            (!oldest || quota->kept[at[kind]].line.at_ms < oldest->at_ms))
            oldest = &quota->kept[at[kind]].line;
    }
    if (oldest)
        at[oldest->kind]++;
    return oldest;
}

static void drop_kept(struct lines *lines)
{
    for (size_t kind = 0; kind < LOG_KIND_COUNT; kind++) {
        struct quota *quota = &lines->quotas[kind];
        while (quota->n_kept > 0)
            free(quota->kept[--quota->n_kept].text);
    }
}

void sandbox_lines_connect(struct lines *lines, struct gateway_link *link)
{
    size_t at[LOG_KIND_COUNT] = {0};
    lines->link = link;
    for (const struct log_line *line; (line = next_kept(lines, at));)
        send_line(lines, line);
    drop_kept(lines);
}

/* ---- to the log ---- */

static void write_lines(struct lines *lines)
{
    log_write_formatted(lines->log, &lines->unwritten);
    buf_clear(&lines->unwritten);
    uv_prepare_stop(&lines->before_wait);
}

static void before_wait(uv_prepare_t *prepare)
{
    write_lines(prepare->data);
}

static void add_to_log(struct lines *lines, const struct log_line *line)
{
    log_format_line(lines->log, line, &lines->unwritten);
    if (lines->unwritten.len >= UNWRITTEN_MAX)
        write_lines(lines);
    else
        uv_prepare_start(&lines->before_wait, before_wait);
}

/* ---- adding ---- */

void sandbox_lines_add(struct lines *lines, enum log_level level, enum log_kind kind,
                       const char *text)
{
    struct log_line line = {level, kind, clock_now_ms(), text};
    add_to_log(lines, &line);
    offer(lines, &line);
    arm(lines);
}

static void report_repeats(struct lines *lines, struct repeat *repeat)
{
    if (repeat->count == 0)
        return;
    uint64_t ms = uv_now(lines->timer.loop) - repeat->since;
    char *text =
        alloc_printf("%s [and %llu like it in %llu s]", repeat->text,
                     (unsigned long long)repeat->count, (unsigned long long)(ms + 999) / 1000);
    sandbox_lines_add(lines, LOG_INFO, LOG_KIND_REFUSED, text);
    free(text);
    repeat->count = 0;
}

static void forget(struct repeat *repeat)
{
    free(repeat->text);
    *repeat = (struct repeat){0};
}

static void make_key(const struct egress_line *line, char key[DIGEST_HEX_SIZE])
{
    struct digest *digest = digest_new();
    digest_add_str(digest, line->binary);
    digest_add_str(digest, line->host);
    digest_add(digest, &line->port, sizeof line->port);
    digest_add_str(digest, line->reason);
    digest_hex(digest, key);
}

static struct repeat *slot_of(struct lines *lines, const char *key)
{
    const char digits[] = {key[0], key[1], key[2], '\0'};
    return &lines->repeats[strtoul(digits, NULL, 16) % LINES_REPEATS];
}

/* Counts a refusal.  Whether it gets no line of its own, as there were enough like it. */
static bool is_repeat(struct lines *lines, const struct egress_line *line)
{
    char key[DIGEST_HEX_SIZE];
    make_key(line, key);
    struct repeat *repeat = slot_of(lines, key);
    if (strcmp(repeat->key, key) != 0) {
        report_repeats(lines, repeat);
        forget(repeat);
        memcpy(repeat->key, key, sizeof key);
        repeat->text = alloc_str(line->text);
        repeat->since = uv_now(lines->timer.loop);
    }
    if (repeat->lines < LINES_ALIKE) {
        repeat->lines++;
        return false;
    }
    repeat->count++;
    return true;
}

void sandbox_lines_add_decision(struct lines *lines, const struct egress_line *line)
{
    if (line->kind != LOG_KIND_REFUSED || !is_repeat(lines, line))
        sandbox_lines_add(lines, LOG_INFO, line->kind, line->text);
}

/* ---- time ---- */

/* Whether any is still counted. */
static bool check_repeats(struct lines *lines, uint64_t age_ms)
{
    uint64_t now = uv_now(lines->timer.loop);
    bool counting = false;
    for (size_t i = 0; i < LINES_REPEATS; i++) {
        struct repeat *repeat = &lines->repeats[i];
        if (*repeat->key && now - repeat->since >= age_ms) {
            if (repeat->count == 0)
                forget(repeat);
            report_repeats(lines, repeat);
            repeat->since = now;
        }
        counting |= *repeat->key != '\0';
    }
    return counting;
}

static void on_tick(uv_timer_t *timer)
{
    struct lines *lines = timer->data;
    bool waiting = false;
    for (size_t kind = 0; kind < LOG_KIND_COUNT; kind++) {
        lines->quotas[kind].sent = 0;
        report_left_out(lines, (enum log_kind)kind);
        waiting |= lines->quotas[kind].left_out > 0;
    }
    if (check_repeats(lines, LINES_REPEAT_MS) || waiting)
        arm(lines);
}

struct lines *sandbox_lines_new(uv_loop_t *loop, const struct log *log)
{
    struct lines *lines = alloc_zero(1, sizeof *lines);
    lines->log = log;
    uv_timer_init(loop, &lines->timer);
    uv_prepare_init(loop, &lines->before_wait);
    lines->timer.data = lines->before_wait.data = lines;
    lines->open_handles = 2;
    return lines;
}

static void on_closed(uv_handle_t *handle)
{
    struct lines *lines = handle->data;
    if (--lines->open_handles)
        return;
    drop_kept(lines);
    buf_free(&lines->unwritten);
    for (size_t i = 0; i < LINES_REPEATS; i++)
        free(lines->repeats[i].text);
    free(lines);
}

void sandbox_lines_close(struct lines *lines)
{
    check_repeats(lines, 0);
    write_lines(lines);
    uv_close((uv_handle_t *)&lines->timer, on_closed);
    uv_close((uv_handle_t *)&lines->before_wait, on_closed);
}
