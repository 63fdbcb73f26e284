/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/habits.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* In place of group and verb. */
static const struct habit lone[] = {
    {"sandbox", "ls", "list"},
    {"sandbox", "ps", "list"},
    {"sandbox", "rm", "delete"},
};

/* In place of a verb. */
static const struct habit verbs[] = {
    {"sandbox", "ls", "list"},
    {"sandbox", "ps", "list"},
    {"sandbox", "rm", "delete"},
    {"policy", "ls", "list"},
    {"rule", "ls", "get"},
    {"rule", "list", "get"},
    {"plugin", "ls", "list"},
    {"decision", "ls", "list"},
    {"preset", "ls", "list"},
    {"provider", "ls", "list"},
    {"provider", "rm", "delete"},
};

/* Group NULL: the first word of a command line. */
static const struct habit guesses[] = {
    {"sandbox", "run", "sandbox create -- CMD"},
    {"sandbox", "show", "sandbox get"},
    {"sandbox", "inspect", "sandbox get"},
    {"sandbox", "describe", "sandbox get"},
    {"sandbox", "kill", "sandbox stop"},
    {"sandbox", "remove", "sandbox delete"},
    {"sandbox", "destroy", "sandbox delete"},
    {"sandbox", "logs", "logs"},
    {"sandbox", "new", "sandbox create"},
    {"policy", "show", "policy get"},
    {"policy", "history", "policy list"},
    {"policy", "revisions", "policy list"},
    {"policy", "apply", "policy set"},
    {"policy", "replace", "policy set"},
    {"policy", "patch", "policy update"},
    {"policy", "validate", "policy check"},
    {"policy", "lint", "policy check"},
    {"policy", "test", "policy check --cases FILE"},
    {"policy", "undo", "policy rollback"},
    {"policy", "prove", "policy can-i"},
    {"policy", "delete", "policy update --remove-rule NAME"},
    {"rule", "show", "rule get"},
    {"rule", "accept", "rule approve"},
    {"rule", "deny", "rule reject"},
    {"rule", "add", "rule propose"},
    {"rule", "create", "rule propose"},
    {"rule", "request", "rule propose"},
    {"rule", "delete", "policy update --remove-rule NAME"},
    {"provider", "add", "provider create"},
    {"provider", "update", "provider rotate"},
    {"provider", "remove", "provider delete"},
    {"preset", "get", "preset show"},
    {"preset", "apply", "preset add"},
    {NULL, "run", "sandbox create -- CMD"},
    {NULL, "create", "sandbox create"},
    {NULL, "exec", "sandbox exec"},
    {NULL, "attach", "sandbox connect"},
    {NULL, "connect", "sandbox connect"},
    {NULL, "shell", "sandbox connect"},
    {NULL, "ssh", "sandbox ssh-config"},
    {NULL, "stop", "sandbox stop"},
    {NULL, "start", "sandbox start"},
    {NULL, "kill", "sandbox stop"},
    {NULL, "delete", "sandbox delete"},
    {NULL, "list", "sandbox list"},
    {NULL, "get", "sandbox get"},
    {NULL, "inspect", "sandbox get"},
    {NULL, "describe", "sandbox get"},
    {NULL, "wait", "sandbox wait"},
    {NULL, "cp", "sandbox upload"},
    {NULL, "upload", "sandbox upload"},
    {NULL, "download", "sandbox download"},
    {NULL, "port-forward", "sandbox forward"},
    {NULL, "forward", "sandbox forward"},
    {NULL, "port", "sandbox forward"},
    {NULL, "label", "sandbox set --label K=V"},
    {NULL, "settings", "sandbox set"},
    {NULL, "apply", "policy set --policy FILE"},
    {NULL, "edit", "policy edit"},
    {NULL, "patch", "policy update"},
    {NULL, "diff", "policy diff"},
    {NULL, "explain", "policy explain"},
    {NULL, "rollout", "policy rollback"},
    {NULL, "can-i", "policy can-i"},
    {NULL, "auth", "policy can-i"},
    {NULL, "draft", "rule get"},
    {NULL, "drafts", "rule get"},
    {NULL, "approve", "rule approve"},
    {NULL, "reject", "rule reject"},
    {NULL, "secret", "provider create"},
    {NULL, "login", "token create"},
    {NULL, "info", "status"},
    {NULL, "doctor", "status"},
    {NULL, "stats", "top"},
    {NULL, "watch", "top"},
    {NULL, "term", "top"},
    {NULL, "version", "--version"},
};

enum {
    LONE = sizeof lone / sizeof *lone,
    VERBS = sizeof verbs / sizeof *verbs,
    GUESSES = sizeof guesses / sizeof *guesses
};

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

const struct habit *habit_short(const char *group, const char *word)
{
    const struct habit *list = group ? verbs : lone;
    for (size_t i = 0; i < (group ? VERBS : LONE); i++)
        if (same(list[i].word, word) && (!group || same(list[i].group, group)))
            return &list[i];
    return NULL;
}

const char *habit_meant(const char *group, const char *word)
{
    for (size_t i = 0; i < GUESSES; i++)
        if (same(guesses[i].word, word) && same(guesses[i].group, group))
            return guesses[i].meant;
    return NULL;
}
