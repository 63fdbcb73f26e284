/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/stage.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/diff.h"
#include "policy/effect/findings.h"
#include "testkit/file.h"

enum { CONFIG_BYTES_MAX = 1 << 20, VOTE_TIMEOUT_MS = 500 };

static const char isolation_inline[] = "inline", isolation_process[] = "process";

/* ---- loading ---- */

static const char *join(struct arena *arena, const struct problems *problems, bool with_path)
{
    const char *text = "";
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *p = &problems->items[i];
        const char *place = p->line ? arena_printf(arena, "line %u: ", p->line) : "";
        const char *path = with_path && *p->path ? arena_printf(arena, "%s: ", p->path) : "";
        text = arena_printf(arena, "%s%s%s%s%s", text, *text ? "; " : "", place, path, p->message);
    }
    return text;
}

static const char *absolute(struct arena *arena, const char *path)
{
    char *here = *path == '/' ? NULL : get_current_dir_name();
    const char *whole = here ? arena_printf(arena, "%s/%s", here, path) : path;
    free(here);
    return whole;
}

/* only: the folder of a file that is named by its path; no other of its name will do. */
static void set_dirs(struct chain_config *config, const struct stage_settings *settings,
                     const char *only, struct arena *arena)
{
    const char **dirs = arena_alloc(arena, (settings->n_plugin_dirs + 1) * sizeof *dirs);
    size_t n = 0;
    if (only)
        dirs[n++] = only;
    for (size_t i = 0; !only && i < settings->n_plugin_dirs; i++)
        dirs[n++] = absolute(arena, settings->plugin_dirs[i]);
    config->plugin_dirs = dirs;
    config->n_plugin_dirs = n;
}

static struct chain *load(const struct chain_config *config, const struct log *log, bool with_path,
                          struct arena *arena, const char **why)
{
    struct problems problems = {0};
    struct chain *chain = chain_load(config, log, &problems);
    *why = join(arena, &problems, with_path);
    problems_free(&problems);
    return chain;
}

/* A name is looked up in the plugin folders; what has a slash or an ending is a file. */
static void name_voter(struct chain_voter_config *voter, const struct case_file *file,
                       struct arena *arena, const char **folder)
{
    const char *plugin = file->plugin;
    *folder = NULL;
    if (file_ends_with(plugin, ".lua")) {
        voter->script = absolute(arena, file_beside(arena, file->folder, plugin));
    } else if (file_ends_with(plugin, ".so")) {
        char *path = arena_str(arena, absolute(arena, file_beside(arena, file->folder, plugin)));
        char *name = basename(arena_str(arena, path));
        voter->plugin = arena_strn(arena, name, strlen(name) - 3);
        *folder = dirname(path);
    } else {
        voter->plugin = plugin;
    }
}

static const char *const *name_command(const struct case_file *file, struct arena *arena)
{
    const char **words = arena_alloc(arena, (file->n_command + 1) * sizeof *words);
    for (size_t i = 0; i < file->n_command; i++) {
        bool is_file = strchr(file->command[i], '/');
        words[i] = is_file ? absolute(arena, file_beside(arena, file->folder, file->command[i]))
                           : file->command[i];
    }
    return words;
}

static struct chain *load_plugin(const struct test *test, const struct stage_settings *settings,
                                 const struct log *log, struct arena *arena, const char **why)
{
    struct chain_voter_config voter = {
        .plugin = "", .script = "", .name = "", .level = "mandatory", .on_error = "deny",
        .sha256 = "", .options_json = test->item->options, .doc_path = "plugin",
    };
    const struct chain_voter_config *const voters[] = {&voter};
    struct chain_config config = {
        .vote_timeout_ms = VOTE_TIMEOUT_MS, .voters = voters, .n_voters = 1, .base_dir = "."};
    const char *folder;
    name_voter(&voter, test->file, arena, &folder);
    voter.isolation = settings->isolation ? settings->isolation
                      : *voter.plugin     ? isolation_process
                                          : isolation_inline;
    if (test->file->n_command) {
        voter.command = name_command(test->file, arena);
        voter.n_command = test->file->n_command;
        voter.threads = test->file->threads;
        voter.isolation = isolation_process;
    }
    set_dirs(&config, settings, folder, arena);
    return load(&config, log, false, arena, why);
}

/* The voters of a chain, with what the settings say instead of its configuration; confine: native
 * code gets a process of its own in any case. */
static const struct chain_voter_config *const *set_voters(const struct chain_config *config,
                                                          const struct stage_settings *settings,
                                                          bool confine, struct arena *arena)
{
    struct chain_voter_config *copies = arena_alloc(arena, (config->n_voters + 1) * sizeof *copies);
    const struct chain_voter_config **list =
        arena_alloc(arena, (config->n_voters + 1) * sizeof *list);
    for (size_t i = 0; i < config->n_voters; i++) {
        copies[i] = *config->voters[i];
        if (settings->isolation &&
            !copies[i].n_command) /* a program has its own process in any case */
            copies[i].isolation = settings->isolation;
        else if (confine && *copies[i].plugin)
            copies[i].isolation = isolation_process;
        if (settings->vote_timeout_ms)
            copies[i].timeout_ms = settings->vote_timeout_ms;
        list[i] = &copies[i];
    }
    return list;
}

/* The chain of a gateway's configuration; its other sections are the gateway's business. */
static int read_chain(const char *path, bool quote, struct arena *arena, struct chain_config *out,
                      const char **why)
{
    struct problems problems = {0};
    struct buf text = {0};
    struct error err;
    struct doc_node *root;
    void *decoded = NULL;
    int rc = file_read(path, CONFIG_BYTES_MAX, &text, &err);
    *why = rc == 0 ? "" : arena_str(arena, err.text);
    if (rc == 0)
        rc = doc_parse(buf_str(&text), text.len, DOC_YAML, CONFIG_BYTES_MAX, arena, &root,
                       &problems);
    const struct doc_node *chain = rc == 0 && root->kind == DOC_MAP ? doc_get(root, "chain") : NULL;
    if (chain)
        rc = schema_decode(&chain_config_schema, chain, "chain", arena, &decoded, &problems);
    if (problems.n && !quote)
        *why = arena_printf(arena,
                            "%s:%u:%u: is no configuration of a chain; it lies outside of the case "
                            "file's folder, so what is wrong is not quoted",
                            path, problems.items[0].line, problems.items[0].column);
    else if (problems.n)
        *why = arena_printf(arena, "%s: %s", path, join(arena, &problems, true));
    *out = decoded ? *(struct chain_config *)decoded
                   : (struct chain_config){.vote_timeout_ms = VOTE_TIMEOUT_MS};
    problems_free(&problems);
    buf_free(&text);
    return rc;
}

/* Folders are told from that of the configuration, as a gateway takes them. */
static void place_dirs(struct chain_config *config, struct arena *arena)
{
    const char **dirs = arena_alloc(arena, config->n_plugin_dirs * sizeof *dirs);
    for (size_t i = 0; i < config->n_plugin_dirs; i++)
        dirs[i] = file_beside(arena, config->base_dir, config->plugin_dirs[i]);
    config->plugin_dirs = dirs;
}

/* folder: that of the case file which names the chain, NULL: somebody whose files these are. */
static struct chain *load_chain(const char *path, const char *folder,
                                const struct stage_settings *settings, const struct log *log,
                                struct arena *arena, const char **why)
{
    struct chain_config config;
    if (read_chain(path, !folder || file_is_below(folder, path), arena, &config, why) != 0)
        return NULL;
    config.base_dir = dirname(arena_str(arena, absolute(arena, path)));
    if (config.n_plugin_dirs && settings->usual_dirs)
        place_dirs(&config, arena);
    else
        set_dirs(&config, settings, NULL, arena);
    if (settings->vote_timeout_ms)
        config.vote_timeout_ms = settings->vote_timeout_ms;
    if (config.n_voters)
        config.voters = set_voters(&config, settings, folder != NULL, arena);
    return load(&config, log, true, arena, why);
}

struct chain *stage_load_chain(const char *path, const struct stage_settings *settings,
                               const struct log *log, struct arena *arena, const char **why)
{
    return load_chain(path, NULL, settings, log, arena, why);
}

struct chain *stage_load(const struct test *test, const struct stage_settings *settings,
                         const struct log *log, struct arena *arena, const char **why)
{
    const struct case_file *file = test->file;
    if (!*file->chain)
        return load_plugin(test, settings, log, arena, why);
    return load_chain(file_beside(arena, file->folder, file->chain), file->folder, settings, log,
                      arena, why);
}

/* ---- transitions ---- */

static struct policy *complete(struct policy *written, struct policy *base, struct arena *arena)
{
    return policy_keep(policy_complete(written, base), arena);
}

static struct policy *empty_policy(struct arena *arena)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse("version: 1\n", 11, DOC_YAML, &problems);
    problems_free(&problems);
    return policy_keep(policy, arena);
}

static void set_policies(struct sluice_transition *t, const struct test *test, struct arena *arena)
{
    const struct case_item *item = test->item;
    struct policy *baseline = NULL, *current = NULL;
    if (test->kind != SLUICE_CREATE) {
        struct policy *written = item->current ? item->current : item->baseline;
        baseline = item->baseline ? complete(item->baseline, NULL, arena) : NULL;
        current = complete(written ? written : empty_policy(arena), baseline, arena);
        t->current = policy_model(current);
        t->baseline = baseline ? policy_model(baseline) : t->current;
    }
    t->candidate = policy_model(complete(item->candidate, current, arena));
    t->diff = policy_diff(t->current, t->candidate, arena);
    struct policy_findings found =
        policy_find(t->current, t->candidate, &item->credentials, arena);
    t->findings = found.items;
    t->n_findings = found.n;
}

/* A draft that names no approval has that of the actor, who is approving. */
static const struct sluice_draft *set_draft(const struct test *test, struct arena *arena)
{
    static const struct sluice_draft usual = {.size = sizeof usual,
                                              .id = "chunk-1",
                                              .source = "agent",
                                              .author = "agent",
                                              .hits = 1,
                                              .confidence = 1};
    const struct case_item *item = test->item;
    if (test->kind != SLUICE_APPROVE)
        return NULL;
    struct sluice_draft *draft = arena_alloc(arena, sizeof *draft);
    *draft = item->draft ? *item->draft : usual;
    if (draft->n_approvals)
        return draft;
    struct sluice_approval *approval = arena_alloc(arena, sizeof *approval);
    const struct sluice_approval **list = arena_alloc(arena, sizeof *list);
    *approval = (struct sluice_approval){sizeof *approval, item->actor->name, item->actor->role,
                                         item->now_ms};
    list[0] = approval;
    draft->approvals = list;
    draft->n_approvals = 1;
    return draft;
}

const struct sluice_request *stage_request(const struct test *test, struct arena *arena)
{
    if (!test->item->request)
        return NULL;
    struct sluice_request *request = arena_alloc(arena, sizeof *request);
    *request = *test->item->request;
    request->sandbox = test->item->sandbox;
    return request;
}

void stage_ask(struct chain *chain, const struct test *test,
               const struct sluice_transition *transition, struct arena *arena,
               struct chain_votes *out)
{
    if (transition)
        chain_ask(chain, transition, arena, out);
    else
        chain_ask_request(chain, stage_request(test, arena), test->item->middleware, arena, out);
}

const struct sluice_transition *stage_transition(const struct test *test, struct arena *arena)
{
    const struct case_item *item = test->item;
    if (item->request)
        return NULL;
    struct sluice_transition *t = arena_zalloc(arena, sizeof *t);
    t->size = sizeof *t;
    t->kind = test->kind;
    t->dry_run = item->dry_run;
    t->reason = item->reason;
    t->sandbox = test->kind == SLUICE_GLOBAL ? NULL : item->sandbox;
    t->actor = item->actor;
    t->draft = set_draft(test, arena);
    t->now_ms = item->now_ms;
    set_policies(t, test, arena);
    return t;
}
