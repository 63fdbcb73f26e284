/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plugin/bundle/voter.h"

#include <jansson.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "chain/chain.h"
#include "testkit/file.h"
#include "testkit/suite.h"

struct gathering {
    const char *folder;                             /* absolute, without links */
    const char *const *plugin_dirs;
    struct bundle *out;
    struct error *err;
};

/* ---- files ---- */

/* Where a file is within the folder; NULL: nowhere. */
static const char *within(const struct gathering *g, const char *path)
{
    size_t len = strlen(g->folder);
    char *real = realpath(path, NULL);
    const char *name = real && strncmp(real, g->folder, len) == 0 && real[len] == '/'
                           ? arena_str(g->out->arena, real + len + 1)
                           : NULL;
    free(real);
    return name;
}

/* Once, however many cases use it.  NULL with err. */
static const char *add(const struct gathering *g, const char *path)
{
    const char *name = within(g, path);
    if (!name) {
        error_set(g->err, ERROR_INVALID, "%s is no file of the folder %s", path, g->folder);
        return NULL;
    }
    if (bundle_find(g->out, name))
        return name;
    return bundle_add_file(g->out, name, path, g->err) == 0 ? name : NULL;
}

/* ---- the voter ---- */

static const char *find_plugin(const struct gathering *g, const char *name)
{
    struct arena *arena = g->out->arena;
    const char *path = arena_printf(arena, "%s/build/plugins/%s.so", g->folder, name);
    if (access(path, R_OK) == 0)
        return path;
    for (const char *const *dir = g->plugin_dirs; *dir; dir++) {
        path = arena_printf(arena, "%s/%s.so", *dir, name);
        if (access(path, R_OK) == 0)
            return path;
    }
    return arena_printf(arena, "%s/%s.so", g->folder, name);
}

/* It is found by its folder, so that it lies at the top. */
static int add_plugin(const struct gathering *g, const char *path, struct voter_entry *entry)
{
    const char *file = basename(arena_str(g->out->arena, path));
    entry->plugin = arena_strn(g->out->arena, file, strlen(file) - 3);
    return bundle_add_file(g->out, file, path, g->err);
}

static int add_command(const struct gathering *g, const struct case_file *cases,
                       struct voter_entry *entry)
{
    entry->command = arena_zalloc(g->out->arena, (cases->n_command + 1) * sizeof *entry->command);
    entry->threads = cases->threads;
    for (size_t i = 0; i < cases->n_command; i++) {
        const char *word = cases->command[i];
        if (strchr(word, '/')) {
            word = add(g, file_beside(g->out->arena, cases->folder, word));
            if (!word)
                return -1;
            word = arena_printf(g->out->arena, "./%s", word);
        }
        entry->command[entry->n_command++] = arena_str(g->out->arena, word);
    }
    return 0;
}

static int add_voter(const struct gathering *g, const struct case_file *cases,
                     struct voter_entry *entry)
{
    const char *plugin = cases->plugin;
    if (cases->n_command)
        return add_command(g, cases, entry);
    if (!file_ends_with(plugin, ".lua"))
        return add_plugin(g,
                          file_ends_with(plugin, ".so")
                              ? file_beside(g->out->arena, cases->folder, plugin)
                              : find_plugin(g, plugin),
                          entry);
    entry->script = add(g, file_beside(g->out->arena, cases->folder, plugin));
    return entry->script ? 0 : -1;
}

/* ---- the cases ---- */

static bool same_voter(const struct case_file *a, const struct case_file *b)
{
    if (a->n_command != b->n_command || a->threads != b->threads ||
        strcmp(a->plugin, b->plugin) != 0)
        return false;
    for (size_t i = 0; i < a->n_command; i++)
        if (strcmp(a->command[i], b->command[i]) != 0)
            return false;
    return true;
}

static int add_cases(const struct gathering *g, const struct case_file *cases)
{
    if (!add(g, cases->path))
        return -1;
    for (size_t i = 0; i < cases->n_uses; i++)
        if (!add(g, cases->uses[i]))
            return -1;
    return 0;
}

/* Those of whole chains are about other voters too, and stay behind. */
static int add_suite(const struct gathering *g, const struct suite *suite,
                     struct voter_entry *entry)
{
    const struct case_file *first = NULL;
    for (size_t i = 0; i < suite->n_files; i++) {
        const struct case_file *file = suite->files[i];
        if (*file->chain)
            continue;
        if (first && !same_voter(first, file))
            return error_set(g->err, ERROR_INVALID,
                             "%s and %s are about different voters: publish a folder of each",
                             first->path, file->path);
        if ((!first && add_voter(g, file, entry) != 0) || add_cases(g, file) != 0)
            return -1;
        first = file;
    }
    return first
               ? 0
               : error_set(g->err, ERROR_NOT_FOUND,
                           "%s has no cases of a voter (*.test.yaml), which say what the voter is",
                           g->folder);
}

/* ---- what the voter is ---- */

static int add_entry(struct bundle *out, const struct voter_entry *entry, struct error *err)
{
    json_t *json = json_object(), *command = json_array();
    for (size_t i = 0; i < entry->n_command; i++)
        json_array_append_new(command, json_string(entry->command[i]));
    if (*entry->plugin)
        json_object_set_new(json, "plugin", json_string(entry->plugin));
    if (*entry->script)
        json_object_set_new(json, "script", json_string(entry->script));
    if (entry->n_command)
        json_object_set(json, "command", command);
    if (entry->threads)
        json_object_set_new(json, "threads", json_integer(entry->threads));
    char *text = json_dumps(json, JSON_COMPACT);
    int rc = bundle_add(out, VOTER_FILE, false, text, strlen(text), err);
    free(text);
    json_decref(command);
    json_decref(json);
    return rc;
}

int voter_gather(const char *folder, const char *const *plugin_dirs, struct bundle *out,
                 struct voter_entry *entry, struct error *err)
{
    struct suite suite = {0};
    char *real = realpath(folder, NULL);
    struct gathering g = {real, plugin_dirs, out, err};
    *entry = (struct voter_entry){.plugin = "", .script = ""};
    if (!real)
        return error_errno(err, ERROR_NOT_FOUND, "cannot read %s", folder);
    const char *readme = arena_printf(out->arena, "%s/README.md", real);
    const char *const paths[] = {real};
    int rc = suite_read(&suite, paths, 1, &(struct suite_filter){0});
    if (rc != 0)
        error_set(err, ERROR_INVALID, "its cases cannot be read: %.400s", suite.errors);
    if (rc == 0)
        rc = add_suite(&g, &suite, entry);
    if (rc == 0 && access(readme, R_OK) == 0 && !bundle_find(out, "README.md"))
        rc = bundle_add_file(out, "README.md", readme, err);
    if (rc == 0)
        rc = add_entry(out, entry, err);
    suite_free(&suite);
    free(real);
    return rc;
}

/* A file of the bundle, without "./".  False: it has none of this name. */
static bool has(const struct bundle *bundle, const char *name)
{
    return bundle_find(bundle, strncmp(name, "./", 2) == 0 ? name + 2 : name);
}

static int read_command(const json_t *list, const struct bundle *bundle, struct voter_entry *out,
                        struct error *err)
{
    size_t i;
    json_t *word;
    out->command = arena_zalloc(bundle->arena, (json_array_size(list) + 1) * sizeof *out->command);
    json_array_foreach((json_t *)(uintptr_t)list, i, word) {
        const char *text = json_string_value(word);
        if (!text || (strchr(text, '/') && !has(bundle, text)))
            return error_set(err, ERROR_INVALID, "%s names a file that is not there", VOTER_FILE);
        out->command[out->n_command++] = arena_str(bundle->arena, text);
    }
    return 0;
}

/* Left out: none. */
static int read_threads(const json_t *threads, struct voter_entry *out, struct error *err)
{
    json_int_t n = json_integer_value(threads);
    if (threads && (!json_is_integer(threads) || n < 1 || n > CHAIN_THREADS_MAX))
        return error_set(err, ERROR_INVALID, "%s: threads is a number from 1 to %d", VOTER_FILE,
                         CHAIN_THREADS_MAX);
    out->threads = (uint32_t)n;
    return 0;
}

int voter_read(const struct bundle *bundle, struct voter_entry *out, struct error *err)
{
    const struct bundle_file *file = bundle_find(bundle, VOTER_FILE);
    *out = (struct voter_entry){.plugin = "", .script = ""};
    if (!file)
        return error_set(err, ERROR_INVALID,
                         "it has no %s: archives of voters come from sluice plugin publish",
                         VOTER_FILE);
    json_t *json =
        json_loadb(buf_str(&file->bytes), file->bytes.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *command = json_object_get(json, "command");
    const json_t *threads = command ? json_object_get(json, "threads") : NULL;
    const char *plugin = json_string_value(json_object_get(json, "plugin"));
    const char *script = json_string_value(json_object_get(json, "script"));
    int rc = 0;
    if (json_object_size(json) != (threads ? 2 : 1) ||
        (!plugin && !script && !json_array_size(command)))
        rc = error_set(err, ERROR_INVALID, "%s names no plugin, script or command", VOTER_FILE);
    else if (command)
        rc = read_command(command, bundle, out, err) != 0 ? -1 : read_threads(threads, out, err);
    else if (!has(bundle, script ? script : arena_printf(bundle->arena, "%s.so", plugin)))
        rc = error_set(err, ERROR_INVALID, "%s names a file that is not there", VOTER_FILE);
    if (rc == 0 && plugin)
        out->plugin = arena_str(bundle->arena, plugin);
    if (rc == 0 && script)
        out->script = arena_str(bundle->arena, script);
    json_decref(json);
    return rc;
}

/* ---- loading ---- */

int voter_load(const struct voter_entry *entry, const char *folder, struct arena *arena,
               struct voter_facts *out, struct error *err)
{
    enum { PATIENCE_MS = 5000 };
    const struct chain_voter_config voter = {
        .plugin = entry->plugin,
        .script = *entry->script ? arena_printf(arena, "%s/%s", folder, entry->script) : "",
        .command = entry->command,
        .n_command = entry->n_command,
        .threads = entry->threads,
        .name = "",
        .level = "mandatory",
        .on_error = "deny",
        .isolation = "process",
        .sha256 = "",
        .options_json = "{}",
        .doc_path = "voter",
    };
    const struct chain_voter_config *const voters[] = {&voter};
    const struct chain_config config = {.plugin_dirs = &folder,
                                        .n_plugin_dirs = 1,
                                        .vote_timeout_ms = PATIENCE_MS,
                                        .voters = voters,
                                        .n_voters = 1,
                                        .base_dir = folder};
    struct problems problems = {0};
    struct chain_voter_info info;
    struct chain *chain = chain_load(&config, NULL, &problems);
    if (chain) {
        chain_describe(chain, 0, &info);
        *out = (struct voter_facts){arena_str(arena, info.name), arena_str(arena, info.version),
                                    arena_str(arena, info.kind), arena_str(arena, info.sha256)};
    } else {
        error_set(err, ERROR_INVALID, "it cannot be loaded: %s",
                  problems.n ? problems.items[0].message : "no reason is known");
    }
    problems_free(&problems);
    int rc = chain ? 0 : -1;
    chain_unref(chain);
    return rc;
}

int voter_unpack(const struct bundle *bundle, const struct voter_entry *entry, const char *place,
                 struct voter_facts *facts, char **folder, struct error *err)
{
    *folder = alloc_printf("%s/.voter.XXXXXX", place);
    if (!mkdtemp(*folder)) {
        free(*folder);
        *folder = NULL;
        return error_errno(err, ERROR_IO, "cannot make a folder in %s", place);
    }
    if (bundle_unpack(bundle, *folder, err) == 0 &&
        (chmod(*folder, 0755) == 0 || error_errno(err, ERROR_IO, "cannot open %s", *folder) == 0) &&
        voter_load(entry, *folder, bundle->arena, facts, err) == 0)
        return 0;
    struct error ignored;
    folder_remove(*folder, &ignored);
    free(*folder);
    *folder = NULL;
    return -1;
}
