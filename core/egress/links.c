/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/executable.h"
#include "base/glob.h"

enum { HINTS_MAX = 4 };

int egress_root_open(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void egress_links_free(struct egress_links *links)
{
    for (size_t i = 0; i < links->n; i++) {
        free((char *)(uintptr_t)links->items[i].path);
        free((char *)(uintptr_t)links->items[i].program);
    }
    free(links->items);
    policy_unref(links->policy);
    *links = (struct egress_links){0};
}

static void add(struct egress_links *links, const char *path, const char *program)
{
    links->items = alloc_resize(links->items, links->n + 1, sizeof *links->items);
    links->items[links->n++] = (struct policy_link){alloc_str(path), alloc_str(program)};
}

static void find_of_rule(struct egress_links *links, int root, const struct sluice_rule *rule,
                         bool cached)
{
    char program[PATH_MAX];
    for (size_t i = 0; i < rule->n_binaries; i++) {
        const char *path = rule->binaries[i]->path;
        if (glob_has_wildcard(path))
            continue;
        links->asked = true;
        if (executable_resolve(root, path, cached, program) != 0)
            links->incomplete |= cached && errno == EAGAIN;
        else if (strcmp(program, path) != 0)
            add(links, path, program);
    }
}

void egress_links_find(struct egress_links *links, int root, struct policy *policy,
                       const struct policy_request *request, bool cached)
{
    const struct sluice_policy *model = policy_model(policy);
    struct policy_request unlinked = *request;
    unlinked.n_links = 0;
    egress_links_free(links);
    links->policy = policy_ref(policy);
    for (size_t i = 0; i < model->n_rules; i++)
        if (policy_rule_opens(model->rules[i], request) &&
            !policy_rule_takes_caller(model->rules[i], &unlinked))
            find_of_rule(links, root, model->rules[i], cached);
}

bool egress_links_concern(struct policy *policy, const struct policy_request *request)
{
    const struct sluice_policy *model = policy_model(policy);
    for (size_t i = 0; i < model->n_rules; i++) {
        const struct sluice_rule *rule = model->rules[i];
        for (size_t k = 0; k < rule->n_binaries; k++)
            if (!glob_has_wildcard(rule->binaries[k]->path) && policy_rule_opens(rule, request))
                return true;
    }
    return false;
}

static bool was_said(const struct buf *hint, const char *text)
{
    return hint->len > 0 && strstr(hint->data, text) != NULL;
}

static size_t explain_rule(int root, const struct sluice_rule *rule, size_t said, struct buf *hint)
{
    struct executable program;
    struct buf text = {0};
    for (size_t i = 0; i < rule->n_binaries && said < HINTS_MAX; i++) {
        const char *path = rule->binaries[i]->path;
        if (glob_has_wildcard(path))
            continue;
        executable_describe(root, path, &program);
        buf_clear(&text);
        buf_printf(&text, "in the sandbox, '%s' %s", path, program.note);
        if (!*program.note || was_said(hint, text.data))
            continue;
        buf_printf(hint, "%s%s", hint->len ? "; " : "", text.data);
        said++;
    }
    buf_free(&text);
    return said;
}

void egress_links_explain(int root, struct policy *policy, const struct policy_request *request,
                          struct buf *hint)
{
    const struct sluice_policy *model = policy_model(policy);
    size_t said = 0;
    for (size_t i = 0; i < model->n_rules && said < HINTS_MAX; i++)
        if (policy_rule_opens(model->rules[i], request))
            said = explain_rule(root, model->rules[i], said, hint);
}
