/* SPDX-License-Identifier: Apache-2.0 */
/* The screen of sluice top.  All text passes put(), which makes it printable and cuts it. */
#define NCURSES_NOMACROS
#include <curses.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/alloc.h"
#include "base/printable.h"
#include "cli/top/top.h"

/* Where the text ends that takes at most so many columns; *columns is what it takes. */
static size_t fitting(const char *text, int width, int *columns)
{
    mbstate_t state = {0};
    size_t at = 0;
    *columns = 0;
    for (size_t len; text[at]; at += len) {
        wchar_t c;
        len = mbrtowc(&c, text + at, strlen(text + at), &state);
        if (len == 0 || len > 4)
            break;
        int takes = wcwidth(c) < 0 ? 1 : wcwidth(c);
        if (*columns + takes > width)
            break;
        *columns += takes;
    }
    return at;
}

/* Writes a text into exactly so many columns, whatever it is made of. */
static void put(int row, int column, int width, const char *text)
{
    struct buf safe = {0};
    int taken;
    if (width <= 0 || row < 0 || row >= LINES)
        return;
    printable_escape(&safe, text, strlen(text), "");
    size_t len = fitting(buf_str(&safe), width, &taken);
    mvaddnstr(row, column, buf_str(&safe), (int)len);
    for (; taken < width; taken++)
        addch(' ');
    buf_free(&safe);
}

struct column {
    const char *title, *key;
    int width;                                      /* 0: what is left */
};

static const struct column columns[PANE_COUNT][7] = {
    [PANE_SANDBOXES] = {{"NAME", "name", 19}, {"PHASE", "phase", 9}, {"NETWORK", "network", 7},
                        {"REVISION", "policy_revision", 8}, {"LOADED", "loaded_revision", 8},
                        {"OWNER", "owner", 0}},
    [PANE_REQUESTS] = {{"LAST SEEN", "last_seen", 12}, {"VERDICT", "verdict", 8},
                       {"COUNT", "count", 7}, {"HOST", "host", 24}, {"PORT", "port", 5},
                       {"PROGRAM", "binary", 0}},
    [PANE_INBOX] = {{"SANDBOX", "sandbox", 14}, {"HOST", "host", 24}, {"PORT", "port", 5},
                    {"WOULD BE", "would_be", 8}, {"HITS", "hits", 5}, {"PROGRAM", "binary", 0}},
};

static const char *const titles[PANE_COUNT] = {"Sandboxes", "Requests", "Inbox"};

static void cell_text(const json_t *item, const struct column *c, char *out, size_t size)
{
    const json_t *value = json_object_get(item, c->key);
    const char *text = json_text(item, c->key);
    if (json_is_integer(value))
        snprintf(out, size, "%lld", json_number(item, c->key));
    else if (strcmp(c->key, "last_seen") == 0 && strlen(text) > 23)
        snprintf(out, size, "%.12s", text + 11);    /* the time of the day */
    else
        snprintf(out, size, "%s", text);
}

/* item NULL: the titles. */
static void draw_row(int row, enum pane pane, const json_t *item)
{
    int at = 1;
    for (const struct column *c = columns[pane]; c->title; c++) {
        char text[512];
        int width = c->width ? c->width : COLS - at;
        snprintf(text, sizeof text, "%s", c->title);
        if (item)
            cell_text(item, c, text, sizeof text);
        put(row, at, width < COLS - at ? width : COLS - at, text);
        at += width + 1;
    }
}

static void pane_title(const struct top *top, enum pane pane, char *out, size_t size)
{
    const json_t *sandbox = top_chosen(top, PANE_SANDBOXES);
    snprintf(
        out, size, "%s%s%s (%zu)", titles[pane], pane == PANE_REQUESTS && sandbox ? " of " : "",
        pane == PANE_REQUESTS ? json_text(sandbox, "name") : "", json_array_size(top->items[pane]));
}

/* The rows from top to top + height; the chosen item stays in sight. */
static void draw_pane(const struct top *top, enum pane pane, int row, int height)
{
    char title[128];
    size_t n = json_array_size(top->items[pane]), chosen = top->chosen[pane];
    size_t shown = height > 2 ? (size_t)height - 2 : 0;
    size_t first = chosen >= shown ? chosen - shown + 1 : 0;
    pane_title(top, pane, title, sizeof title);
    attr_set(pane == top->focus ? A_BOLD : A_NORMAL, 0, NULL);
    put(row, 0, COLS, title);
    attr_set(A_UNDERLINE, 0, NULL);
    put(row + 1, 0, COLS, "");
    draw_row(row + 1, pane, NULL);
    for (size_t i = 0; i < shown; i++) {
        int at = row + 2 + (int)i;
        bool is_chosen = first + i == chosen && pane == top->focus && n > 0;
        attr_set(is_chosen ? A_REVERSE : A_NORMAL, 0, NULL);
        put(at, 0, COLS, "");
        if (first + i < n)
            draw_row(at, pane, json_array_get(top->items[pane], first + i));
    }
    attr_set(A_NORMAL, 0, NULL);
}

/* ---- details ---- */

static int detail(int row, const char *what, const char *text)
{
    if (!*text)
        return row;
    put(row, 0, 12, what);
    put(row, 12, COLS - 12, text);
    return row + 1;
}

static int detail_votes(int row, const json_t *votes)
{
    size_t i;
    json_t *v;
    json_array_foreach(votes, i, v) {
        char *line = alloc_printf("%s: %s%s%s", json_text(v, "voter"), json_text(v, "verdict"),
                                  *json_text(v, "message") ? ": " : "", json_text(v, "message"));
        row = detail(row, "Vote", line);
        free(line);
    }
    return row;
}

static int detail_reach(int row, const char *what, const json_t *list)
{
    size_t i;
    json_t *reach;
    json_array_foreach(list, i, reach)
        row = detail(row, what, json_text(reach, "example"));
    return row;
}

static void draw_details(const json_t *c)
{
    const json_t *effect = json_object_get(c, "effect");
    char *rule = json_dumps(json_object_get(c, "rule"), JSON_COMPACT);
    attr_set(A_BOLD, 0, NULL);
    int row = detail(0, "Chunk", json_text(c, "id"));
    attr_set(A_NORMAL, 0, NULL);
    row = detail(row, "Sandbox", json_text(c, "sandbox"));
    row = detail(row, "Source", json_text(c, "source"));
    row = detail(row, "Author", json_text(c, "author"));
    row = detail(row, "Program", json_text(c, "binary"));
    row = detail(row, "Rule", json_text(c, "rule_name"));
    row = detail(row, "", rule ? rule : "");
    row = detail(row, "Rationale", json_text(c, "rationale"));
    row = detail(row, "Security", json_text(c, "security_notes"));
    row = detail(row, "Grant", json_text(json_object_get(c, "grant"), "ends"));
    row = detail(row, "Would be", json_text(c, "would_be"));
    row = detail_reach(row, "Gained", json_object_get(effect, "gained"));
    row = detail_reach(row, "Lost", json_object_get(effect, "lost"));
    detail_votes(row, json_object_get(c, "votes"));
    free(rule);
}

/* ---- the whole ---- */

static void draw_last_line(const struct top *top)
{
    char line[512];
    const char *keys = top->details ? "a approve  r reject  any other key: back"
                                    : "tab pane  up/down choose  a approve  r reject  d details  "
                                      "q quit";
    if (top->question)
        snprintf(line, sizeof line, "%s chunk %s? y: yes, any other key: no",
                 top->question == 'a' ? "Approve" : "Reject", top->asked_about);
    else
        snprintf(line, sizeof line, "%s", *top->status ? top->status : keys);
    attr_set(A_REVERSE, 0, NULL);
    put(LINES - 1, 0, COLS - 1, line); /* the last cell of a screen makes some scroll */
    attr_set(A_NORMAL, 0, NULL);
}

static void draw_panes(const struct top *top)
{
    int rows = LINES - 2, each = rows / PANE_COUNT;
    char head[256];
    snprintf(head, sizeof head, "sluice top  %s", top->cli.gateway);
    put(0, 0, COLS, head);
    draw_pane(top, PANE_SANDBOXES, 1, each);
    draw_pane(top, PANE_REQUESTS, 1 + each, each);
    draw_pane(top, PANE_INBOX, 1 + 2 * each, rows - 2 * each);
}

void top_draw(const struct top *top)
{
    const json_t *chunk = top_chosen(top, PANE_INBOX);
    erase();
    if (top->details && chunk)
        draw_details(chunk);
    else
        draw_panes(top);
    draw_last_line(top);
    refresh();
}
