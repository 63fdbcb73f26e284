/* SPDX-License-Identifier: Apache-2.0 */
/* Gateways by name: $XDG_CONFIG_HOME/sluice/gateways.yaml, or that in ~/.config.  The file says
 * where tokens go, so one that others own or may write is refused. */
#ifndef CLI_GATEWAY_BOOK_H
#define CLI_GATEWAY_BOOK_H

#include "base/arena.h"
#include "cli/cli.h"

struct book_entry {
    const char *name, *address;
    const char *ca, *cert, *key;                    /* paths; "": none */
};

struct book {
    struct arena *arena;
    char *path;
    int lock;                                       /* of the folder, or -1 */
    const char *selected;                           /* "": none */
    const struct book_entry **entries;
    size_t n;
};

#define BOOK_NAME_RULE "1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'"
bool book_name_is_good(const char *name);

/* Of gateways.yaml and the logins; the caller frees it.  NULL: there is no home. */
char *book_folder(void);
/* With those above it.  False: errno says why. */
bool book_make_folder(char *path);

/* A file that is not there is an empty book.  change: others that want to change it wait until
 * book_close.  An exit code after saying what is wrong, or -1.  Always followed by book_close. */
int book_open(struct book *book, bool change);
const struct book_entry *book_find(const struct book *book, const char *name);
/* Takes the place of the one of its name.  The texts are borrowed until book_close. */
void book_put(struct book *book, const struct book_entry *entry);
void book_remove(struct book *book, const char *name);
/* Replaces the file at once.  An exit code. */
int book_save(const struct book *book);
void book_close(struct book *book);

/* An exit code after saying that --ca, --cert and --key do not fit the address, or -1. */
int gateway_check_files(const struct cli *cli);
/* Makes cli->gateway an address: of --gateway or SLUICE_GATEWAY, which may be a name, of the one
 * that is selected, or of the local socket.  A name brings its files.  An exit code after saying
 * what is wrong, or -1.  book is closed by the caller, after the last use of cli. */
int gateway_resolve(struct cli *cli, struct book *book);

#endif
