/* SPDX-License-Identifier: Apache-2.0 */
/* sluice preset …: rules for what programs commonly need, as data files beside the program. */
#include "cli/preset.h"

#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/document.h"
#include "policy/policy.h"

enum { PRESETS_MAX = 256, PRESET_BYTES_MAX = 64 * 1024 };

struct preset {
    const char *name, *summary;
    uint32_t version;
    const struct sluice_rule *const *rules;
    size_t n_rules;
};

static const struct schema_field preset_fields[] = {
    {.name = "name", .kind = SCHEMA_TEXT, .offset = offsetof(struct preset, name),
     .flags = SCHEMA_REQUIRED},
    {.name = "version", .kind = SCHEMA_U32, .offset = offsetof(struct preset, version),
     .flags = SCHEMA_REQUIRED},
    {.name = "summary", .kind = SCHEMA_TEXT, .offset = offsetof(struct preset, summary),
     .flags = SCHEMA_REQUIRED},
    {.name = "network_policies", .kind = SCHEMA_KEYED, .offset = offsetof(struct preset, rules),
     .count_offset = offsetof(struct preset, n_rules), .sub = &policy_rule_schema,
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY},
    {0},
};
static const struct schema preset_schema = {
    .name = "preset", .size = sizeof(struct preset), .fields = preset_fields,
};

/* ---- the files ---- */

/* share/sluice/presets of the prefix that this program is below. */
static const char *preset_folder(struct arena *arena)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n < 0)
        return "/usr/share/sluice/presets";
    exe[n] = '\0';
    return arena_printf(arena, "%s/share/sluice/presets", dirname(dirname(exe)));
}

/* The name of the preset in a file NAME.yaml, NULL: it is none. */
static const char *name_of_file(struct arena *arena, const char *file)
{
    size_t len = strlen(file);
    if (len < 6 || strcmp(file + len - 5, ".yaml") != 0 || *file == '.')
        return NULL;
    return arena_printf(arena, "%.*s", (int)(len - 5), file);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of all, sorted, NULL at the end. */
const char *const *preset_names(struct arena *arena)
{
    const char **names = arena_zalloc(arena, (PRESETS_MAX + 1) * sizeof *names);
    DIR *dir = opendir(preset_folder(arena));
    struct dirent *entry;
    size_t n = 0;
    while (dir && n < PRESETS_MAX && (entry = readdir(dir))) {
        names[n] = name_of_file(arena, entry->d_name);
        n += names[n] != NULL;
    }
    if (dir)
        closedir(dir);
    qsort(names, n, sizeof *names, compare_names);
    return names;
}

static bool is_preset(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names;
}

static int refuse_unknown(struct arena *arena, const char *const *names, const char *name)
{
    const char *near = text_nearest(name, names), *list = "";
    for (size_t i = 0; names[i]; i++)
        list = arena_printf(arena, "%s%s%s", list, i ? ", " : "", names[i]);
    if (near)
        complain("there is no preset '%s', did you mean '%s'?", name, near);
    else if (*names)
        complain("there is no preset '%s'; there are %s", name, list);
    else
        complain("there is no preset: %s has none", preset_folder(arena));
    return EXIT_USAGE;
}

/* NULL after saying what is wrong. */
static const struct preset *load(struct arena *arena, const char *name)
{
    const char *const *names = preset_names(arena);
    const char *path = arena_printf(arena, "%s/%s.yaml", preset_folder(arena), name);
    struct problems problems = {0};
    struct buf text = {0};
    struct doc_node *tree;
    void *out = NULL;
    if (!is_preset(names, name)) {
        refuse_unknown(arena, names, name);
        return NULL;
    }
    if (read_input(path, &text) < 0 &&
        doc_parse(buf_str(&text), text.len, DOC_YAML, PRESET_BYTES_MAX, arena, &tree, &problems) ==
            0)
        schema_decode(&preset_schema, tree, "", arena, &out, &problems);
    document_complain(path, &problems);
    if (problems.n)
        out = NULL;
    problems_free(&problems);
    buf_free(&text);
    return out;
}

static json_t *policy_of(const struct preset *preset)
{
    const struct sluice_policy model = {.size = sizeof model, .version = 1,
                                        .rules = preset->rules, .n_rules = preset->n_rules};
    struct policy *policy = policy_rebuild(&model, NULL);
    json_t *json = policy ? json_loads(policy_json(policy), 0, NULL) : json_object();
    policy_unref(policy);
    return json;
}

static json_t *describe(const struct preset *preset)
{
    return json_pack("{s:s, s:I, s:s}", "name", preset->name, "version",
                     (json_int_t)preset->version, "summary", preset->summary);
}

/* ---- names on the command line ---- */

/* Calls with each of "a,b".  The exit code of the first that fails, or -1. */
static int each_name(struct arena *arena, const char *list,
                     int (*call)(void *ctx, const char *name), void *ctx)
{
    int code = -1;
    for (const char *at = list; *at && code < 0;) {
        size_t len = strcspn(at, ",");
        code = call(ctx, arena_printf(arena, "%.*s", (int)len, at));
        at += len + (at[len] == ',');
    }
    return code;
}

struct rules {
    const struct cli *cli;
    struct arena *arena;
    json_t *map;                                    /* by name */
};

static int add_rules(void *ctx, const char *name)
{
    struct rules *rules = ctx;
    const struct preset *preset = load(rules->arena, name);
    if (!preset)
        return EXIT_USAGE;
    json_t *policy = policy_of(preset), *rule;
    const char *key;
    int code = -1;
    json_object_foreach(json_object_get(policy, "network_policies"), key, rule) {
        json_t *there = json_object_get(rules->map, key);
        if (there && !json_equal(there, rule)) {
            complain("the policy has another rule '%s' than the preset %s: rename it", key, name);
            code = EXIT_REFUSED;
            break;
        }
        json_object_set(rules->map, key, rule);
    }
    json_decref(policy);
    return code;
}

/* The policy in the file, or an empty one, with the rules of every --preset. */
static int combine(const struct cli *cli, const char *path, struct arena *arena, json_t **out)
{
    struct policy *policy = path ? policy_from_file(path) : NULL;
    if (path && !policy)
        return EXIT_REFUSED;
    *out = policy ? json_loads(policy_json(policy), 0, NULL) : json_pack("{s:i}", "version", 1);
    policy_unref(policy);
    if (!json_object_get(*out, "network_policies"))
        json_object_set_new(*out, "network_policies", json_object());
    struct rules rules = {.cli = cli, .arena = arena,
                          .map = json_object_get(*out, "network_policies")};
    int code = -1;
    for (size_t i = 0; i < cli->n_args && code < 0; i++)
        if (strcmp(cli->args[i].name, "preset") == 0)
            code = each_name(arena, cli->args[i].value, add_rules, &rules);
    return code;
}

int preset_document(const struct cli *cli, const char *path, struct document *out)
{
    json_t *policy = NULL;
    *out = (struct document){.arena = arena_new(), .format = DOC_JSON};
    int code = combine(cli, path, out->arena, &policy);
    char *text = json_dumps(policy, JSON_INDENT(2));
    if (code < 0)
        doc_parse(text, strlen(text), DOC_JSON, strlen(text) + 1, out->arena, &out->tree, NULL);
    free(text);
    json_decref(policy);
    return code;
}

/* ---- commands ---- */

static void print_presets(const struct cli *cli, const json_t *list)
{
    struct table t = {0};
    size_t i;
    json_t *p;
    (void)cli;
    table_row(&t, 3, (const char *const[]){"NAME", "VERSION", "SUMMARY"});
    json_array_foreach(list, i, p) {
        char *version = alloc_printf("%lld", json_number(p, "version"));
        table_row(&t, 3, (const char *const[]){json_text(p, "name"), version,
                                               json_text(p, "summary")});
        free(version);
    }
    table_print(cli, &t);
}

int cmd_preset_list(struct cli *cli)
{
    struct arena *arena = arena_new();
    json_t *list = json_array(), *all = json_pack("{s:o}", "presets", list);
    int code = EXIT_DONE;
    for (const char *const *name = preset_names(arena); *name; name++) {
        const struct preset *preset = load(arena, *name);
        if (preset)
            json_array_append_new(list, describe(preset));
        else
            code = EXIT_REFUSED;
    }
    if (cli->output == OUT_TABLE)
        print_presets(cli, list);
    else
        print_json(cli, all);
    json_decref(all);
    arena_free(arena);
    return code;
}

static void show(const struct cli *cli, const struct preset *preset)
{
    json_t *policy = policy_of(preset);
    if (cli->output == OUT_TABLE) {
        struct buf text = {0};
        print_yaml(policy, &text);
        terminal_print(stdout, "# %s, version %u: %s\n", preset->name, (unsigned)preset->version,
                       preset->summary);
        terminal_lines(stdout, "", buf_str(&text));
        buf_free(&text);
    } else {
        json_t *whole = describe(preset);
        json_object_set(whole, "policy", policy);
        print_json(cli, whole);
        json_decref(whole);
    }
    json_decref(policy);
}

int cmd_preset_show(struct cli *cli)
{
    if (cli->n_operands != 1)
        return usage_error(cli, "which preset? sluice preset list shows them");
    struct arena *arena = arena_new();
    const struct preset *preset = load(arena, cli->operands[0]);
    if (preset)
        show(cli, preset);
    arena_free(arena);
    return preset ? EXIT_DONE : EXIT_USAGE;
}

/* Rules as operations of a merge. */
static json_t *operations_of(json_t *rules)
{
    json_t *list = json_array(), *rule;
    const char *name;
    json_object_foreach(rules, name, rule)
        json_array_append_new(list, json_pack("{s:{s:s, s:O}}", "add_rule", "rule_name", name,
                                              "rule", rule));
    return json_pack("{s:o}", "operations", list);
}

/* The operands from the first that names presets; one in front of them is the sandbox. */
static int read_presets(struct cli *cli, struct rules *rules, const char **sandbox)
{
    const char *const *names = preset_names(rules->arena);
    bool named = cli->n_operands > 1 && !strchr(cli->operands[0], ',') &&
                 !is_preset(names, cli->operands[0]);
    int code = -1;
    for (size_t i = named; i < cli->n_operands && code < 0; i++)
        code = each_name(rules->arena, cli->operands[i], add_rules, rules);
    *sandbox = arg_value(cli, "sandbox");
    if (code < 0 && !*sandbox)
        *sandbox = sandbox_operand(cli, named ? 0 : cli->n_operands);
    return code < 0 && !*sandbox ? EXIT_USAGE : code;
}

int cmd_preset_add(struct cli *cli)
{
    const char *sandbox;
    if (!cli->n_operands)
        return usage_error(cli, "which preset? sluice preset list shows them");
    if (arg_given(cli, "wait") && arg_given(cli, "dry-run"))
        return usage_error(cli, "--wait cannot be combined with --dry-run");
    struct rules rules = {.cli = cli, .arena = arena_new(), .map = json_object()};
    int code = read_presets(cli, &rules, &sandbox);
    if (code < 0)
        code = policy_patch(cli, sandbox, operations_of(rules.map));
    json_decref(rules.map);
    arena_free(rules.arena);
    return code;
}
