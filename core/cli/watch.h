/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a command that lists: read, print and, with --watch, print what changes from then on.
 * The gateway's events say when to read again; nothing is asked in between. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "cli/cli.h"

struct list {
    char *path;                                     /* taken by list_show */
    bool pages;                                     /* path ends where client_pages goes on */
    size_t most;                                    /* that are shown of the pages; 0: all */
    const char *key;                                /* of the list in the answer */
    const char *sandbox;                            /* whose events tell of changes; NULL: all */
    bool complete;                                  /* what is not listed any more is gone */
    void (*table)(const struct cli *cli, const json_t *json);
};

#define WATCH_OPTION                                                                               \
    {"watch", 'w', ARG_FLAG, NULL, "go on, and show what changes as it does"}

/* An exit code. */
int list_show(const struct cli *cli, const struct list *list);

#endif
