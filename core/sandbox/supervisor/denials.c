/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/denials.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/rate.h"
#include "base/text.h"

struct entry {
    struct entry *next;
    struct arena *arena;
    struct sandbox_denial denial;                   /* count 0: nothing to report */
    unsigned told;                                  /* of denial.waiting, to the gateway */
};

struct denial_book {
    uv_timer_t timer;
    struct entry *entries;                          /* the latest seen first */
    size_t n;
    uint64_t second;                              /* of the loop's clock, with told_at_once in it */
    unsigned told_at_once;
    struct rate rate;                               /* of what is sent */
    sandbox_denials_sender *send;
    void *ctx;
};

struct denial_book *sandbox_denials_new(uv_loop_t *loop, sandbox_denials_sender *send, void *ctx)
{
    struct denial_book *book = alloc_zero(1, sizeof *book);
    book->send = send;
    book->ctx = ctx;
    book->rate = rate_of(DENIALS_MAX, DENIALS_PER_SECOND, uv_now(loop));
    uv_timer_init(loop, &book->timer);
    book->timer.data = book;
    return book;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* They are decided together. */
static bool same_request(const struct sandbox_denial *a, const struct sandbox_denial *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0 &&
           same_text(a->method, b->method) && same_text(a->path, b->path) &&
           same_text(a->operation, b->operation) && same_text(a->field, b->field) &&
           same_text(a->rpc_method, b->rpc_method) && same_text(a->tool, b->tool) &&
           same_text(a->vote, b->vote) &&
           strcmp(a->binary, b->binary) == 0;
}

static bool same_denial(const struct sandbox_denial *a, const struct sandbox_denial *b)
{
    return strcmp(a->stage, b->stage) == 0 && same_text(a->finding, b->finding) &&
           same_request(a, b);
}

/* The gateway counts requests that wait for it. */
static bool is_waited_for(const struct entry *e)
{
    return e->denial.waiting || e->told;
}

/* Takes the entry of the same denial out of the list. */
static struct entry *remove_entry(struct denial_book *book, const struct sandbox_denial *d)
{
    for (struct entry **at = &book->entries; *at; at = &(*at)->next) {
        struct entry *e = *at;
        if (same_denial(&e->denial, d)) {
            *at = e->next;
            book->n--;
            return e;
        }
    }
    return NULL;
}

static void drop(struct denial_book *book, struct entry **at)
{
    struct entry *e = *at;
    *at = e->next;
    arena_free(e->arena);
    book->n--;
}

/* The program that has more than half of the entries, if one has: a majority vote. */
static const char *find_majority(const struct denial_book *book)
{
    const char *binary = "";
    size_t lead = 0;
    for (const struct entry *e = book->entries; e; e = e->next) {
        if (lead == 0)
            binary = e->denial.binary;
        lead += strcmp(e->denial.binary, binary) == 0 ? 1 : -1;
    }
    return binary;
}

/* A program that asks for a new path each time displaces its own denials, not those
 * of others. */
static void drop_oldest(struct denial_book *book)
{
    struct entry **oldest = NULL, **of_majority = NULL;
    const char *binary = find_majority(book);
    size_t n = 0;
    for (struct entry **at = &book->entries; *at; at = &(*at)->next) {
        if (is_waited_for(*at))
            continue;
        oldest = at;
        if (strcmp((*at)->denial.binary, binary) != 0)
            continue;
        of_majority = at;
        n++;
    }
    if (oldest)
        drop(book, n > book->n / 2 ? of_majority : oldest);
}

/* At most room bytes of it, in whole characters. */
static const char *copy(struct arena *arena, const char *text, size_t room)
{
    size_t len = strlen(text);
    if (len > room)
        len = text_utf8_valid(text, room);
    return arena_printf(arena, "%.*s", (int)len, text);
}

/* The first ones, as many as there is room for, which shrinks. */
static size_t copy_paths(struct arena *arena, const char *const *paths, size_t n_paths,
                         size_t *room, const char **out)
{
    size_t n = 0;
    while (n < n_paths && n < DENIALS_ANCESTORS_MAX && strlen(paths[n]) < *room) {
        *room -= strlen(paths[n]);
        out[n] = arena_str(arena, paths[n]);
        n++;
    }
    return n;
}

static size_t copy_addresses(struct arena *arena, const struct sandbox_denial *d, const char **out)
{
    size_t n = 0;
    for (; n < d->n_addresses && n < DENIALS_ADDRESSES_MAX; n++)
        out[n] = arena_str(arena, d->addresses[n]);
    return n;
}

static bool same_addresses(const struct sandbox_denial *a, const struct sandbox_denial *b)
{
    bool same = a->n_addresses == b->n_addresses;
    for (size_t i = 0; same && i < a->n_addresses; i++)
        same = strcmp(a->addresses[i], b->addresses[i]) == 0;
    return same;
}

static struct entry *entry_new(const struct sandbox_denial *d)
{
    enum { REASON_MAX = 1024, HOST_MAX = 256 };
    struct arena *arena = arena_new();
    struct entry *e = arena_zalloc(arena, sizeof *e);
    const char **ancestors = arena_zalloc(arena, DENIALS_ANCESTORS_MAX * sizeof *ancestors);
    const char **links = arena_zalloc(arena, DENIALS_ANCESTORS_MAX * sizeof *links);
    const char **addresses = arena_zalloc(arena, DENIALS_ADDRESSES_MAX * sizeof *addresses);
    size_t room = DENIALS_TEXT_MAX - REASON_MAX - HOST_MAX;
    e->arena = arena;
    e->denial = (struct sandbox_denial){
        .host = copy(arena, d->host, HOST_MAX), .port = d->port,
        .binary = copy(arena, d->binary, room), .ancestors = ancestors, .links = links,
        .reason = copy(arena, d->reason, REASON_MAX), .stage = arena_str(arena, d->stage),
        .finding = arena_str(arena, d->finding),
        .method = arena_str(arena, d->method), .path = arena_str(arena, d->path),
        .operation = arena_str(arena, d->operation), .field = arena_str(arena, d->field),
        .rpc_method = arena_str(arena, d->rpc_method), .tool = arena_str(arena, d->tool),
        .vote = arena_str(arena, d->vote)};
    e->denial.addresses = addresses;
    e->denial.n_addresses = copy_addresses(arena, d, addresses);
    room -= strlen(e->denial.binary);
    e->denial.n_links = copy_paths(arena, d->links, d->n_links, &room, links);
    e->denial.n_ancestors = copy_paths(arena, d->ancestors, d->n_ancestors, &room, ancestors);
    return e;
}

static struct entry *renewed(struct entry *old, const struct sandbox_denial *d)
{
    struct entry *e = entry_new(d);
    e->denial.count = old->denial.count;
    e->denial.waiting = old->denial.waiting;
    e->told = old->told;
    e->denial.first_seen_ms = old->denial.first_seen_ms;
    arena_free(old->arena);
    return e;
}

static void on_timer(uv_timer_t *timer)
{
    sandbox_denials_flush(timer->data);
}

/* A workload can ask for a new name each time: then even the first denial has to wait its turn. */
static bool may_tell_at_once(struct denial_book *book)
{
    uint64_t second = uv_now(book->timer.loop) / DENIALS_INTERVAL_MS;
    if (second != book->second)
        book->told_at_once = 0;
    book->second = second;
    return book->told_at_once++ < DENIALS_AT_ONCE_MAX;
}

/* at_once: there is something new. */
static void tell_soon(struct denial_book *book, bool at_once)
{
    bool now = at_once && may_tell_at_once(book);
    if (now || !uv_is_active((uv_handle_t *)&book->timer))
        uv_timer_start(&book->timer, on_timer, now ? 0 : DENIALS_INTERVAL_MS, 0);
}

static bool is_within(const char *text, size_t max)
{
    return !text || strlen(text) <= max;
}

/* A part of a text would be another request. */
static bool fits(const struct sandbox_denial *d)
{
    return is_within(d->method, DENIALS_METHOD_MAX) && is_within(d->path, DENIALS_PATH_MAX) &&
           is_within(d->operation, DENIALS_CALL_MAX) && is_within(d->field, DENIALS_CALL_MAX) &&
           is_within(d->rpc_method, DENIALS_CALL_MAX) && is_within(d->tool, DENIALS_CALL_MAX);
}

void sandbox_denials_add(struct denial_book *book, const struct sandbox_denial *denial)
{
    if (!fits(denial))
        return;
    struct entry *e = remove_entry(book, denial);
    bool first = !e;
    if (first)
        e = entry_new(denial);
    else if (strcmp(e->denial.reason, denial->reason) != 0 || !same_addresses(&e->denial, denial))
        e = renewed(e, denial);                   /* the latest reason and addresses count */
    if (book->n >= DENIALS_MAX)
        drop_oldest(book);
    e->next = book->entries;
    book->entries = e;
    book->n++;
    e->denial.last_seen_ms = clock_now_ms();
    if (e->denial.count++ == 0)
        e->denial.first_seen_ms = e->denial.last_seen_ms;
    tell_soon(book, first);
}

/* One that waits is told of already, whatever stages the same request was refused at. */
static struct entry *find_waited_for(struct denial_book *book, const struct sandbox_denial *denial)
{
    struct entry *found = NULL;
    for (struct entry *e = book->entries; e; e = e->next)
        if ((!found || is_waited_for(e)) && same_request(&e->denial, denial))
            found = e;
    return found;
}

void sandbox_denials_set_waiting(struct denial_book *book, const struct sandbox_denial *denial,
                                 unsigned waiting)
{
    struct entry *e = find_waited_for(book, denial);
    if (!e || e->denial.waiting == waiting)
        return;
    e->denial.waiting = waiting;
    tell_soon(book, true);
}

void sandbox_denials_connected(struct denial_book *book)
{
    for (struct entry *e = book->entries; e; e = e->next)
        e->told = 0;
}

static unsigned room(struct denial_book *book)
{
    return rate_left(&book->rate, uv_now(book->timer.loop));
}

/* Whose denials: of one program (binary), or of all others. */
struct share {
    const char *binary;                             /* NULL: everybody's */
    bool others;
};

static bool is_due(const struct entry *e, struct share share)
{
    bool own = !share.binary || strcmp(e->denial.binary, share.binary) == 0;
    bool due = e->denial.count > 0 || e->denial.waiting != e->told;
    return due && own != share.others;
}

static size_t count_due(const struct denial_book *book, struct share share)
{
    size_t n = 0;
    for (const struct entry *e = book->entries; e; e = e->next)
        n += is_due(e, share);
    return n;
}

/* The next ones that are due, from *at on, which moves behind them, without the first *left_out. */
static size_t take_batch(struct entry **at, struct share share, size_t *left_out,
                         struct entry *batch[DENIALS_BATCH])
{
    size_t n = 0;
    for (; *at && n < DENIALS_BATCH; *at = (*at)->next) {
        if (!is_due(*at, share))
            continue;
        if (*left_out > 0)
            --*left_out;
        else
            batch[n++] = *at;
    }
    return n;
}

/* As many as there is room for, the oldest ones.  False: they cannot be sent now. */
static bool send_share(struct denial_book *book, struct share share)
{
    struct entry *batch[DENIALS_BATCH], *at = book->entries;
    size_t n_due = count_due(book, share);
    size_t most = room(book), left_out = n_due > most ? n_due - most : 0;
    for (size_t n; (n = take_batch(&at, share, &left_out, batch)) > 0;) {
        struct sandbox_denial items[DENIALS_BATCH];
        struct sandbox_denials due = {items, n};
        for (size_t i = 0; i < n; i++)
            items[i] = batch[i]->denial;
        if (!book->send(book->ctx, &due))
            return false;
        rate_spend(&book->rate, (unsigned)n, uv_now(book->timer.loop));
        for (size_t i = 0; i < n; i++) {
            batch[i]->denial.count = 0;
            batch[i]->told = batch[i]->denial.waiting;
        }
    }
    return true;
}

/* Where not all can go, those of the program that has most of them go last. */
void sandbox_denials_flush(struct denial_book *book)
{
    const struct share all = {NULL, false};
    if (count_due(book, all) <= room(book)) {
        send_share(book, all);
        return;
    }
    const char *flood = find_majority(book);
    if (!uv_is_active((uv_handle_t *)&book->timer))
        uv_timer_start(&book->timer, on_timer, DENIALS_INTERVAL_MS, 0);
    if (send_share(book, (struct share){flood, true}))
        send_share(book, (struct share){flood, false});
}

static void on_closed(uv_handle_t *handle)
{
    struct denial_book *book = handle->data;
    while (book->n > 0)
        drop(book, &book->entries);
    free(book);
}

void sandbox_denials_close(struct denial_book *book)
{
    if (book)
        uv_close((uv_handle_t *)&book->timer, on_closed);
}
