/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store/backend.h"
#include "store/backup_file.h"

/* ---- URLs ---- */

const struct store_backend *store_backend_of(const char *url, const char **place)
{
    static const struct store_backend *const backends[] = {&store_sqlite, &store_postgres};
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        size_t len = strlen(backends[i]->scheme);
        if (strncmp(url, backends[i]->scheme, len) != 0 || url[len] != ':' || !url[len + 1])
            continue;
        *place = url + len + 1;
        return backends[i];
    }
    return NULL;
}

/* Hides the value behind each "password=" of what follows a '?'. */
static void hide_options(char *url)
{
    char *option = strchr(url, '?');
    while (option && (option = strstr(option, "password="))) {
        option += strlen("password=");
        size_t len = strcspn(option, "&");
        memset(option, '*', len);
        option += len;
    }
}

/* "//USER:PASSWORD@": an '@' that belongs to the password should be written as %40, but is not
 * always; so the last one counts that stands before the options. */
const char *store_url_shown(struct arena *arena, const char *url)
{
    char *shown = arena_str(arena, url), *rest = strstr(shown, "://");
    if (!rest)
        return shown;
    hide_options(shown);
    rest += strlen("://");
    size_t len = strcspn(rest, "?");
    char *at = memrchr(rest, '@', len), *colon = at ? memchr(rest, ':', (size_t)(at - rest)) : NULL;
    if (colon)
        memmove(colon, at, strlen(at) + 1);
    return shown;
}

bool store_url_valid(const char *url)
{
    const char *place;
    return store_backend_of(url, &place) != NULL;
}

const char *store_url_in(struct arena *arena, const char *folder)
{
    return arena_printf(arena, "%s:%s/sluice.db", store_sqlite.scheme, folder);
}

const char *store_url_of_file(struct arena *arena, const char *path)
{
    return arena_printf(arena, "%s:%s", store_sqlite.scheme, path);
}

const char *store_url_below(struct arena *arena, const char *url, const char *folder)
{
    const char *place;
    const struct store_backend *backend = store_backend_of(url, &place);
    if (!backend || !backend->files || *place == '/')
        return url;
    return arena_printf(arena, "%s:%s/%s", backend->scheme, folder, place);
}

const char *const *store_url_files(struct arena *arena, const char *url)
{
    const char *place;
    const struct store_backend *backend = store_backend_of(url, &place);
    const char *const *suffixes = backend ? backend->files : NULL;
    size_t n = 0;
    while (suffixes && suffixes[n])
        n++;
    const char **files = arena_zalloc(arena, (n + 1) * sizeof *files);
    for (size_t i = 0; i < n; i++)
        files[i] = arena_printf(arena, "%s%s", place, suffixes[i]);
    return files;
}

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
