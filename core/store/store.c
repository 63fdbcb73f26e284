/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store/backend.h"
#include "store/backup_file.h"
#include "store/url.h"

/* ---- the store ---- */

struct store *store_open(const char *url, const struct log *log, struct error *err)
{
    const char *place;
    const struct store_backend *backend = store_backend_of(url, &place);
    if (!backend) {
        struct arena *arena = arena_new();
        error_set(err, ERROR_INVALID, "store '%s': expected " STORE_URL_FORMS,
                  store_url_shown(arena, url));
        arena_free(arena);
        return NULL;
    }
    struct store *store = backend->open(place, log, err);
    if (store)
        pthread_mutex_init(&store->verifying, NULL);
    return store;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    pthread_mutex_destroy(&store->verifying);
    store->backend->close(store);
}

int store_claim(struct store *store, struct error *err)
{
    return store->backend->claim(store, err);
}

int store_write(struct store *store, store_write_fn fn, void *arg, struct error *err)
{
    return store->backend->write(store, fn, arg, err);
}

void store_write_later(struct store *store, store_write_fn fn, store_written_fn done, void *arg)
{
    store->backend->write_later(store, fn, done, arg);
}

struct store_tx *store_read(struct store *store)
{
    return store->backend->read(store);
}

int store_done(struct store *store, struct store_tx *tx, int rc)
{
    store->backend->end_read(store, tx);
    return rc;
}

/* ---- backups ---- */

/* A backup is a store of SQLite; its file begins with this and a NUL. */
static const char file_head[] = "SQLite format 3";

bool store_is_backup(int fd)
{
    char is[sizeof file_head];
    errno = 0;
    return pread(fd, is, sizeof is, 0) == (ssize_t)sizeof is &&
           memcmp(is, file_head, sizeof is) == 0;
}
