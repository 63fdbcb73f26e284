/* SPDX-License-Identifier: Apache-2.0 */
/* The store factory of SQLite. */
#ifndef TESTS_SUPPORT_STORE_SQLITE_H
#define TESTS_SUPPORT_STORE_SQLITE_H

#include <ftw.h>

#include "support/sqlite_vfs.h"

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void sqlite_place(struct store_place *place, const char *folder)
{
    snprintf(place->folder, sizeof place->folder, "%s", folder);
    snprintf(place->path, sizeof place->path, "%s/sluice.db", folder);
    snprintf(place->url, sizeof place->url, "sqlite:%s", place->path);
    place->disk = NULL;
}

static inline void sqlite_make(struct store_place *place, bool quick)
{
    char folder[64];
    snprintf(folder, sizeof folder, "%s/sluice-store-XXXXXX",
             quick && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    sqlite_place(place, folder);
}

static inline void sqlite_remove(struct store_place *place)
{
    nftw(place->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- tampering: another program writes the file ---- */

static inline int sqlite_execute(const char *path, const char *sql, char **message)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    int rc = sqlite3_exec(db, sql, NULL, NULL, message);
    sqlite3_close(db);
    return rc;
}

static inline void sqlite_must_execute(const char *path, const char *sql)
{
    char *message = NULL;
    if (sqlite_execute(path, sql, &message) != SQLITE_OK)
        fail_msg("%s", message);
}

#define SQLITE_UNLOCK                                                                              \
    "DROP TRIGGER IF EXISTS decision_update; DROP TRIGGER IF EXISTS decision_delete;"              \
    "DROP TRIGGER IF EXISTS audit_head_delete;"

static const char *const sqlite_tamperings[] = {
    [TAMPER_ACTOR] = "UPDATE decision SET actor='x' WHERE seq=1",
    [TAMPER_MOVE_TEXT] = "UPDATE decision SET actor='alic', role='eadmin' WHERE seq=2",
    [TAMPER_REMOVE_FIRST] = "DELETE FROM decision WHERE seq=1",
    [TAMPER_REMOVE_SECOND] = "DELETE FROM decision WHERE seq=2",
    [TAMPER_CLOSE_GAP] =
        "DELETE FROM decision WHERE seq=2; UPDATE decision SET seq=seq-1 WHERE seq>2",
    [TAMPER_SWAP] = "UPDATE decision SET seq=99 WHERE seq=2; UPDATE decision SET seq=2 WHERE seq=3;"
                    "UPDATE decision SET seq=3 WHERE seq=99",
    [TAMPER_CUT] = "DELETE FROM decision WHERE seq>3",
    [TAMPER_ROLL_BACK] =
        "DELETE FROM decision WHERE seq>3;"
        "UPDATE audit_head SET count=3, hash=(SELECT hash FROM decision WHERE seq=3)",
    [TAMPER_REMOVE_HEAD] = "DELETE FROM audit_head",
    [TAMPER_MOVE_HEAD] =
        "UPDATE audit_head SET count=4, hash=(SELECT hash FROM decision WHERE seq=4)",
    [TAMPER_REPLACE_HEAD] = "UPDATE audit_head SET hash='0'",
};

static inline void sqlite_tamper(const struct store_place *place, enum store_tampering how)
{
    char *sql = alloc_printf(SQLITE_UNLOCK "%s", sqlite_tamperings[how]);
    sqlite_must_execute(place->path, sql);
    free(sql);
}

static inline bool sqlite_slip(const struct store_place *place, enum store_tampering how)
{
    char *message = NULL;
    int rc = sqlite_execute(place->path, sqlite_tamperings[how], &message);
    bool refused = rc == SQLITE_CONSTRAINT && strstr(message, "never");
    sqlite3_free(message);
    return refused;
}

static inline void sqlite_tamper_field(const struct store_place *place, uint64_t seq,
                                       const char *field, bool is_text, bool undo)
{
    const char *format =
        is_text ? undo ? SQLITE_UNLOCK
                      "UPDATE decision SET %s=substr(%s,1,length(%s)-1) WHERE seq=%d"
                       : SQLITE_UNLOCK "UPDATE decision SET %s=%s||substr('x%s',1,1) WHERE seq=%d"
        : undo  ? SQLITE_UNLOCK "UPDATE decision SET %s=%s-length('%.1s') WHERE seq=%d"
                : SQLITE_UNLOCK "UPDATE decision SET %s=%s+length('%.1s') WHERE seq=%d";
    char sql[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(sql, sizeof sql, format, field, field, field, (int)seq);
#pragma GCC diagnostic pop
    sqlite_must_execute(place->path, sql);
}

static inline void sqlite_forge(const struct store_place *place, uint64_t seq, const char *reason,
                                const char *hash)
{
    char *sql =
        alloc_printf(SQLITE_UNLOCK "UPDATE decision SET reason='%s', hash='%s' WHERE seq=%d",
                     reason, hash, (int)seq);
    sqlite_must_execute(place->path, sql);
    free(sql);
}

/* ---- a disk that breaks ---- */

static inline void sqlite_watch_disk(struct store_place *place)
{
    place->disk = alloc_zero(1, sizeof(struct shim));
    shim_install(place->disk, place->folder);
}

static inline void sqlite_break_disk(struct store_place *place, enum store_break how, unsigned at)
{
    struct shim *shim = place->disk;
    pthread_mutex_lock(&shim->lock);
    shim->how = how;
    shim->at = at;
    shim->n = 0;
    pthread_mutex_unlock(&shim->lock);
}

static inline bool sqlite_disk_broke(struct store_place *place)
{
    struct shim *shim = place->disk;
    return shim->at && shim->n >= shim->at;
}

static inline void sqlite_release_disk(struct store_place *place)
{
    shim_remove(place->disk);
    free(place->disk);
    place->disk = NULL;
}

static inline void sqlite_after_power_cut(const struct store_place *place, struct store_place *out)
{
    char folder[80];
    snprintf(folder, sizeof folder, "%s/synced", place->folder);
    sqlite_place(out, folder);
}

static const struct store_factory sqlite_factory = {
    .name = "sqlite",
    .make = sqlite_make,
    .remove = sqlite_remove,
    .tamper = sqlite_tamper,
    .slip = sqlite_slip,
    .tamper_field = sqlite_tamper_field,
    .forge = sqlite_forge,
    .watch_disk = sqlite_watch_disk,
    .break_disk = sqlite_break_disk,
    .disk_broke = sqlite_disk_broke,
    .release_disk = sqlite_release_disk,
    .after_power_cut = sqlite_after_power_cut,
};

#endif
