/* SPDX-License-Identifier: Apache-2.0 */
#define NCURSES_NOMACROS
#include <curses.h>
#include <stdio.h>
#include <string.h>

#include "cli/top/top.h"

static void move_choice(struct top *top, int by)
{
    size_t n = json_array_size(top->items[top->focus]), *chosen = &top->chosen[top->focus];
    if (by < 0 && *chosen > 0)
        (*chosen)--;
    else if (by > 0 && *chosen + 1 < n)
        (*chosen)++;
    if (top->focus == PANE_SANDBOXES)
        top->traffic_at = 0;                        /* that of another one */
}

static void ask(struct top *top, int key)
{
    const json_t *chunk = top_chosen(top, PANE_INBOX);
    if (!chunk) {
        snprintf(top->status, sizeof top->status, "the inbox is empty");
        return;
    }
    top->question = key;
    snprintf(top->asked_about, sizeof top->asked_about, "%s", json_text(chunk, "id"));
}

static void answer(struct top *top, int key)
{
    bool approve = top->question == 'a';
    top->question = 0;
    if (key != 'y' && key != 'Y')
        return;
    top_decide(top, approve);
    top->details = false;
}

static void take_key(struct top *top, int key)
{
    if (key == KEY_RESIZE)
        return;
    top->status[0] = '\0';
    if (top->question) {
        answer(top, key);
        return;
    }
    switch (key) {
    case 'a':
    case 'r': ask(top, key); return;
    case 'd': top->details = !top->details && top_chosen(top, PANE_INBOX); return;
    default:  break;
    }
    if (top->details) {
        top->details = false;
        return;
    }
    switch (key) {
    case 'q':      top->quit = true; break;
    case '\t':     top->focus = (enum pane)((top->focus + 1) % PANE_COUNT); break;
    case KEY_BTAB: top->focus = (enum pane)((top->focus + PANE_COUNT - 1) % PANE_COUNT); break;
    case 'k':
    case KEY_UP:   move_choice(top, -1); break;
    case 'j':
    case KEY_DOWN: move_choice(top, 1); break;
    default:       break;
    }
}

bool top_keys(struct top *top)
{
    bool any = false;
    for (int key; !top->quit && (key = getch()) != ERR; any = true)
        take_key(top, key);
    return any;
}
