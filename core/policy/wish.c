/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/wish.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/duration.h"

enum { USES_MAX = 1000000, PID_MAX = 4194304 };
#define FOR_MAX_MS (INT64_C(10) * 365 * 24 * 3600 * 1000)

static int decode_for(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct policy_grant *grant = record;
    const char *text;
    if (schema_text(d, value, &text) != 0)
        return -1;
    if (duration_parse(text, &grant->for_ms) != 0 || grant->for_ms <= 0 ||
        grant->for_ms > FOR_MAX_MS)
        return schema_problem(d, value,
                              "must be a duration from 1ms to 3650d such as 90s, 10m or 2h, not %s",
                              schema_show(d, value));
    return 0;
}

static int decode_time(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct policy_grant *grant = record;
    char now[CLOCK_TEXT_SIZE];
    const char *text;
    if (schema_text(d, value, &text) != 0)
        return -1;
    if (clock_parse(text, &grant->expires_at_ms) != 0)
        return schema_problem(d, value, "must be a time such as 2026-01-31T08:05:00Z, not %s",
                              schema_show(d, value));
    if (grant->expires_at_ms <= clock_now_ms())
        return schema_problem(d, value, "must be a time to come; %s is past, it is %s", text,
                              clock_format(clock_now_ms(), now));
    return 0;
}

static int decode_once(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct policy_grant *grant = record;
    if (!value->plain || strcmp(value->text, "true") != 0)
        return schema_problem(d, value, "must be true, or left out; it is %s",
                              schema_show(d, value));
    grant->uses = 1;
    return 0;
}

static int check_grant(struct schema_decoder *d, void *record)
{
    struct policy_grant *grant = record;
    int n = (grant->uses != 0) + (grant->for_ms != 0) + (grant->expires_at_ms != 0) +
            (grant->pid != 0);
    grant->chunk = grant->rule = grant->boot = "";
    return n == 1 ? 0
                  : schema_problem(d, NULL,
                                   "a grant ends in one way: it has one of uses, for, expires_at "
                                   "and pid, not %d of them",
                                   n);
}

#define AT(member) .offset = offsetof(struct policy_grant, member)
static const struct schema_field grant_fields[] = {
    {.name = "uses", .kind = SCHEMA_I64, AT(uses), .min = 1, .max = USES_MAX,
     .help = "It ends after so many uses: connections or, where requests are inspected, requests"},
    {.name = "for", .kind = SCHEMA_CUSTOM, AT(for_ms), .decode = decode_for,
     .help = "It ends so long after the approval, such as 10m"},
    {.name = "expires_at", .kind = SCHEMA_CUSTOM, AT(expires_at_ms), .decode = decode_time,
     .help = "It ends at this time, such as 2026-01-31T08:05:00Z"},
    {.name = "pid", .kind = SCHEMA_I64, AT(pid), .min = 1, .max = PID_MAX,
     .help = "It is for the process tree of this process, as the sandbox sees it, and ends with "
             "the process"},
    {.name = "once", .kind = SCHEMA_CUSTOM, .decode = decode_once, .flags = SCHEMA_ALIAS,
     .excludes = "uses", .help = "true: the same as uses: 1"},
    {.name = "until", .kind = SCHEMA_CUSTOM, AT(expires_at_ms), .decode = decode_time,
     .flags = SCHEMA_ALIAS, .excludes = "expires_at", .help = "The same as expires_at"},
    {.name = "while_pid", .kind = SCHEMA_I64, AT(pid), .min = 1, .max = PID_MAX,
     .flags = SCHEMA_ALIAS, .excludes = "pid", .help = "The same as pid"},
    {0},
};
#undef AT
const struct schema policy_wish_schema = {.name = "grant", .size = sizeof(struct policy_grant),
                                          .fields = grant_fields, .finish = check_grant};
