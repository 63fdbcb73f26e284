/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/diff.h"

#include <string.h>

#include "policy/effect/effect.h"
#include "policy/policy.h"

/* A growing array of pointers in the arena. */
struct list {
    const void **items;
    size_t n, cap;
};

static void push(struct list *list, const void *item, struct arena *arena)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 8;
        const void **items = arena_alloc(arena, list->cap * sizeof *items);
        if (list->n)
            memcpy(items, list->items, list->n * sizeof *items);
        list->items = items;
    }
    list->items[list->n++] = item;
}

struct differ {
    struct arena *arena;
    struct list added, removed, changed, static_changes;
};

/* Rules. */

static bool same_rule(const struct sluice_rule *a, const struct sluice_rule *b)
{
    struct buf x = {0}, y = {0};
    schema_encode_json(&policy_rule_schema, a, &x);
    schema_encode_json(&policy_rule_schema, b, &y);
    bool same = x.len == y.len && memcmp(buf_str(&x), buf_str(&y), x.len) == 0;
    buf_free(&x);
    buf_free(&y);
    return same;
}

static void compare_rule(struct differ *d, const struct sluice_rule *before,
                         const struct sluice_rule *after)
{
    if (before == after || same_rule(before, after))
        return;
    struct sluice_rule_change *change = arena_alloc(d->arena, sizeof *change);
    *change = (struct sluice_rule_change){sizeof *change, before, after};
    push(&d->changed, change, d->arena);
}

/* Both lists are in key order. */
static void compare_rules(struct differ *d, const struct sluice_policy *from,
                          const struct sluice_policy *to)
{
    size_t i = 0, j = 0, n_from = from ? from->n_rules : 0;
    while (i < n_from || j < to->n_rules) {
        int order = i == n_from ? 1 : j == to->n_rules ? -1
                  : strcmp(from->rules[i]->key, to->rules[j]->key);
        if (order < 0)
            push(&d->removed, from->rules[i++], d->arena);
        else if (order > 0)
            push(&d->added, to->rules[j++], d->arena);
        else
            compare_rule(d, from->rules[i++], to->rules[j++]);
    }
}

/* Static sections. */

static void add_static(struct differ *d, const char *path, const char *before, const char *after)
{
    struct sluice_static_change *change = arena_alloc(d->arena, sizeof *change);
    *change = (struct sluice_static_change){sizeof *change, path, before, after};
    push(&d->static_changes, change, d->arena);
}

static void compare_text(struct differ *d, const char *path, const char *before, const char *after)
{
    if (strcmp(before, after) != 0)
        add_static(d, path, before, after);
}

/* The next component that counts, or NULL; "." and doubled slashes do not. */
static const char *component(const char *p, size_t *len)
{
    for (;; p += *len) {
        p += strspn(p, "/");
        *len = strcspn(p, "/");
        if (!*p)
            return NULL;
        if (*len != 1 || *p != '.')
            return p;
    }
}

static bool same_path(const char *a, const char *b)
{
    size_t na, nb;
    if ((*a == '/') != (*b == '/'))
        return false;
    for (a = component(a, &na), b = component(b, &nb); a && b;
         a = component(a + na, &na), b = component(b + nb, &nb))
        if (na != nb || memcmp(a, b, na) != 0)
            return false;
    return !a && !b;
}

static bool has_path(const char *const *paths, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (same_path(paths[i], path))
            return true;
    return false;
}

static void compare_paths(struct differ *d, const char *field, const char *const *before,
                          size_t n_before, const char *const *after, size_t n_after)
{
    for (size_t i = 0; i < n_before; i++)
        if (!has_path(after, n_after, before[i]))
            add_static(d, field, before[i], "");
    for (size_t i = 0; i < n_after; i++)
        if (!has_path(before, n_before, after[i]))
            add_static(d, field, "", after[i]);
}

static void compare_filesystem(struct differ *d, const struct sluice_filesystem *before,
                               const struct sluice_filesystem *after)
{
    compare_text(d, "filesystem_policy.include_workdir", before->include_workdir ? "true" : "false",
                 after->include_workdir ? "true" : "false");
    compare_paths(d, "filesystem_policy.read_only", before->read_only, before->n_read_only,
                  after->read_only, after->n_read_only);
    compare_paths(d, "filesystem_policy.read_write", before->read_write, before->n_read_write,
                  after->read_write, after->n_read_write);
}

/* A section that one of the policies lacks stays what it was: that is no change. */
static void compare_static(struct differ *d, const struct sluice_policy *from,
                           const struct sluice_policy *to)
{
    if (from->filesystem && to->filesystem)
        compare_filesystem(d, from->filesystem, to->filesystem);
    if (from->landlock && to->landlock)
        compare_text(d, "landlock.compatibility", from->landlock->compatibility,
                     to->landlock->compatibility);
    if (!from->process || !to->process)
        return;
    compare_text(d, "process.run_as_user", from->process->run_as_user, to->process->run_as_user);
    compare_text(d, "process.run_as_group", from->process->run_as_group, to->process->run_as_group);
}

const struct sluice_diff *policy_diff(const struct sluice_policy *from,
                                      const struct sluice_policy *to, struct arena *arena)
{
    struct differ d = {.arena = arena};
    compare_rules(&d, from, to);
    if (from)
        compare_static(&d, from, to);
    struct sluice_diff *diff = arena_zalloc(arena, sizeof *diff);
    diff->size = sizeof *diff;
#define TAKE(field, list)                                 \
    diff->field = (const void *)(list).items;             \
    diff->n_##field = (list).n
    TAKE(added, d.added);
    TAKE(removed, d.removed);
    TAKE(changed, d.changed);
    TAKE(static_changes, d.static_changes);
#undef TAKE
    const struct policy_effect *effect = policy_effect(from, to, arena);
    diff->relation = effect->relation;
    diff->gained = effect->gained;
    diff->n_gained = effect->n_gained;
    diff->lost = effect->lost;
    diff->n_lost = effect->n_lost;
    return diff;
}
