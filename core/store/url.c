/* SPDX-License-Identifier: Apache-2.0 */
#include "store/url.h"

#include <libgen.h>
#include <string.h>
#include <unistd.h>

#include "base/trusted_path.h"
#include "store/backend.h"

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

int store_check_place(const char *url, uid_t also, struct error *err)
{
    struct arena *arena = arena_new();
    const char *const *files = store_url_files(arena, url);
    const char *path = *files ? dirname(arena_str(arena, *files)) : NULL;
    const struct trusted_folder folder = {.what = "store's", .path = path, .also = also};
    int rc = 0, dir = path ? trusted_folder_open(&folder, err) : -1;
    if (path && dir < 0)
        rc = -1;
    for (; rc == 0 && *files; files++)
        rc = trusted_entry_check(dir, &folder, basename(arena_str(arena, *files)), err);
    if (dir >= 0)
        close(dir);
    arena_free(arena);
    return rc;
}
