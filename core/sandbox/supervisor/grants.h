/* SPDX-License-Identifier: Apache-2.0 */
/* The grants of the policy in force: which have ended, and why.  A grant that has ended stays
 * ended, whatever the gateway sends, until the gateway does not name it any more; its uses only
 * become more, and its deadline only comes nearer.
 *
 * Owned by whoever made it; plain values and an injected clock; one thread. */
#ifndef SANDBOX_SUPERVISOR_GRANTS_H
#define SANDBOX_SUPERVISOR_GRANTS_H

#include "policy/grant.h"

struct grant_clock {
    int64_t (*wall_ms)(void *ctx);
    int64_t (*boot_ms)(void *ctx);                  /* CLOCK_BOOTTIME */
    const char *boot;                               /* id of the boot; borrowed */
    void *ctx;
};

struct grant_entry {
    struct policy_grant grant;                      /* its texts are owned */
    char *ended;                                    /* why; NULL: it runs */
    int64_t told;                                   /* uses that the gateway was told of */
};

struct grant_book {
    struct grant_clock clock;
    struct grant_entry items[POLICY_GRANTS_MAX];
    size_t n;
};

void sandbox_grants_init(struct grant_book *book, const struct grant_clock *clock);
void sandbox_grants_free(struct grant_book *book);
/* Those of a revision.  More than POLICY_GRANTS_MAX: the rest has ended. */
void sandbox_grants_take(struct grant_book *book, const struct policy_grant *list, size_t n);
/* Ends those whose time is over.  Returns whether there are any. */
bool sandbox_grants_check(struct grant_book *book);
/* One use more; the last one ends it.  NULL: it has no such rule. */
struct grant_entry *sandbox_grants_use(struct grant_book *book, const char *rule);
/* One that runs and has uses that the gateway was not told of; from now on it was.  NULL: none. */
struct grant_entry *sandbox_grants_untold(struct grant_book *book);
/* Takes why, which malloc made.  Does nothing with one that has ended. */
void sandbox_grants_end(struct grant_entry *entry, char *why);
struct grant_entry *sandbox_grants_find(struct grant_book *book, const char *chunk);
/* When the next one ends by each clock; INT64_MAX: none does. */
void sandbox_grants_deadlines(const struct grant_book *book, int64_t *wall_ms, int64_t *boot_ms);

#endif
