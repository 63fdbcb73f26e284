/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/own_files.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "export/settings.h"
#include "sandbox/mounts/path.h"
#include "secret/key.h"
#include "store/store.h"

struct list {
    struct arena *arena;
    const char **items;
    size_t n;
    struct list *links;                             /* the links that lead to the items */
};

static void append(struct list *list, const char *path)
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
static void add(struct list *list, const char *path)
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

static void add_each(struct list *list, const char *paths, const char *separators)
{
    char *rest = NULL, *copy = arena_str(list->arena, paths ? paths : "");
    for (char *path = strtok_r(copy, separators, &rest); path;
         path = strtok_r(NULL, separators, &rest))
        if (*path == '/')
            add(list, path);
}

/* The interpreter, its script, files of its options. */
static void add_command(struct list *list, const struct chain_voter_config *voter)
{
    for (size_t i = 0; i < voter->n_command; i++) {
        const char *word = voter->command[i], *value = strchr(word, '=');
        if (i > 0 && *word == '-' && value)
            word = value + 1;
        if (i == 0 ? strchr(word, '/') != NULL : strcmp(word, "/") != 0 && access(word, F_OK) == 0)
            add(list, word);
    }
}

static void add_store(struct list *list, const char *url)
{
    for (const char *const *files = store_url_files(list->arena, url); *files; files++)
        add(list, *files);
}

/* Whether a script is part of the system: it is public, and only root can write it. */
static bool is_shipped(const char *path)
{
    return strncmp(path, "/usr/lib/", 9) == 0 || strncmp(path, "/usr/share/", 11) == 0;
}

static void add_voters(const struct chain_config *chain, struct list *hidden,
                       struct list *read_only)
{
    for (size_t i = 0; i < chain->n_voters; i++) {
        const struct chain_voter_config *voter = chain->voters[i];
        const char *script = voter->script;
        add_command(read_only, voter);
        if (!script || !*script)
            continue;
        if (*script != '/' && chain->base_dir && *chain->base_dir)
            script = arena_printf(hidden->arena, "%s/%s", chain->base_dir, script);
        add(is_shipped(script) ? read_only : hidden, script);
    }
    for (size_t i = 0; i < chain->n_plugin_dirs; i++)
        add(read_only, chain->plugin_dirs[i]);
}

/* The gateway's programs and the plugin folders beside them. */
static void add_programs(struct list *read_only, const char *bwrap)
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
        add(read_only, arena_printf(read_only->arena, "%s/%s", exe, names[i]));
    if (slash) { /* another gateway may load its voters from there */
        add(read_only, arena_printf(read_only->arena, "%s/../plugins", exe));
        add(read_only, arena_printf(read_only->arena, "%s/../lib/sluice/plugins", exe));
    }
    if (bwrap)
        add(read_only, bwrap);
}

/* Folders that the loader, the TLS library and the shell search because of the environment. */
static void add_environment(struct list *read_only)
{
    static const char *const names[] = {"PATH",          "LD_LIBRARY_PATH",
                                        "OPENSSL_CONF",  "OPENSSL_MODULES",
                                        "SSL_CERT_FILE", "SSL_CERT_DIR"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        add_each(read_only, getenv(names[i]), ":");
    add_each(read_only, getenv("LD_PRELOAD"), ": ");
}

static void add_listener(const struct gateway_listener *l, struct list *hidden,
                         struct list *read_only)
{
    if (listener_is_unix(l))
        add(hidden, l->address + 5);
    if (!l->tls)
        return;
    add(hidden, l->tls->key);
    add(read_only, l->tls->certificate);
    if (l->tls->client_ca)
        add(read_only, l->tls->client_ca);
}

static void add_exporter(const struct export_settings *s, struct list *hidden,
                         struct list *read_only)
{
    const char *const secrets[] = {s->token_file, s->headers_file, s->key_file};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (*secrets[i])
            add(hidden, secrets[i]);
    if (*s->ca)
        add(read_only, s->ca);
}

void own_files_list(const struct gateway_config *config, const struct gateway_flags *flags,
                    const char *bwrap, struct arena *arena, struct runtime_files *out)
{
    struct list read_only = {.arena = arena, .links = &read_only};
    struct list hidden = {.arena = arena, .links = &read_only};
    add(&hidden, config->state_dir);
    add(&hidden, arena_printf(arena, "%s/admin.token", config->state_dir));
    add(&hidden, arena_printf(arena, "%s/" SECRET_KEY_FILE, config->state_dir));
    for (size_t i = 0; i < config->n_listen; i++)
        add_listener(config->listen[i], &hidden, &read_only);
    add_store(&hidden, config->store);
    if (flags->config)
        add(&hidden, flags->config);
    if (*config->egress->extra_ca)
        add(&read_only, config->egress->extra_ca);
    for (size_t i = 0; i < config->n_exports; i++)
        add_exporter(config->exports[i], &hidden, &read_only);
    add_voters(config->chain, &hidden, &read_only);
    add_environment(&read_only);
    add_programs(&read_only, bwrap);
    *out = (struct runtime_files){hidden.items, hidden.n, read_only.items, read_only.n};
}
