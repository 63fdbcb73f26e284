/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/own_files.h"

#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "export/settings.h"
#include "sandbox/site/own_paths.h"
#include "secret/key.h"
#include "store/store.h"
#include "store/url.h"

/* The interpreter, its script, files of its options. */
static void add_command(struct own_paths *list, const struct chain_voter_config *voter)
{
    for (size_t i = 0; i < voter->n_command; i++) {
        const char *word = voter->command[i], *value = strchr(word, '=');
        if (i > 0 && *word == '-' && value)
            word = value + 1;
        if (i == 0 ? strchr(word, '/') != NULL : strcmp(word, "/") != 0 && access(word, F_OK) == 0)
            own_paths_add(list, word);
    }
}

static void add_store(struct own_paths *list, const char *url)
{
    for (const char *const *files = store_url_files(list->arena, url); *files; files++)
        own_paths_add(list, *files);
}

/* Whether a script is part of the system: it is public, and only root can write it. */
static bool is_shipped(const char *path)
{
    return strncmp(path, "/usr/lib/", 9) == 0 || strncmp(path, "/usr/share/", 11) == 0;
}

static void add_voters(const struct chain_config *chain, struct own_paths *hidden,
                       struct own_paths *read_only)
{
    for (size_t i = 0; i < chain->n_voters; i++) {
        const struct chain_voter_config *voter = chain->voters[i];
        const char *script = voter->script;
        add_command(read_only, voter);
        if (!script || !*script)
            continue;
        if (*script != '/' && chain->base_dir && *chain->base_dir)
            script = arena_printf(hidden->arena, "%s/%s", chain->base_dir, script);
        own_paths_add(is_shipped(script) ? read_only : hidden, script);
    }
    for (size_t i = 0; i < chain->n_plugin_dirs; i++)
        own_paths_add(read_only, chain->plugin_dirs[i]);
}

static void add_listener(const struct gateway_listener *l, struct own_paths *hidden,
                         struct own_paths *read_only)
{
    if (listener_is_unix(l))
        own_paths_add(hidden, l->address + 5);
    if (!l->tls)
        return;
    own_paths_add(hidden, l->tls->key);
    own_paths_add(read_only, l->tls->certificate);
    if (l->tls->client_ca)
        own_paths_add(read_only, l->tls->client_ca);
}

static void add_exporter(const struct export_settings *s, struct own_paths *hidden,
                         struct own_paths *read_only)
{
    const char *const secrets[] = {s->token_file, s->headers_file, s->key_file};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (*secrets[i])
            own_paths_add(hidden, secrets[i]);
    if (*s->ca)
        own_paths_add(read_only, s->ca);
}

void own_files_list(const struct gateway_config *config, const struct gateway_flags *flags,
                    const char *bwrap, struct arena *arena, struct runtime_files *out)
{
    struct own_paths read_only = {.arena = arena, .links = &read_only};
    struct own_paths hidden = {.arena = arena, .links = &read_only};
    own_paths_add(&hidden, config->state_dir);
    own_paths_add(&hidden, arena_printf(arena, "%s/admin.token", config->state_dir));
    own_paths_add(&hidden, arena_printf(arena, "%s/" SECRET_KEY_FILE, config->state_dir));
    for (size_t i = 0; i < config->n_listen; i++)
        add_listener(config->listen[i], &hidden, &read_only);
    add_store(&hidden, config->store);
    if (flags->config)
        own_paths_add(&hidden, flags->config);
    if (*config->egress->extra_ca)
        own_paths_add(&read_only, config->egress->extra_ca);
    for (size_t i = 0; i < config->n_exports; i++)
        add_exporter(config->exports[i], &hidden, &read_only);
    add_voters(config->chain, &hidden, &read_only);
    own_paths_add_environment(&read_only);
    own_paths_add_programs(&read_only, bwrap);
    *out = (struct runtime_files){hidden.items, hidden.n, read_only.items, read_only.n};
}
