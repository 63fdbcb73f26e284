/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres/outbox.h"

#include <inttypes.h>
#include <string.h>

#include "store/postgres/pg_parts.h"

#define NOW_MS "(1000 * extract(epoch FROM clock_timestamp()))::bigint"

/* ---- gateways ---- */

int outbox_register(struct pg *pg, struct store_gateway *me, int64_t *seq, struct error *err)
{
    uint64_t number = 0, newest = 0;
    if (sql_run(&pg->sql, err, "DELETE FROM commit_mark WHERE writer NOT IN (SELECT id FROM "
                "gateway)", "") ||
        sql_count(&pg->sql, err, &newest, "SELECT coalesce(max(seq), 0) FROM outbox", "") ||
        sql_count(&pg->sql, err, &number, "INSERT INTO gateway(id, name, peer_address, "
                  "peer_digest, started_at_ms, seen_at_ms) VALUES(?, ?, ?, ?, " NOW_MS ", " NOW_MS
                  ") ON CONFLICT (id) DO UPDATE SET name=excluded.name, "
                  "peer_address=excluded.peer_address, peer_digest=excluded.peer_digest, "
                  "started_at_ms=excluded.started_at_ms, seen_at_ms=excluded.seen_at_ms "
                  "RETURNING number", "tttt", me->id, me->name,
                  me->peer_address ? me->peer_address : "", me->peer_digest ? me->peer_digest : ""))
        return -1;
    me->number = (int64_t)number;
    *seq = (int64_t)newest;
    return 0;
}

static struct store_gateway read_gateway(const struct sql_driver *driver, struct sql_rows *rows,
                                         struct arena *arena)
{
    return (struct store_gateway){
        .number = driver->integer(rows, 0),
        .id = arena_str(arena, driver->text(rows, 1)),
        .name = arena_str(arena, driver->text(rows, 2)),
        .started_at_ms = driver->integer(rows, 3),
        .seen_at_ms = driver->integer(rows, 4),
        .alive = driver->integer(rows, 5) < STORE_SILENT_MS,
        .peer_address = arena_str(arena, driver->text(rows, 6)),
        .peer_digest = arena_str(arena, driver->text(rows, 7)),
    };
}

enum { GATEWAYS_MAX = 256 };

int outbox_gateways(struct store_tx *tx, struct arena *arena, struct store_gateway **out,
                    size_t *n, struct error *err)
{
    struct sql_db *db = ((struct sql_tx *)tx)->db;
    struct sql_rows *rows = sql_query(db, err,
                                      "SELECT number, id, name, started_at_ms, "
                                      "seen_at_ms, " NOW_MS " - seen_at_ms, peer_address, "
                                      "peer_digest FROM gateway ORDER BY number LIMIT ?",
                                      "i", (int64_t)GATEWAYS_MAX);
    int more;
    *out = arena_alloc(arena, GATEWAYS_MAX * sizeof **out);
    *n = 0;
    if (!rows)
        return -1;
    while ((more = sql_next(db, rows, err)) > 0)
        (*out)[(*n)++] = read_gateway(db->driver, rows, arena);
    return more;
}

int outbox_beat(struct pg *pg, int64_t seq, struct error *err)
{
    uint64_t others = 0;
    if (sql_run(&pg->sql, err, "UPDATE gateway SET seen_at_ms=" NOW_MS " WHERE id=?", "t",
                pg->place->gateway) ||
        sql_run(&pg->sql, err, "DELETE FROM outbox WHERE seq<=?", "i", seq) ||
        sql_count(&pg->sql, err, &others, "SELECT count(*) FROM gateway WHERE id<>? AND "
                  NOW_MS " - seen_at_ms < ?", "ti", pg->place->gateway,
                  (int64_t)STORE_SILENT_MS) != 0)
        return -1;
    pg->place->accompanied = others > 0;
    return 0;
}

/* ---- changes: a line each, its fields between tabs ---- */

static bool is_plain(const char *text)
{
    return !text || !strpbrk(text, "\t\n");
}

int outbox_tell(struct store_tx *tx, const struct store_change *change, struct error *err)
{
    struct pg *pg = (struct pg *)((struct sql_tx *)tx)->db;
    if (!is_plain(change->subject) || !is_plain(change->part))
        return error_set(err, ERROR_INTERNAL, "an id has a tab or an end of line");
    buf_printf(&pg->told, "%s%s\t%s\t%s\t%" PRIu64, pg->told.len ? "\n" : "",
               store_topic_word(change->topic), change->subject ? change->subject : "",
               change->part ? change->part : "", change->number);
    return 0;
}

void outbox_write(struct pg *pg)
{
    if (!pg->told.len)
        return;
    sql_run(&pg->sql, NULL, "INSERT INTO outbox(gateway, topic, subject, part, number) SELECT ?, "
            "split_part(line, E'\\t', 1), split_part(line, E'\\t', 2), "
            "split_part(line, E'\\t', 3), split_part(line, E'\\t', 4)::bigint "
            "FROM unnest(string_to_array(?, E'\\n')) WITH ORDINALITY AS told(line, place) "
            "ORDER BY place", "tt", pg->place->gateway, buf_str(&pg->told));
    /* Whoever has just come reads each second until it was noticed. */
    if (pg->place->accompanied)
        sql_run(&pg->sql, NULL, "SELECT pg_notify('" OUTBOX_CHANNEL "', ?)", "t",
                pg->place->gateway);
}

/* A word of a newer gateway may be anything. */
static enum store_topic topic_of(const char *word)
{
    for (enum store_topic topic = 0; topic < STORE_TOPIC_COUNT; topic++)
        if (strcmp(store_topic_word(topic), word) == 0)
            return topic;
    return STORE_TOPIC_ALL;
}

static struct store_change read_change(struct pg *pg, struct sql_rows *rows, struct arena *arena)
{
    const struct sql_driver *driver = pg->sql.driver;
    struct store_change change = {
        .own = strcmp(driver->text(rows, 1), pg->place->gateway) == 0,
        .topic = topic_of(driver->text(rows, 2)),
        .subject = arena_str(arena, driver->text(rows, 3)),
        .part = arena_str(arena, driver->text(rows, 4)),
        .number = (uint64_t)driver->integer(rows, 5),
    };
    if (*driver->text(rows, 6)) {
        change.event_type = arena_str(arena, driver->text(rows, 6));
        change.event_sandbox = arena_str(arena, driver->text(rows, 7));
        change.event_json = arena_str(arena, driver->text(rows, 8));
    }
    return change;
}

int outbox_read(struct pg *pg, int64_t *seq, struct arena *arena, struct store_change **out,
                size_t *n, struct error *err)
{
    struct sql_rows *rows = sql_query(
        &pg->sql, err, "SELECT o.seq, o.gateway, o.topic, o.subject, o.part, o.number, "
        "coalesce(e.type, ''), coalesce(e.sandbox, ''), coalesce(e.json, '') FROM outbox o "
        "LEFT JOIN event e ON o.topic='event' AND o.gateway<>? AND e.of_workload=(o.part='1')::int "
        "AND e.id=o.number WHERE o.seq>? ORDER BY o.seq LIMIT ?", "tii", pg->place->gateway, *seq,
        (int64_t)OUTBOX_READ_MAX);
    int more;
    *out = arena_alloc(arena, OUTBOX_READ_MAX * sizeof **out);
    *n = 0;
    if (!rows)
        return -1;
    while ((more = sql_next(&pg->sql, rows, err)) > 0) {
        const struct store_change change = read_change(pg, rows, arena);
        (*out)[(*n)++] = change;
        if (!change.own)
            pg->place->accompanied = true;
        *seq = pg->sql.driver->integer(rows, 0);
    }
    return more;
}
