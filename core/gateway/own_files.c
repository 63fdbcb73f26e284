/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/own_files.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"

struct list {
    struct arena *arena;
    const char **items;
    size_t n;
};

/* Under its absolute name, and under the one it has without links. */
static void add(struct list *list, const char *path)
{
    char here[PATH_MAX], *real = realpath(path, NULL);
    const char *names[2] = {path, real};
    if (!*path)
        names[0] = NULL;
    else if (*path != '/' && getcwd(here, sizeof here))
        names[0] = arena_printf(list->arena, "%s/%s", here, path);
    for (size_t i = 0; i < 2; i++) {
        if (!names[i] || (i == 1 && names[0] && strcmp(names[0], names[1]) == 0))
            continue;
        if ((list->n & (list->n - 1)) == 0) {
            const char **bigger = arena_zalloc(list->arena, (list->n ? 2 * list->n : 1) * sizeof *bigger);
            if (list->n)
                memcpy(bigger, list->items, list->n * sizeof *bigger);
            list->items = bigger;
        }
        list->items[list->n++] = arena_str(list->arena, names[i]);
    }
    free(real);
}

static void add_store(struct list *list, const char *url)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        add(list, arena_printf(list->arena, "%s%s", strchr(url, ':') + 1, suffixes[i]));
}

/* Whether a script came with the system: it is no secret, and nobody but root writes it. */
static bool is_shipped(const char *path)
{
    return strncmp(path, "/usr/lib/", 9) == 0 || strncmp(path, "/usr/share/", 11) == 0;
}

static void add_voters(const struct chain_config *chain, struct list *hidden, struct list *read_only)
{
    for (size_t i = 0; i < chain->n_voters; i++) {
        const struct chain_voter_config *voter = chain->voters[i];
        const char *script = voter->script;
        if (voter->n_command > 0 && strchr(voter->command[0], '/'))
            add(read_only, voter->command[0]);
        if (!script || !*script)
            continue;
        if (*script != '/' && chain->base_dir && *chain->base_dir)
            script = arena_printf(hidden->arena, "%s/%s", chain->base_dir, script);
        add(is_shipped(script) ? read_only : hidden, script);
    }
    for (size_t i = 0; i < chain->n_plugin_dirs; i++)
        add(read_only, chain->plugin_dirs[i]);
}

/* Our own, and where whoever runs us finds theirs. */
static void add_programs(struct list *read_only, const char *bwrap)
{
    static const char *const names[] = {"sluiced", "sluice", "sluice-supervisor", "sluice-init",
                                        "sluice-plugin-host"};
    char exe[PATH_MAX], *rest = NULL;
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n < 0 ? 0 : n] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; slash && i < sizeof names / sizeof *names; i++)
        add(read_only, arena_printf(read_only->arena, "%s/%s", exe, names[i]));
    if (slash) {                                    /* also where another gateway's voters lie */
        add(read_only, arena_printf(read_only->arena, "%s/../plugins", exe));
        add(read_only, arena_printf(read_only->arena, "%s/../lib/sluice/plugins", exe));
    }
    if (bwrap)
        add(read_only, bwrap);
    char *path = (char *)arena_str(read_only->arena, getenv("PATH") ? getenv("PATH") : "");
    for (char *folder = strtok_r(path, ":", &rest); folder; folder = strtok_r(NULL, ":", &rest))
        if (*folder == '/')
            add(read_only, folder);
}

static const char **copy_paths(const char **paths, size_t n, struct arena *arena)
{
    const char **copy = arena_alloc(arena, (n + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = arena_str(arena, paths[i]);
    return copy;
}

struct own_files own_files_copy(const struct own_files *own, struct arena *arena)
{
    return (struct own_files){copy_paths(own->hidden, own->n_hidden, arena), own->n_hidden,
                              copy_paths(own->read_only, own->n_read_only, arena), own->n_read_only};
}

void own_files_list(const struct gateway_config *config, const struct gateway_flags *flags,
                    const char *bwrap, struct arena *arena, struct own_files *out)
{
    struct list hidden = {.arena = arena}, read_only = {.arena = arena};
    add(&hidden, config->state_dir);
    for (size_t i = 0; i < config->n_listen; i++)
        if (listener_is_unix(config->listen[i]))
            add(&hidden, config->listen[i]->address + 5);
    add_store(&hidden, config->store);
    if (flags->config)
        add(&hidden, flags->config);
    add_voters(config->chain, &hidden, &read_only);
    add_programs(&read_only, bwrap);
    *out = (struct own_files){hidden.items, hidden.n, read_only.items, read_only.n};
}
