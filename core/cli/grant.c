/* SPDX-License-Identifier: Apache-2.0 */
/* The options of sluice rule approve that say how the rule ends again. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/duration.h"
#include "cli/cli.h"

static const char *const names[] = {"once", "uses", "for", "until", "while-pid", "no-end"};
enum { N_NAMES = sizeof names / sizeof *names, USES_MAX = 1000000, PID_MAX = 4194304 };

/* -1, or an exit code after saying that two of them stand side by side. */
static int check_one(const struct cli *cli)
{
    const char *first = NULL;
    for (size_t i = 0; i < N_NAMES; i++) {
        if (!arg_given(cli, names[i]))
            continue;
        if (first)
            return usage_error(cli, "a rule ends in one way: --%s or --%s, not both", first,
                               names[i]);
        first = names[i];
    }
    return -1;
}

static int add_number(const struct cli *cli, const char *name, long max, const char *member,
                      json_t *grant)
{
    long number;
    if (!arg_given(cli, name))
        return -1;
    if (arg_range(cli, name, 1, 1, max, &number) != 0)
        return EXIT_USAGE;
    json_object_set_new(grant, member, json_integer(number));
    return -1;
}

static int add_for(const struct cli *cli, json_t *grant)
{
    const char *text = arg_value(cli, "for");
    int64_t ms;
    if (!text)
        return -1;
    if (duration_parse(text, &ms) != 0 || ms <= 0)
        return usage_error(cli, "--for takes a duration such as 90s, 10m or 2h, not '%s'", text);
    json_object_set_new(grant, "for", json_string(text));
    return -1;
}

static int add_until(const struct cli *cli, json_t *grant)
{
    const char *text = arg_value(cli, "until");
    int64_t at_ms;
    if (!text)
        return -1;
    if (clock_parse(text, &at_ms) != 0)
        return usage_error(cli, "--until takes a time such as 2026-01-31T08:05:00Z, not '%s'",
                           text);
    if (at_ms <= clock_now_ms())
        return usage_error(cli, "--until takes a time to come, and %s is past", text);
    json_object_set_new(grant, "expires_at", json_string(text));
    return -1;
}

int grant_add(const struct cli *cli, json_t *body)
{
    json_t *grant = json_object();
    int code = check_one(cli);
    if (arg_given(cli, "once"))
        json_object_set_new(grant, "uses", json_integer(1));
    if (code < 0)
        code = add_number(cli, "uses", USES_MAX, "uses", grant);
    if (code < 0)
        code = add_number(cli, "while-pid", PID_MAX, "pid", grant);
    if (code < 0)
        code = add_for(cli, grant);
    if (code < 0)
        code = add_until(cli, grant);
    if (arg_given(cli, "no-end"))
        json_object_set_new(body, "no_end", json_true());
    if (json_object_size(grant))
        json_object_set(body, "grant", grant);
    json_decref(grant);
    return code;
}
