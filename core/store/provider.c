/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backend.h"

static const struct store_provider_rows *rows(const struct store_tx *tx)
{
    return tx->backend->providers;
}

/* ---- reading ---- */

int store_tx_provider_get(struct store_tx *tx, const char *name, struct arena *arena,
                          struct store_provider *out, struct error *err)
{
    int found = rows(tx)->find(tx, STORE_BY_NAME, name, arena, out, err);
    if (found == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "provider '%s' not found: `sluice provider list` shows those there are",
                         name);
    return found > 0 ? 0 : -1;
}

int store_provider_get(struct store *s, const char *name, struct arena *arena,
                       struct store_provider *out, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, store_tx_provider_get(tx, name, arena, out, err));
}

int store_provider_list(struct store *s, struct arena *arena, struct store_provider **out,
                        size_t *n, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, rows(tx)->list(tx, arena, out, n, err));
}

int store_tx_credential_list(struct store_tx *tx, const char *provider_id, struct arena *arena,
                             struct store_credential **out, size_t *n, struct error *err)
{
    return rows(tx)->list_credentials(tx, provider_id, arena, out, n, err);
}

int store_credential_list(struct store *s, const char *provider_id, struct arena *arena,
                          struct store_credential **out, size_t *n, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, store_tx_credential_list(tx, provider_id, arena, out, n, err));
}

int store_tx_attachment_list(struct store_tx *tx, const char *provider_id, const char *sandbox_id,
                             struct arena *arena, struct store_attachment **out, size_t *n,
                             struct error *err)
{
    return rows(tx)->list_attachments(tx, provider_id, sandbox_id, arena, out, n, err);
}

int store_attachment_list(struct store *s, const char *provider_id, const char *sandbox_id,
                          struct arena *arena, struct store_attachment **out, size_t *n,
                          struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(
        s, tx, store_tx_attachment_list(tx, provider_id, sandbox_id, arena, out, n, err));
}

/* ---- writing ---- */

/* Whoever runs a sandbox that uses credentials gives it those of now.  rc: of the change. */
static int tell(struct store_tx *tx, int rc, struct error *err)
{
    const struct store_change change = {.topic = STORE_TOPIC_PROVIDER, .subject = ""};
    return rc < 0 || store_tx_tell(tx, &change, err) != 0 ? -1 : rc;
}

int store_tx_provider_insert(struct store_tx *tx, const struct store_provider *provider,
                             struct error *err)
{
    struct store_provider row = *provider;
    row.labels_json = row.labels_json ? row.labels_json : "{}";
    row.config_json = row.config_json ? row.config_json : "{}";
    int inserted = rows(tx)->insert(tx, &row, err);
    if (inserted == 0)
        return error_set(err, ERROR_EXISTS,
                         "provider '%s' exists already: replace its values with `sluice provider "
                         "rotate`, or choose another name", provider->name);
    return inserted > 0 ? 0 : -1;
}

/* The outcome of a change to a provider that was there a moment ago. */
static int require(int changed, struct error *err)
{
    if (changed == 0)
        return error_set(err, ERROR_NOT_FOUND, "the provider was deleted");
    return changed > 0 ? 0 : -1;
}

int store_tx_provider_rotated(struct store_tx *tx, const char *id, int64_t at_ms,
                              struct error *err)
{
    return require(rows(tx)->set_rotated(tx, id, at_ms, err), err);
}

int store_tx_provider_notes(struct store_tx *tx, const struct store_provider *provider,
                            struct error *err)
{
    return require(rows(tx)->set_notes(tx, provider, err), err);
}

int store_tx_provider_delete(struct store_tx *tx, const char *id, struct error *err)
{
    return require(rows(tx)->remove(tx, id, err), err);
}

int store_tx_credential_put(struct store_tx *tx, const struct store_credential *credential,
                            struct error *err)
{
    return tell(tx, rows(tx)->put_credential(tx, credential, err), err) < 0 ? -1 : 0;
}

int store_tx_credential_delete(struct store_tx *tx, const char *provider_id, const char *name,
                               struct error *err)
{
    int rc = require(rows(tx)->remove_credential(tx, provider_id, name, err), err);
    return tell(tx, rc, err);
}

int store_tx_attachment_add(struct store_tx *tx, const struct store_attachment *attachment,
                            struct error *err)
{
    return tell(tx, rows(tx)->insert_attachment(tx, attachment, err), err);
}

int store_tx_attachment_delete(struct store_tx *tx, const char *provider_id,
                               const char *sandbox_id, struct error *err)
{
    return tell(tx, rows(tx)->remove_attachments(tx, provider_id, sandbox_id, err), err);
}
