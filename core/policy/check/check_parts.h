/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of policy_check(), one file each.  Every part looks at the model alone and reports
 * everything it finds.  Internal to core/policy/check/. */
#ifndef POLICY_CHECK_PARTS_H
#define POLICY_CHECK_PARTS_H

#include "policy/policy.h"

struct check {
    struct arena *arena;                            /* of this check */
    const struct sluice_policy *policy;
    struct problems *problems, *warnings;
    bool failed;                                    /* there was a problem, if listed or not */
};

/* The value is named by the path of its record and its field there; either may be "". */
void check_problem(struct check *c, const char *record, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void check_warning(struct check *c, const char *record, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
const char *check_item(struct check *c, const char *list, size_t i);    /* "list[i]" */
/* Long texts are cut for messages. */
const char *check_shown(struct check *c, const char *text);

/* Paths of files and of requests, with wildcards or without. */
enum { CHECK_PATH_MAX = 4096 };
/* A problem where the path is longer; then false. */
bool check_path_length(struct check *c, const char *record, const char *field, const char *path);

void check_static(struct check *c);
void check_rules(struct check *c);
void check_middlewares(struct check *c);
void check_overlaps(struct check *c);

void check_endpoint(struct check *c, const struct sluice_endpoint *e);
void check_host(struct check *c, const struct sluice_endpoint *e);
void check_allowed_ips(struct check *c, const struct sluice_endpoint *e);
void check_inspection(struct check *c, const struct sluice_endpoint *e);
void check_requests(struct check *c, const struct sluice_endpoint *e);

/* Why a host pattern is not one, or NULL.  Wildcards are allowed. */
const char *check_host_pattern(struct check *c, const char *pattern);

static inline bool check_is(const char *text, const char *word)
{
    return __builtin_strcmp(text, word) == 0;
}

/* What has no protocol is not looked into, and neither is plain tcp. */
static inline bool check_is_inspected(const struct sluice_endpoint *e)
{
    return *e->protocol && !check_is(e->protocol, "tcp");
}

#endif
