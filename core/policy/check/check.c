/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/check/check.h"

#include <stdio.h>
#include <string.h>

#include "policy/check/check_parts.h"

static void report(struct check *c, struct problems *list, const char *record, const char *field,
                   const char *format, va_list args)
{
    bool both = *record && *field;
    const char *path = arena_printf(c->arena, "%s%s%s", record, both ? "." : "", field);
    problems_add(list, path, 0, 0, "%s", arena_vprintf(c->arena, format, args));
}

void check_problem(struct check *c, const char *record, const char *field, const char *format, ...)
{
    va_list args;
    c->failed = true;
    va_start(args, format);
    report(c, c->problems, record, field, format, args);
    va_end(args);
}

void check_warning(struct check *c, const char *record, const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(c, c->warnings, record, field, format, args);
    va_end(args);
}

const char *check_item(struct check *c, const char *list, size_t i)
{
    return arena_printf(c->arena, "%s[%zu]", list, i);
}

const char *check_shown(struct check *c, const char *text)
{
    enum { SHOWN_MAX = 80 };
    size_t len = strlen(text);
    if (len <= SHOWN_MAX)
        return text;
    for (len = SHOWN_MAX - 3; (text[len] & 0xc0) == 0x80; len--)
        ;
    return arena_printf(c->arena, "%.*s...", (int)len, text);
}

bool check_path_length(struct check *c, const char *record, const char *field, const char *path)
{
    size_t len = strlen(path);
    if (len > CHECK_PATH_MAX)
        check_problem(c, record, field, "path exceeds maximum length (%zu > %d): %s", len,
                      CHECK_PATH_MAX, check_shown(c, path));
    return len <= CHECK_PATH_MAX;
}

/* The canonical text is longer than what was written in YAML, and has the sections that were left
 * out. */
static bool check_size(struct check *c, const struct policy *policy)
{
    size_t len = strlen(policy_json(policy));
    if (len > POLICY_BYTES_MAX)
        check_problem(
            c, "", "",
            "the policy has %zu bytes when it is written as JSON, at most %d are allowed: "
            "say less, or say it with patterns",
            len, POLICY_BYTES_MAX);
    return len <= POLICY_BYTES_MAX;
}

/* Their time is bounded for a policy that is not too large. */
static void check_content(struct check *c)
{
    check_static(c);
    check_rules(c);
    check_middlewares(c);
    check_overlaps(c);
}

int policy_check(const struct policy *policy, struct problems *problems, struct problems *warnings)
{
    struct check c = {arena_new(), policy_model(policy), problems, warnings, false};
    if (check_size(&c, policy))
        check_content(&c);
    arena_free(c.arena);
    return c.failed ? -1 : 0;
}
