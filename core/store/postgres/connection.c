/* SPDX-License-Identifier: Apache-2.0 */
/* Making connections, and what their failures mean. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/digest.h"
#include "store/backend.h"
#include "store/postgres/pg_parts.h"
#include "store/url.h"

enum {
    OLDEST_VERSION = 120000,
    DELAY_MIN_MS = 100,
    DELAY_MAX_MS = 2000,
};

/* ---- words ---- */

/* libpq's texts have several lines. */
static char *one_line(const char *text, char *out, size_t size)
{
    size_t n = 0;
    for (; *text && n + 1 < size; text++) {
        if (*text == '\n' || *text == '\t' || *text == '\r') {
            if (text[1] && n && out[n - 1] != ' ')
                out[n++] = ' ';
        } else {
            out[n++] = *text;
        }
    }
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return out;
}

/* By SQLSTATE. */
static const struct remedy {
    const char *state;                              /* its beginning */
    enum error_kind kind;
    const char *words;
} remedies[] = {
    {"53100", ERROR_IO, ": nothing was changed, make room on the server's disk"},
    {"53", ERROR_IO, ": nothing was changed, the server is short of resources"},
    {"25006", ERROR_IO, ": nothing was changed, the server is read-only: name the primary one"},
    {"42501", ERROR_IO, ": the role needs the right to do that"},
    {"57P", ERROR_UNAVAILABLE, ": nothing was changed, try again"},
    {"08", ERROR_UNAVAILABLE, ": nothing was changed, try again"},
    {"", ERROR_IO, ""},
};

static const struct remedy *remedy_of(const char *state)
{
    const struct remedy *remedy = remedies;
    while (strncmp(state, remedy->state, strlen(remedy->state)) != 0)
        remedy++;
    return remedy;
}

int pg_fail(struct pg *pg, const PGresult *result, struct error *err)
{
    const struct libpq *pq = &pg->place->pq;
    const char *state = result ? pq->PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? pq->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    char line[400];
    if (!pg->conn)
        return error_set(err, ERROR_UNAVAILABLE, "store %s: the connection was lost: nothing was "
                         "changed, try again", pg->place->label);
    if (!state) {
        state = pq->PQstatus(pg->conn) == CONNECTION_BAD ? "08" : "";
        text = pq->PQerrorMessage(pg->conn);
    }
    const struct remedy *remedy = remedy_of(state);
    return error_set(err, remedy->kind, "store %s: %s%s", pg->place->label,
                     one_line(text ? text : "the connection was lost", line, sizeof line),
                     remedy->words);
}

/* ---- the place ---- */

static int load(struct pg_place *place, struct error *err)
{
    PQconninfoOption *options;
    char *why = NULL;
    if (libpq_load(&place->pq, err) != 0)
        return -1;
    options = place->pq.PQconninfoParse(place->url, &why);
    place->pq.PQconninfoFree(options);
    place->pq.PQfreemem(why);                       /* may hold the password */
    if (!options)
        return error_set(err, ERROR_INVALID, "store %s: is no URL that libpq understands: write "
                         "postgresql://USER@HOST:PORT/DATABASE?OPTION=VALUE, and a special "
                         "character of a part as %%XX", place->label);
    return 0;
}

struct pg_place *pg_place_new(const char *url, struct error *err)
{
    struct pg_place *place = alloc_zero(1, sizeof *place);
    struct arena *arena = arena_new();
    char id[DIGEST_HEX_SIZE];
    place->url = alloc_str(url);
    place->label = alloc_str(store_url_shown(arena, url));
    arena_free(arena);
    digest_secret(id);
    snprintf(place->name, sizeof place->name, "sluice %.16s", id);
    pthread_mutex_init(&place->gate.lock, NULL);
    if (load(place, err) == 0)
        return place;
    pg_place_free(place);
    return NULL;
}

void pg_place_free(struct pg_place *place)
{
    if (!place)
        return;
    pthread_mutex_destroy(&place->gate.lock);
    free(place->url);
    free(place->label);
    free(place);
}

/* ---- connecting ---- */

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

/* What stands before the URL may be said otherwise in it, what stands behind it may not. */
static PGconn *connect_to(const struct pg_place *place)
{
    static const char *const names[] = {"connect_timeout", "keepalives_idle",
                                        "keepalives_interval", "keepalives_count",
                                        "tcp_user_timeout", "dbname", "client_encoding",
                                        "application_name", NULL};
    char timeout[16];
    snprintf(timeout, sizeof timeout, "%d", PG_CONNECT_S);
    const char *const values[] = {timeout, "10", "5", "3", "20000", place->url, "UTF8",
                                  place->name, NULL};
    return place->pq.PQconnectdbParams(names, values, 1);
}

static int refuse_connection(const struct pg *pg, PGconn *conn, struct error *err)
{
    const struct libpq *pq = &pg->place->pq;
    const char *advice = ": check that the server runs and takes connections at this address";
    char line[400];
    if (pq->PQconnectionNeedsPassword(conn))
        advice = ": give the password by ~/.pgpass, PGPASSFILE or a service file";
    else if (pq->PQconnectionUsedPassword(conn))
        advice = ": check the name, the password and the database";
    return error_set(err, ERROR_UNAVAILABLE, "store %s: %s%s", pg->place->label,
                     one_line(pq->PQerrorMessage(conn), line, sizeof line), advice);
}

static int check_server(struct pg *pg, struct error *err)
{
    const struct libpq *pq = &pg->place->pq;
    const char *label = pg->place->label;
    int version = pq->PQserverVersion(pg->conn);
    const char *encoding = pq->PQparameterStatus(pg->conn, "server_encoding");
    if (version < OLDEST_VERSION)
        return error_set(err, ERROR_IO, "store %s: the server is PostgreSQL %d.%d: version %d or "
                         "newer is needed", label, version / 10000, version / 100 % 100,
                         OLDEST_VERSION / 10000);
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return error_set(err, ERROR_IO, "store %s: the database's encoding is %s: make one with "
                         "ENCODING 'UTF8'", label, encoding ? encoding : "not known");
    return 0;
}

/* A commit that was answered must be on disk, whatever the server's default. */
#define SESSION                                                                              \
    "SELECT set_config('synchronous_commit', 'on', false)"                                   \
    " WHERE current_setting('synchronous_commit') = 'off';"                                  \
    "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
/* Who is in the middle of a group has the turn of all: one that hangs loses it. */
#define TURNS     "SET idle_in_transaction_session_timeout = '10s';"
#define READ_ONLY "SET default_transaction_read_only = on;"

static int connect_now(struct pg *pg, struct error *err)
{
    const struct libpq *pq = &pg->place->pq;
    pg_drop(pg);
    PGconn *conn = connect_to(pg->place);
    if (!conn || pq->PQstatus(conn) != CONNECTION_OK) {
        int rc = conn ? refuse_connection(pg, conn, err)
                      : error_set(err, ERROR_IO, "store %s: no memory for a connection",
                                  pg->place->label);
        pq->PQfinish(conn);
        return rc;
    }
    pq->PQsetNoticeProcessor(conn, ignore_notice, NULL);
    pg->conn = conn;
    if (check_server(pg, err) == 0 &&
        pg_script(pg, pg->mode == PG_READ ? SESSION READ_ONLY : SESSION TURNS, err) == 0)
        return 0;
    pg_drop(pg);
    return -1;
}

/* ---- the gate ---- */

static bool is_shut(struct pg_gate *gate, struct error *err)
{
    pthread_mutex_lock(&gate->lock);
    bool shut = clock_mono_ms() < gate->next_ms;
    if (shut && err)
        *err = gate->why;
    pthread_mutex_unlock(&gate->lock);
    return shut;
}

static void note(struct pg_gate *gate, const struct error *failure)
{
    pthread_mutex_lock(&gate->lock);
    uint64_t twice = gate->delay_ms * 2;
    gate->delay_ms = !failure ? 0 : twice < DELAY_MIN_MS ? DELAY_MIN_MS
                   : twice > DELAY_MAX_MS ? DELAY_MAX_MS : twice;
    gate->next_ms = failure ? clock_mono_ms() + gate->delay_ms : 0;
    if (failure)
        gate->why = *failure;
    pthread_mutex_unlock(&gate->lock);
}

bool pg_alive(struct pg *pg)
{
    const struct libpq *pq = &pg->place->pq;
    if (!pg->conn || pq->PQstatus(pg->conn) != CONNECTION_OK)
        return false;
    /* An idle connection has nothing to say unless the server ends it: words first, then the
     * end. */
    struct pollfd fd = {.fd = pq->PQsocket(pg->conn), .events = POLLIN};
    for (int i = 0; i < 3 && poll(&fd, 1, 0) > 0; i++)
        if (!pq->PQconsumeInput(pg->conn) || pq->PQstatus(pg->conn) != CONNECTION_OK ||
            fd.revents & (POLLHUP | POLLERR))
            return false;
    return true;
}

int pg_revive(struct pg *pg, struct error *err)
{
    struct error why;
    if (pg_alive(pg))
        return 0;
    pg_drop(pg);
    if (is_shut(&pg->place->gate, err))
        return -1;
    if (connect_now(pg, &why) == 0) {
        note(&pg->place->gate, NULL);
        return 0;
    }
    note(&pg->place->gate, &why);
    if (err)
        *err = why;
    return -1;
}

/* ---- life ---- */

struct pg *pg_new(struct pg_place *place, enum pg_mode mode)
{
    struct pg *pg = alloc_zero(1, sizeof *pg);
    *pg = (struct pg){.sql.driver = &pg_driver, .place = place, .mode = mode};
    return pg;
}

struct pg *pg_open(struct pg_place *place, enum pg_mode mode, struct error *err)
{
    struct pg *pg = pg_new(place, mode);
    if (connect_now(pg, err) == 0)
        return pg;
    pg_close(pg);
    return NULL;
}

void pg_drop(struct pg *pg)
{
    pg->place->pq.PQfinish(pg->conn);
    pg->conn = NULL;
    pg->n_cached = pg->n_prepared = pg->n_sent = 0;
    pg->failed = false;
}

void pg_close(struct pg *pg)
{
    if (!pg)
        return;
    pg_drop(pg);
    buf_free(&pg->told);
    free(pg->cache);
    free(pg);
}
