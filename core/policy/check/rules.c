/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and the binaries that they let through. */
#include <string.h>

#include "policy/check/check_parts.h"

static const char reserved[] = "_provider_";

/* The kernel names executables by absolute paths without doubled slashes or dots: nothing else can
 * ever be equal to one. */
static bool is_plain_path(const char *path)
{
    if (path[0] != '/' && !check_is(path, "**") && strncmp(path, "**/", 3) != 0)
        return false;
    for (const char *p = path[0] == '/' ? path + 1 : path;; p++) {
        size_t len = strcspn(p, "/");
        if (len == 0 || (len <= 2 && strspn(p, ".") == len))
            return false;
        p += len;
        if (!*p)
            return true;
    }
}

/* Two stars that share a component with something else. */
static bool has_glued_run(const char *path)
{
    for (const char *p = strstr(path, "**"); p; p = strstr(p + 2, "**"))
        if ((p > path && p[-1] != '/') || (p[2] && p[2] != '/'))
            return true;
    return false;
}

static void check_binary(struct check *c, const struct sluice_binary *b)
{
    const char *shown = check_shown(c, b->path);
    if (!check_path_length(c, b->doc_path, "path", b->path))
        return;
    if (!*b->path)
        check_problem(c, b->doc_path, "path", "binary path must not be empty");
    else if (!is_plain_path(b->path))
        check_problem(
            c, b->doc_path, "path",
            "binary path '%s' can never match: it must be absolute, "
            "or a glob such as /usr/bin/* or **/curl, without empty, '.' or '..' components",
            shown);
    else if (has_glued_run(b->path))
        check_warning(c, b->doc_path, "path", "binary path '%s': '**' crosses '/' only as a whole "
                      "component; here it matches no more than '*'", shown);
    else if (strpbrk(b->path, "{["))
        check_warning(c, b->doc_path, "path", "binary path '%s': '{' and '[' stand for themselves; "
                      "list each path separately", shown);
}

static void check_rule(struct check *c, const struct sluice_rule *rule)
{
    if (strncmp(rule->key, reserved, sizeof reserved - 1) == 0)
        check_problem(c, rule->doc_path, "",
                      "key '%s' uses the prefix '%s', which is reserved for "
                      "rules composed from providers; choose another key",
                      check_shown(c, rule->key), reserved);
    if (rule->n_endpoints == 0)
        check_warning(c, rule->doc_path, "", "rule '%s' has no endpoints, so it opens nothing",
                      check_shown(c, rule->name));
    if (rule->n_binaries == 0)
        check_warning(c, rule->doc_path, "",
                      "rule '%s' lists no binaries, so it lets nobody through; "
                      "to let every program through, add binaries with - path: \"/**\"",
                      check_shown(c, rule->name));
    for (size_t i = 0; i < rule->n_binaries; i++)
        check_binary(c, rule->binaries[i]);
    for (size_t i = 0; i < rule->n_endpoints; i++)
        check_endpoint(c, rule->endpoints[i]);
}

void check_rules(struct check *c)
{
    for (size_t i = 0; i < c->policy->n_rules; i++)
        check_rule(c, c->policy->rules[i]);
}
