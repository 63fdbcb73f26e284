/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/grants.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void sandbox_grants_init(struct grant_book *book, const struct grant_clock *clock)
{
    *book = (struct grant_book){.clock = *clock};
}

static void free_entry(struct grant_entry *entry)
{
    free((char *)entry->grant.chunk);
    free((char *)entry->grant.rule);
    free((char *)entry->grant.boot);
    free(entry->ended);
}

void sandbox_grants_free(struct grant_book *book)
{
    while (book->n > 0)
        free_entry(&book->items[--book->n]);
}

struct grant_entry *sandbox_grants_find(struct grant_book *book, const char *chunk)
{
    for (size_t i = 0; i < book->n; i++)
        if (strcmp(book->items[i].grant.chunk, chunk) == 0)
            return &book->items[i];
    return NULL;
}

/* ---- a revision ---- */

static bool is_named(const struct policy_grant *list, size_t n, const char *chunk)
{
    return policy_grants_of_chunk(&(struct policy_grants){list, n}, chunk) != NULL;
}

static void drop_others(struct grant_book *book, const struct policy_grant *list, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < book->n; i++)
        if (is_named(list, n, book->items[i].grant.chunk))
            book->items[kept++] = book->items[i];
        else
            free_entry(&book->items[i]);
    book->n = kept;
}

static void keep_lesser(int64_t *have, int64_t other)
{
    if (other < *have)
        *have = other;
}

/* What is known already is only narrowed. */
static void narrow(struct grant_entry *entry, const struct policy_grant *given)
{
    struct policy_grant *grant = &entry->grant;
    if (given->used > grant->used)
        grant->used = given->used;
    keep_lesser(&grant->uses, given->uses);
    keep_lesser(&grant->expires_at_ms, given->expires_at_ms);
    keep_lesser(&grant->boot_ms, given->boot_ms);
}

static void check_uses(struct grant_entry *entry)
{
    const struct policy_grant *grant = &entry->grant;
    if (policy_grant_end(grant) == POLICY_GRANT_USES && grant->used >= grant->uses)
        sandbox_grants_end(entry, alloc_printf("it was used %lld time%s", (long long)grant->used,
                                               grant->used == 1 ? "" : "s"));
}

void sandbox_grants_take(struct grant_book *book, const struct policy_grant *list, size_t n)
{
    drop_others(book, list, n);
    for (size_t i = 0; i < n; i++) {
        struct grant_entry *entry = sandbox_grants_find(book, list[i].chunk);
        if (entry) {
            narrow(entry, &list[i]);
        } else if (book->n < POLICY_GRANTS_MAX) {
            entry = &book->items[book->n++];
            *entry = (struct grant_entry){.grant = list[i], .told = list[i].used};
            entry->grant.chunk = alloc_str(list[i].chunk);
            entry->grant.rule = alloc_str(list[i].rule);
            entry->grant.boot = alloc_str(list[i].boot);
        }
        if (entry)
            check_uses(entry);
    }
    sandbox_grants_check(book);
}

/* ---- its end ---- */

void sandbox_grants_end(struct grant_entry *entry, char *why)
{
    if (entry->ended)
        free(why);
    else
        entry->ended = why;
}

bool sandbox_grants_check(struct grant_book *book)
{
    const struct grant_clock *clock = &book->clock;
    bool any = false;
    for (size_t i = 0; i < book->n; i++) {
        struct grant_entry *entry = &book->items[i];
        if (entry->ended || !policy_grant_is_late(&entry->grant, clock->boot,
                                                  clock->wall_ms(clock->ctx),
                                                  clock->boot_ms(clock->ctx)))
            continue;
        sandbox_grants_end(entry, alloc_str("its time is over"));
        any = true;
    }
    return any;
}

struct grant_entry *sandbox_grants_use(struct grant_book *book, const char *rule)
{
    for (size_t i = 0; i < book->n; i++) {
        struct grant_entry *entry = &book->items[i];
        if (strcmp(entry->grant.rule, rule) != 0)
            continue;
        entry->grant.used++;
        check_uses(entry);
        return entry;
    }
    return NULL;
}

struct grant_entry *sandbox_grants_untold(struct grant_book *book)
{
    for (size_t i = 0; i < book->n; i++) {
        struct grant_entry *entry = &book->items[i];
        if (entry->ended || entry->grant.used <= entry->told)
            continue;
        entry->told = entry->grant.used;
        return entry;
    }
    return NULL;
}

void sandbox_grants_deadlines(const struct grant_book *book, int64_t *wall_ms, int64_t *boot_ms)
{
    *wall_ms = *boot_ms = INT64_MAX;
    for (size_t i = 0; i < book->n; i++) {
        const struct grant_entry *entry = &book->items[i];
        if (entry->ended || !entry->grant.expires_at_ms)
            continue;
        keep_lesser(wall_ms, entry->grant.expires_at_ms);
        if (strcmp(entry->grant.boot, book->clock.boot) == 0)
            keep_lesser(boot_ms, entry->grant.boot_ms);
    }
}
