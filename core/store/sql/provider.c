/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/sql_parts.h"

#define PROVIDERS "SELECT " STORE_PROVIDER_FIELDS(SQL_NAME, ",") " FROM provider"

static int provider_find(struct store_tx *tx, enum store_key by, const char *value,
                         struct arena *arena, struct store_provider *out, struct error *err)
{
    struct sql_rows *rows =
        by == STORE_BY_ID ? sql_query(sql_of(tx), err, PROVIDERS " WHERE id=?", "t", value)
                          : sql_query(sql_of(tx), err, PROVIDERS " WHERE name=?", "t", value);
    return sql_record_one(sql_of(tx), rows, &store_provider_record, arena, out, err);
}

static int provider_list(struct store_tx *tx, struct arena *arena, struct store_provider **out,
                         size_t *n, struct error *err)
{
    struct sql_rows *rows = sql_query(sql_of(tx), err, PROVIDERS " ORDER BY name", "");
    return sql_record_all(sql_of(tx), rows, &store_provider_record, arena, out, n, err);
}

static int provider_insert(struct store_tx *tx, const struct store_provider *provider,
                           struct error *err)
{
    return sql_insert(sql_of(tx), err, SQL_INSERT_NEW("provider", STORE_PROVIDER_FIELDS),
                     &store_provider_record, provider);
}

static int provider_set_rotated(struct store_tx *tx, const char *id, int64_t at_ms,
                                struct error *err)
{
    return sql_change(sql_of(tx), err,
                     "UPDATE provider SET rotations=rotations+1, rotated_at_ms=? WHERE id=?", "it",
                     at_ms, id);
}

static int provider_set_notes(struct store_tx *tx, const struct store_provider *provider,
                              struct error *err)
{
    return sql_change(sql_of(tx), err,
                      "UPDATE provider SET labels_json=?, config_json=? WHERE id=?", "ttt",
                      provider->labels_json, provider->config_json, provider->id);
}

static int provider_remove(struct store_tx *tx, const char *id, struct error *err)
{
    if (sql_run(sql_of(tx), err, "DELETE FROM credential WHERE provider_id=?", "t", id) != 0)
        return -1;
    return sql_change(sql_of(tx), err, "DELETE FROM provider WHERE id=?", "t", id);
}

static int credential_list(struct store_tx *tx, const char *provider_id, struct arena *arena,
                           struct store_credential **out, size_t *n, struct error *err)
{
    struct sql_rows *rows = sql_query(sql_of(tx), err,
                                  "SELECT " STORE_CREDENTIAL_FIELDS(SQL_NAME, ",")
                                  " FROM credential WHERE provider_id=? ORDER BY name",
                                  "t", provider_id);
    return sql_record_all(sql_of(tx), rows, &store_credential_record, arena, out, n, err);
}

static int credential_put(struct store_tx *tx, const struct store_credential *credential,
                          struct error *err)
{
    return sql_run(sql_of(tx), err,
                  "INSERT INTO credential(provider_id, name, sealed) VALUES(?,?,?)"
                  " ON CONFLICT(provider_id, name) DO UPDATE SET sealed=excluded.sealed",
                  "ttt", credential->provider_id, credential->name, credential->sealed);
}

static int credential_remove(struct store_tx *tx, const char *provider_id, const char *name,
                             struct error *err)
{
    return sql_change(sql_of(tx), err, "DELETE FROM credential WHERE provider_id=? AND name=?",
                      "tt", provider_id, name);
}

/* The columns of STORE_ATTACHMENT_FIELDS. */
#define ATTACHMENTS                                                                  \
    "SELECT a.provider_id, a.sandbox_id, a.handle, a.at_ms, p.name, p.profile, s.name" \
    " FROM attachment a JOIN provider p ON p.id=a.provider_id"                       \
    " JOIN sandbox s ON s.id=a.sandbox_id WHERE s.deleted_at_ms=0"

static int attachment_list(struct store_tx *tx, const char *provider_id, const char *sandbox_id,
                           struct arena *arena, struct store_attachment **out, size_t *n,
                           struct error *err)
{
#define BY_ROWID " ORDER BY a.rowid"
    struct sql_db *db = sql_of(tx);
    struct sql_rows *rows =
        provider_id && sandbox_id
            ? sql_query(db, err, ATTACHMENTS " AND a.provider_id=? AND a.sandbox_id=?" BY_ROWID,
                       "tt", provider_id, sandbox_id)
        : sandbox_id
            ? sql_query(db, err, ATTACHMENTS " AND a.sandbox_id=?" BY_ROWID, "t", sandbox_id)
        : provider_id
            ? sql_query(db, err, ATTACHMENTS " AND a.provider_id=?" BY_ROWID, "t", provider_id)
            : sql_query(db, err, ATTACHMENTS BY_ROWID, "");
    return sql_record_all(db, rows, &store_attachment_record, arena, out, n, err);
}

static int attachment_insert(struct store_tx *tx, const struct store_attachment *a,
                             struct error *err)
{
    return sql_change(sql_of(tx), err,
                     "INSERT INTO attachment(provider_id, sandbox_id, handle, at_ms)"
                     " VALUES(?,?,?,?) ON CONFLICT DO NOTHING",
                     "ttti", a->provider_id, a->sandbox_id, a->handle, a->at_ms);
}

static int attachment_remove(struct store_tx *tx, const char *provider_id, const char *sandbox_id,
                             struct error *err)
{
    return sql_change(sql_of(tx), err,
                     "DELETE FROM attachment WHERE (?='' OR provider_id=?) AND sandbox_id=?",
                     "ttt", provider_id, provider_id, sandbox_id);
}

const struct store_provider_rows sql_providers = {
    .find = provider_find,
    .list = provider_list,
    .insert = provider_insert,
    .set_rotated = provider_set_rotated,
    .set_notes = provider_set_notes,
    .remove = provider_remove,
    .list_credentials = credential_list,
    .put_credential = credential_put,
    .remove_credential = credential_remove,
    .list_attachments = attachment_list,
    .insert_attachment = attachment_insert,
    .remove_attachments = attachment_remove,
};
