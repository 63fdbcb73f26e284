/* SPDX-License-Identifier: Apache-2.0 */
/* The store factory of PostgreSQL.  A place is a schema of one database; the server is that of
 * SLUICE_TEST_POSTGRES, a folder with its socket, or else one that the program starts and stops. */
#ifndef TESTS_SUPPORT_STORE_POSTGRES_H
#define TESTS_SUPPORT_STORE_POSTGRES_H

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/postgres/libpq.h"
#include "support/store_factory.h"

#define POSTGRES_FOLDER "/tmp/sluice-postgres-"

static inline void postgres_command(const char *command, const char *folder)
{
    char *line = alloc_printf("tests/lib/postgres %s %s", command, folder);
    int rc = system(line);
    free(line);
    if (rc != 0)
        fail_msg("cannot %s a PostgreSQL server: %d", command, rc);
}

static inline void postgres_stop_own(void)
{
    char folder[64];
    snprintf(folder, sizeof folder, POSTGRES_FOLDER "%d", (int)getpid());
    if (access(folder, F_OK) != 0)
        return;                                     /* a child of the one that started it */
    char *line = alloc_printf("tests/lib/postgres remove %s", folder);
    (void)!system(line);
    free(line);
}

/* The folder of the server, which is started by the first call. */
static inline const char *postgres_folder(void)
{
    const char *given = getenv("SLUICE_TEST_POSTGRES");
    if (given)
        return given;
    char folder[64];
    snprintf(folder, sizeof folder, POSTGRES_FOLDER "%d", (int)getpid());
    postgres_command("start", folder);
    atexit(postgres_stop_own);
    setenv("SLUICE_TEST_POSTGRES", folder, 1);
    return getenv("SLUICE_TEST_POSTGRES");
}

/* Runs SQL in a schema.  message: what the server says, to be freed; NULL: it must succeed. */
static inline bool postgres_execute(const char *schema, const char *sql, char **message)
{
    struct libpq pq;
    struct error err;
    char *url = alloc_printf("postgresql://sluice@/postgres?host=%s&options=-csearch_path%%3D%s",
                             postgres_folder(), schema);
    const char *const names[] = {"dbname", NULL}, *const values[] = {url, NULL};
    assert_int_equal(libpq_load(&pq, &err), 0);
    PGconn *conn = pq.PQconnectdbParams(names, values, 1);
    pq.PQclear(pq.PQexec(conn, "SET client_min_messages = warning"));
    PGresult *result = pq.PQexec(conn, sql);
    ExecStatusType status = pq.PQresultStatus(result);
    bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!done && !message)
        fail_msg("%s: %s", sql, pq.PQerrorMessage(conn));
    if (message)
        *message = alloc_str(pq.PQerrorMessage(conn));
    pq.PQclear(result);
    pq.PQfinish(conn);
    free(url);
    return done;
}

static inline void postgres_make(struct store_place *place, bool quick)
{
    int fd;
    (void)quick;
    snprintf(place->folder, sizeof place->folder, "/tmp/sluice-schema-XXXXXX");
    assert_true((fd = mkstemp(place->folder)) >= 0); /* a name that no other test has */
    close(fd);
    snprintf(place->path, sizeof place->path, "s%s", strrchr(place->folder, '-') + 1);
    for (char *p = place->path; *p; p++)            /* as an unquoted name is folded */
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    snprintf(place->url, sizeof place->url,
             "postgresql://sluice@/postgres?host=%s&options=-csearch_path%%3D%s",
             postgres_folder(), place->path);
    char *sql = alloc_printf("CREATE SCHEMA %s", place->path);
    postgres_execute("public", sql, NULL);
    free(sql);
    place->disk = NULL;
}

static inline void postgres_remove(struct store_place *place)
{
    char *sql = alloc_printf("DROP SCHEMA %s CASCADE", place->path);
    postgres_execute("public", sql, NULL);
    free(sql);
    unlink(place->folder);
}

/* ---- tampering: the owner of the tables writes them ---- */

#define POSTGRES_UNLOCK                                                                            \
    "DROP TRIGGER IF EXISTS decision_stays ON decision;"                                           \
    "DROP TRIGGER IF EXISTS audit_head_stays ON audit_head;"

static const char *const postgres_tamperings[] = {
    [TAMPER_ACTOR] = "UPDATE decision SET actor='x' WHERE seq=1",
    [TAMPER_MOVE_TEXT] = "UPDATE decision SET actor='alic', role='eadmin' WHERE seq=2",
    [TAMPER_REMOVE_FIRST] = "DELETE FROM decision WHERE seq=1",
    [TAMPER_REMOVE_SECOND] = "DELETE FROM decision WHERE seq=2",
    [TAMPER_CLOSE_GAP] =
        "DELETE FROM decision WHERE seq=2; UPDATE decision SET seq=seq+100 WHERE seq>2;"
        "UPDATE decision SET seq=seq-101 WHERE seq>100",
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

static inline void postgres_tamper(const struct store_place *place, enum store_tampering how)
{
    char *sql = alloc_printf(POSTGRES_UNLOCK "%s", postgres_tamperings[how]);
    postgres_execute(place->path, sql, NULL);
    free(sql);
}

static inline bool postgres_slip(const struct store_place *place, enum store_tampering how)
{
    char *message;
    bool refused = !postgres_execute(place->path, postgres_tamperings[how], &message) &&
                   strstr(message, "never");
    free(message);
    return refused;
}

static inline void postgres_tamper_field(const struct store_place *place, uint64_t seq,
                                         const char *field, bool is_text, bool undo)
{
    const char *change = !is_text ? undo ? "%s-1" : "%s+1"
                         : undo   ? "left(%s, -1)"
                                  : "%s||'x'";
    char value[128];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(value, sizeof value, change, field);
#pragma GCC diagnostic pop
    char *sql = alloc_printf(POSTGRES_UNLOCK "UPDATE decision SET %s=%s WHERE seq=%d", field, value,
                             (int)seq);
    postgres_execute(place->path, sql, NULL);
    free(sql);
}

static inline void postgres_forge(const struct store_place *place, uint64_t seq,
                                  const char *reason, const char *hash)
{
    char *sql = alloc_printf(POSTGRES_UNLOCK "UPDATE decision SET reason='%s', hash='%s' "
                             "WHERE seq=%d", reason, hash, (int)seq);
    postgres_execute(place->path, sql, NULL);
    free(sql);
}

/* ---- the disk is the server's affair: what breaks is the connection (test_connection.c) ---- */

static const struct store_factory postgres_factory = {
    .name = "postgresql",
    .make = postgres_make,
    .remove = postgres_remove,
    .tamper = postgres_tamper,
    .slip = postgres_slip,
    .tamper_field = postgres_tamper_field,
    .forge = postgres_forge,
};

#endif
