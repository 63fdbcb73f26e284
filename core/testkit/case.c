/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a case file: the text, its tables, then the policies that the cases name. */
#include "testkit/case.h"

#include <libgen.h>
#include <string.h>

#include "base/text.h"
#include "testkit/file.h"
#include "testkit/tables.h"

struct reader {
    struct arena *arena;
    struct case_file *file;
    struct problems *problems;
};

static int problem_at(struct reader *r, const struct doc_node *at, const char *path,
                      const char *text)
{
    return problems_add(r->problems, path, at->line, at->column, "%s", text);
}

/* ---- tables of rows ---- */

static void add_member(struct doc_node *map, struct doc_node *key, struct doc_node *value)
{
    map->keys[map->n] = key;
    map->items[map->n++] = value;
}

static struct doc_node *new_map(struct arena *arena, size_t room, const struct doc_node *at)
{
    struct doc_node *map = arena_zalloc(arena, sizeof *map);
    *map = (struct doc_node){.kind = DOC_MAP, .text = "", .line = at->line, .column = at->column};
    map->keys = arena_alloc(arena, (room + 1) * sizeof(void *));
    map->items = arena_alloc(arena, (room + 1) * sizeof(void *));
    return map;
}

/* The case with the members of the row in place of its own; the row's name tells it apart. */
static struct doc_node *lay_over(struct arena *arena, const struct doc_node *base,
                                 const struct doc_node *row)
{
    struct doc_node *out = new_map(arena, base->n + row->n, row);
    for (size_t i = 0; i < base->n; i++) {
        const char *key = base->keys[i]->text;
        if (strcmp(key, "table") != 0 && (strcmp(key, "name") == 0 || !doc_get(row, key)))
            add_member(out, base->keys[i], base->items[i]);
    }
    for (size_t i = 0; i < row->n; i++) {
        struct doc_node *key = row->keys[i];
        if (strcmp(key->text, "name") == 0) {
            struct doc_node *renamed = arena_alloc(arena, sizeof *renamed);
            *renamed = *key;
            renamed->text = "row";
            key = renamed;
        }
        add_member(out, key, row->items[i]);
    }
    return out;
}

static int expand_case(struct reader *r, struct doc_node *item, struct doc_node *out)
{
    const struct doc_node *table = item->kind == DOC_MAP ? doc_get(item, "table") : NULL;
    if (!table) {
        out->items[out->n++] = item;
        return 0;
    }
    if (table->kind != DOC_LIST || !table->n)
        return problem_at(r, table, "cases.table",
                          "must be a list of rows, each a map of what differs");
    for (size_t i = 0; i < table->n; i++) {
        if (table->items[i]->kind != DOC_MAP)
            return problem_at(r, table->items[i], "cases.table",
                              "must be a map of what differs in this row");
        out->items[out->n++] = lay_over(r->arena, item, table->items[i]);
    }
    return 0;
}

static size_t count_rows(const struct doc_node *cases)
{
    size_t n = cases->n;
    for (size_t i = 0; i < cases->n; i++) {
        const struct doc_node *table =
            cases->items[i]->kind == DOC_MAP ? doc_get(cases->items[i], "table") : NULL;
        n += table ? table->n : 0;
    }
    return n;
}

/* Puts the rows of tables in the place of their cases. */
static int expand_tables(struct reader *r, struct doc_node *root)
{
    struct doc_node *cases =
        root->kind == DOC_MAP ? (struct doc_node *)(uintptr_t)doc_get(root, "cases") : NULL;
    if (!cases || cases->kind != DOC_LIST)
        return 0;
    struct doc_node out = *cases;
    out.n = 0;
    out.items = arena_alloc(r->arena, (count_rows(cases) + 1) * sizeof(void *));
    for (size_t i = 0; i < cases->n; i++)
        if (expand_case(r, cases->items[i], &out) != 0)
            return -1;
    *cases = out;
    return 0;
}

/* ---- policies ---- */

static void note_use(struct reader *r, const char *path)
{
    struct case_file *file = r->file;
    const char **uses = arena_alloc(r->arena, (file->n_uses + 1) * sizeof *uses);
    if (file->n_uses)
        memcpy(uses, file->uses, file->n_uses * sizeof *uses);
    uses[file->n_uses++] = path;
    file->uses = uses;
}

/* A policy is a document of its own: paths within it begin at its root. */
static struct policy *policy_here(struct reader *r, const struct doc_node *node, const char *path)
{
    struct problems problems = {0};
    struct policy *policy = policy_decode(node, "", &problems);
    for (size_t i = 0; i < problems.n; i++) {
        const struct problem *p = &problems.items[i];
        problems_add(r->problems,
                     arena_printf(r->arena, "%s%s%s", path, *p->path ? "." : "", p->path), p->line,
                     p->column, "%s", p->message);
    }
    problems_free(&problems);
    return policy_keep(policy, r->arena);
}

/* Every problem of the other file, each at the place that names it. */
static struct policy *policy_from_file(struct reader *r, const struct doc_node *name,
                                       const char *path)
{
    struct problems problems = {0};
    struct error err;
    struct buf text = {0};
    const char *at = file_beside(r->arena, r->file->folder, name->text);
    note_use(r, at);
    if (file_read_below(r->file->folder, name->text, POLICY_BYTES_MAX, &text, &err) != 0) {
        problem_at(r, name, path, err.text);
        return NULL;
    }
    struct policy *policy = policy_parse(buf_str(&text), text.len, DOC_YAML, &problems);
    for (size_t i = 0; i < problems.n; i++) {
        const struct problem *p = &problems.items[i];
        problem_at(r, name, path,
                   arena_printf(r->arena, "%s:%u:%u: %s%s%s", at, p->line, p->column, p->path,
                                *p->path ? ": " : "", p->message));
    }
    problems_free(&problems);
    buf_free(&text);
    return policy_keep(policy, r->arena);
}

static const struct doc_node *only_file(const struct doc_node *node)
{
    const struct doc_node *file =
        node->kind == DOC_MAP && node->n == 1 ? doc_get(node, "file") : NULL;
    return file && file->kind == DOC_SCALAR ? file : NULL;
}

static struct policy *policy_written(struct reader *r, const struct doc_node *node,
                                     const char *path)
{
    const struct doc_node *file = only_file(node);
    if (file)
        return policy_from_file(r, file, path);
    return policy_here(r, node, path);
}

static struct policy *unknown_name(struct reader *r, const struct doc_node *node, const char *path)
{
    const struct doc_node *all = r->file->policies_node;
    size_t n = all ? all->n : 0;
    const char **names = arena_zalloc(r->arena, (n + 1) * sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = all->keys[i]->text;
    const char *near = text_nearest(node->text, names);
    problem_at(r, node, path,
               arena_printf(r->arena, near ? "no policy is called \"%.80s\"; did you mean \"%s\"?"
                                           : "no policy is called \"%.80s\" under policies:",
                            node->text, near));
    return NULL;
}

/* node: a name under policies, {file: PATH} or a whole policy. */
static struct policy *resolve(struct reader *r, struct policy *const *fixtures,
                              const struct doc_node *node, const char *path)
{
    if (!node)
        return NULL;
    if (node->kind != DOC_SCALAR)
        return policy_written(r, node, path);
    const struct doc_node *all = r->file->policies_node;
    for (size_t i = 0; all && i < all->n; i++)
        if (strcmp(all->keys[i]->text, node->text) == 0)
            return fixtures[i];
    return unknown_name(r, node, path);
}

static struct policy **read_fixtures(struct reader *r)
{
    const struct doc_node *all = r->file->policies_node;
    if (!all)
        return NULL;
    if (all->kind != DOC_MAP) {
        problem_at(r, all, "policies", "must be a map of policies by name");
        r->file->policies_node = NULL;
        return NULL;
    }
    struct policy **fixtures = arena_zalloc(r->arena, (all->n + 1) * sizeof *fixtures);
    for (size_t i = 0; i < all->n; i++)
        fixtures[i] = policy_written(r, all->items[i],
                                     doc_path_key(r->arena, "policies", all->keys[i]->text));
    return fixtures;
}

/* ---- options ---- */

static const char *options_json(struct reader *r, const struct doc_node *own)
{
    const struct doc_node *base = r->file->options_node;
    struct buf json = {0};
    if (base && own)
        doc_print_canonical(lay_over(r->arena, base, own), &json);
    else if (base || own)
        doc_print_canonical(own ? own : base, &json);
    const char *text = arena_str(r->arena, json.len ? buf_str(&json) : "{}");
    buf_free(&json);
    return text;
}

/* ---- files ---- */

static int check_form(struct reader *r, const struct case_item *item, const char *path)
{
    const struct case_expect *e = item->expect;
    bool chain = *r->file->chain, load = *e->load_error;
    if (chain && *e->ballot.verdict)
        return problem_at(r, e->node, path,
                          "a chain has no verdict: expect an outcome, or votes by voter");
    if (!chain && !load && !*e->ballot.verdict)
        return problem_at(r, e->node, path, "outcome and votes are of a chain: expect a verdict");
    if (chain && item->options_node)
        return problem_at(r, item->options_node, path,
                          "the options of a chain stand in its configuration");
    if (!chain && item->override)
        return problem_at(r, item->node, path,
                          "override is for chains: one voter is not overruled");
    return 0;
}

/* --run finds a test by its name. */
static int check_name(struct reader *r, const struct case_item *item, size_t i, const char *path)
{
    for (size_t j = 0; j < i; j++) {
        const struct case_item *other = r->file->cases[j];
        if (strcmp(other->name, item->name) == 0 && strcmp(other->row, item->row) == 0)
            return problem_at(r, item->node, path,
                              arena_printf(r->arena, "another case of that name stands in line %u: "
                                                     "name them apart", other->node->line));
    }
    return 0;
}

static void finish_cases(struct reader *r, const struct doc_node *root)
{
    struct policy **fixtures = read_fixtures(r);
    const struct doc_node *nodes = doc_get(root, "cases");
    for (size_t i = 0; i < r->file->n_cases; i++) {
        struct case_item *item = (struct case_item *)(uintptr_t)r->file->cases[i];
        const char *path = doc_path_item(r->arena, "cases", i);
        item->node = nodes->items[i];
        item->baseline =
            resolve(r, fixtures, item->baseline_node, doc_path_key(r->arena, path, "baseline"));
        item->current =
            resolve(r, fixtures, item->current_node, doc_path_key(r->arena, path, "current"));
        item->candidate =
            resolve(r, fixtures, item->candidate_node, doc_path_key(r->arena, path, "candidate"));
        item->options = options_json(r, item->options_node);
        check_form(r, item, doc_path_key(r->arena, path, "expect"));
        check_name(r, item, i, doc_path_key(r->arena, path, "name"));
    }
}

static int check_file(struct reader *r, const struct doc_node *root)
{
    const struct case_file *file = r->file;
    if (!*file->plugin && !*file->chain && !file->n_command)
        return problem_at(
            r, root, "",
            "the field \"plugin\" is missing, or \"command\" or \"chain\" in its place");
    if (file->threads && !file->n_command)
        return problem_at(r, doc_get(root, "threads"), "threads",
                          "only a command may start threads");
    if (*file->chain && file->options_node)
        return problem_at(r, file->options_node, "options",
                          "the options of a chain stand in its configuration");
    return 0;
}

static int read_tree(struct reader *r, const char *path, const struct buf *text)
{
    struct doc_node *root;
    void *decoded;
    if (doc_parse(buf_str(text), text->len, DOC_YAML, CASE_BYTES_MAX, r->arena, &root,
                  r->problems) != 0)
        return -1;
    if (expand_tables(r, root) != 0)
        return -1;
    if (schema_decode(&case_file_schema, root, "", r->arena, &decoded, r->problems) != 0)
        return -1;
    r->file = decoded;
    r->file->path = arena_str(r->arena, path);
    r->file->folder = dirname(arena_str(r->arena, path));
    r->file->text = arena_strn(r->arena, buf_str(text), text->len);
    if (check_file(r, root) != 0)
        return -1;
    finish_cases(r, root);
    return r->problems->n ? -1 : 0;
}

int case_read(const char *path, struct arena *arena, const struct case_file **out,
              struct problems *problems)
{
    struct reader r = {.arena = arena, .problems = problems};
    struct buf text = {0};
    struct error err;
    int rc = file_read(path, CASE_BYTES_MAX, &text, &err) == 0
                 ? read_tree(&r, path, &text)
                 : problems_add(problems, "", 0, 0, "%s", err.text);
    buf_free(&text);
    *out = r.file;
    return rc;
}
