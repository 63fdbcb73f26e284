/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of tests/unit/store/contract/ need to know of a backend.  They hold for each
 * factory of store_factories: a new backend gets one, and nothing else there names a database. */
#ifndef TESTS_SUPPORT_STORE_FACTORY_H
#define TESTS_SUPPORT_STORE_FACTORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

/* Where a store may be. */
struct store_place {
    char url[128];
    char folder[64], path[96];                      /* the factory's own */
    void *disk;                                     /* what watch_disk made */
};

/* What somebody does to the records of an audit chain of five, past the store. */
enum store_tampering {
    TAMPER_ACTOR,                                   /* changes a text of record 1 */
    TAMPER_MOVE_TEXT,                               /* moves a byte of record 2 to the next field */
    TAMPER_REMOVE_FIRST,
    TAMPER_REMOVE_SECOND,
    TAMPER_CLOSE_GAP,                               /* removes record 2 and numbers the rest anew */
    TAMPER_SWAP,                                    /* records 2 and 3 */
    TAMPER_CUT,                                     /* removes records 4 and 5 */
    TAMPER_ROLL_BACK,                               /* to record 3, with its head */
    TAMPER_REMOVE_HEAD,
    TAMPER_MOVE_HEAD,                               /* back to record 4 */
    TAMPER_REPLACE_HEAD,                            /* with another hash */
};

/* What happens to a write, counted from 1 since break_disk, that a store of this process makes. */
enum store_break {
    BREAK_END,                                      /* it is torn, and the process is killed */
    BREAK_POWER,                                    /* the same, and what was not synced is lost */
    BREAK_FAIL,                                     /* it is torn and fails; later ones succeed */
};

struct store_factory {
    const char *name;
    /* There is no store yet.  quick: where a sync costs nothing. */
    void (*make)(struct store_place *place, bool quick);
    void (*remove)(struct store_place *place);

    void (*tamper)(const struct store_place *place, enum store_tampering how);
    /* Tries the same without lifting what protects the records.  Returns whether it was refused. */
    bool (*slip)(const struct store_place *place, enum store_tampering how);
    /* Appends to a text of a record, or adds to a number; undo: takes it back. */
    void (*tamper_field)(const struct store_place *place, uint64_t seq, const char *field,
                         bool is_text, bool undo);
    void (*forge)(const struct store_place *place, uint64_t seq, const char *reason,
                  const char *hash);

    /* NULL: the disk is that of a server, which keeps these promises itself. */
    void (*watch_disk)(struct store_place *place);  /* before a store is opened there */
    void (*break_disk)(struct store_place *place, enum store_break how, unsigned at);
    bool (*disk_broke)(struct store_place *place);  /* since the last break_disk */
    void (*release_disk)(struct store_place *place);
    /* What a process finds there after the power went: all that was synced, and nothing else. */
    void (*after_power_cut)(const struct store_place *place, struct store_place *out);
};

#endif
