/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/site/own_paths.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "sandbox/mounts/path.h"

static void append(struct own_paths *list, const char *path)
{
    if ((list->n & (list->n - 1)) == 0) {
        const char **bigger =
            arena_zalloc(list->arena, (list->n ? 2 * list->n : 1) * sizeof *bigger);
        if (list->n)
            memcpy(bigger, list->items, list->n * sizeof *bigger);
        list->items = bigger;
    }
    list->items[list->n++] = arena_str(list->arena, path);
}

/* Adds the absolute path and the path without links, and each link on the way: whoever can replace
 * a link decides what the gateway reads next. */
void own_paths_add(struct own_paths *list, const char *path)
{
    char here[PATH_MAX];
    struct path_walk walk;
    if (*path && *path != '/' && getcwd(here, sizeof here))
        path = arena_printf(list->arena, "%s/%s", here, path);
    if (*path != '/')
        return;
    append(list, path);
    int error = sandbox_path_walk(list->arena, path, &walk);
    for (size_t i = 0; i < walk.n_links; i++)
        append(list->links, walk.links[i].path);
    if (error == 0 && strcmp(walk.real, path) != 0)
        append(list, walk.real);
}

static void add_each(struct own_paths *list, const char *paths, const char *separators)
{
    char *rest = NULL, *copy = arena_str(list->arena, paths ? paths : "");
    for (char *path = strtok_r(copy, separators, &rest); path;
         path = strtok_r(NULL, separators, &rest))
        if (*path == '/')
            own_paths_add(list, path);
}

/* The gateway's programs and the plugin folders beside them. */
void own_paths_add_programs(struct own_paths *read_only, const char *bwrap)
{
    static const char *const names[] = {"sluiced",
                                        "sluice",
                                        "sluice-supervisor",
                                        "sluice-init",
                                        "sluice-plugin-host",
                                        "sluice-plugin-bench",
                                        "sluice-fetch"};
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n < 0 ? 0 : n] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; slash && i < sizeof names / sizeof *names; i++)
        own_paths_add(read_only, arena_printf(read_only->arena, "%s/%s", exe, names[i]));
    if (slash) { /* another gateway may load its voters from there */
        own_paths_add(read_only, arena_printf(read_only->arena, "%s/../plugins", exe));
        own_paths_add(read_only, arena_printf(read_only->arena, "%s/../lib/sluice/plugins", exe));
    }
    if (bwrap)
        own_paths_add(read_only, bwrap);
}

/* Folders that the loader, the TLS library and the shell search because of the environment. */
void own_paths_add_environment(struct own_paths *read_only)
{
    static const char *const names[] = {"PATH",          "LD_LIBRARY_PATH",
                                        "OPENSSL_CONF",  "OPENSSL_MODULES",
                                        "SSL_CERT_FILE", "SSL_CERT_DIR"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        add_each(read_only, getenv(names[i]), ":");
    add_each(read_only, getenv("LD_PRELOAD"), ": ");
}
