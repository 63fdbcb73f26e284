/* SPDX-License-Identifier: Apache-2.0 */
/* sluice top: what its files share.  One thread. */
#ifndef CLI_TOP_TOP_H
#define CLI_TOP_TOP_H

#include <stdint.h>

#include "cli/cli.h"

enum pane { PANE_SANDBOXES, PANE_REQUESTS, PANE_INBOX, PANE_COUNT };

struct top {
    struct cli cli;                                 /* quiet */
    json_t *items[PANE_COUNT];                      /* arrays; NULL: not yet read */
    size_t chosen[PANE_COUNT];
    enum pane focus;
    bool details;                                   /* of the chosen chunk, on the whole screen */
    int question;                                   /* 'a' or 'r' waits for a y; 0: nothing does */
    char asked_about[40];                           /* the id of that chunk */
    char status[256];                               /* the last line */
    bool changed;                                   /* there was an event since the last reading */
    int64_t read_at, traffic_at;                    /* of the boot clock */
    bool quit;
};

json_t *top_chosen(const struct top *top, enum pane pane);          /* NULL: the pane is empty */

/* ---- data.c ---- */
/* Reads what may have changed.  Whether something was read. */
bool top_read(struct top *top);
/* Approves or rejects the chunk as it was shown; status says what became of it. */
void top_decide(struct top *top, bool approve);
void top_free(struct top *top);

/* ---- screen.c ---- */
void top_draw(const struct top *top);

/* ---- keys.c ---- */
/* Takes all keys that are there.  Whether there was one. */
bool top_keys(struct top *top);

#endif
