/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"

enum { BUCKETS = 512 };

static const char *const verdicts[] = {
#define X(id, word, meaning) [STORE_TRAFFIC_##id] = word,
    STORE_TRAFFIC_VERDICTS(X)
#undef X
};

/* What tells one entry from another. */
struct key {
    enum store_traffic_verdict verdict;
    char *host, *binary, *rule;
    uint16_t port;
};

struct entry {
    struct entry *next;
    struct key key;
    char *reason;
    uint64_t count; /* 0: the gateway has it, or the batch under way does */
    int64_t first_seen_ms, last_seen_ms;
};

/* The entries of one verdict. */
struct share {
    size_t n, n_waiting;                            /* those with a count */
    struct entry others; /* requests for which there was no room; without a host */
};

struct traffic_book {
    uv_timer_t timer; /* until the next batch, the next try, or the end */
    char source[UUID_SIZE];
    uint64_t number;                                /* of the newest batch */
    struct entry *buckets[BUCKETS];
    size_t next_bucket;                             /* where the next batch begins */
    struct share shares[STORE_TRAFFIC_VERDICT_COUNT];
    struct arena *batch_arena;                      /* NULL: none waits for its acknowledgement */
    struct sandbox_traffic batch;
    sandbox_traffic_sender *send;                   /* NULL: it has finished */
    void *ctx;
    void (*finished)(void *ctx);                    /* NULL: it goes on */
    void *finished_ctx;
};

/* ---- entries ---- */

static char *copy_text(const char *text, size_t max)
{
    struct buf whole = {0}, out = {0};
    text_escape_bytes(&whole, text);
    text_shorten(&out, buf_str(&whole), max);
    buf_free(&whole);
    return out.data ? buf_take(&out) : alloc_str("");
}

static struct key make_key(const struct egress_line *line)
{
    return (struct key){line->verdict, copy_text(line->host, TRAFFIC_TEXT_MAX),
                        copy_text(line->binary, TRAFFIC_BINARY_MAX),
                        copy_text(line->rule, TRAFFIC_TEXT_MAX), line->port};
}

static void free_key(struct key *key)
{
    free(key->host);
    free(key->binary);
    free(key->rule);
}

static void free_entry(struct entry *entry)
{
    free_key(&entry->key);
    free(entry->reason);
    free(entry);
}

static size_t hash_text(size_t hash, const char *text)
{
    for (; *text; text++)
        hash = hash * 31 + (unsigned char)*text;
    return hash;
}

static struct entry **bucket_of(struct traffic_book *book, const char *host, uint16_t port,
                                const char *binary)
{
    size_t hash = hash_text(hash_text(port, host), binary);
    return &book->buckets[hash % BUCKETS];
}

/* Of a line whose texts are short and printable, as most are: an entry has them as they stand. */
static struct entry *find_as_it_stands(struct traffic_book *book, const struct egress_line *line)
{
    struct entry *entry = *bucket_of(book, line->host, line->port, line->binary);
    while (entry && (entry->key.verdict != line->verdict || entry->key.port != line->port ||
                     strcmp(entry->key.host, line->host) != 0 ||
                     strcmp(entry->key.binary, line->binary) != 0 ||
                     strcmp(entry->key.rule, line->rule) != 0))
        entry = entry->next;
    return entry;
}

static bool same_key(const struct key *a, const struct key *b)
{
    return a->verdict == b->verdict && a->port == b->port && strcmp(a->host, b->host) == 0 &&
           strcmp(a->binary, b->binary) == 0 && strcmp(a->rule, b->rule) == 0;
}

/* Forgets the entries of a verdict that the gateway has. */
static void drop_sent(struct traffic_book *book, enum store_traffic_verdict verdict)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct entry **at = &book->buckets[i]; *at;) {
            struct entry *entry = *at;
            if (entry->key.verdict != verdict || entry->count > 0) {
                at = &entry->next;
                continue;
            }
            *at = entry->next;
            free_entry(entry);
            book->shares[verdict].n--;
        }
    }
}

/* Takes key. */
static struct entry *find_or_make(struct traffic_book *book, struct key *key)
{
    struct share *share = &book->shares[key->verdict];
    struct entry **bucket = bucket_of(book, key->host, key->port, key->binary), *entry = *bucket;
    while (entry && !same_key(&entry->key, key))
        entry = entry->next;
    if (!entry && share->n == TRAFFIC_MAX && share->n_waiting < TRAFFIC_MAX)
        drop_sent(book, key->verdict);
    if (entry || share->n == TRAFFIC_MAX) {
        free_key(key);
        return entry ? entry : &share->others;
    }
    entry = alloc_zero(1, sizeof *entry);
    entry->key = *key;
    entry->next = *bucket;
    *bucket = entry;
    share->n++;
    return entry;
}

static void count_request(struct traffic_book *book, struct entry *entry, const char *reason)
{
    struct share *share = &book->shares[entry->key.verdict];
    bool listed = entry != &share->others;
    entry->last_seen_ms = clock_now_ms();
    if (entry->count++ == 0) {
        entry->first_seen_ms = entry->last_seen_ms;
        share->n_waiting += listed;
    }
    if (!listed || (entry->reason && strcmp(entry->reason, reason) == 0))
        return;
    free(entry->reason);
    entry->reason = copy_text(reason, TRAFFIC_TEXT_MAX);
}

/* ---- batches ---- */

static void add_to_batch(struct traffic_book *book, struct entry *entry)
{
    struct arena *arena = book->batch_arena;
    struct share *share = &book->shares[entry->key.verdict];
    book->batch.items[book->batch.n++] = (struct sandbox_traffic_item){
        .verdict = verdicts[entry->key.verdict], .host = arena_str(arena, entry->key.host),
        .port = entry->key.port, .binary = arena_str(arena, entry->key.binary),
        .rule = arena_str(arena, entry->key.rule),
        .reason = arena_str(arena, entry->reason ? entry->reason : ""), .count = entry->count,
        .first_seen_ms = entry->first_seen_ms, .last_seen_ms = entry->last_seen_ms};
    entry->count = 0;
    share->n_waiting -= entry != &share->others;
}

static bool anything_waits(const struct traffic_book *book)
{
    for (size_t i = 0; i < STORE_TRAFFIC_VERDICT_COUNT; i++)
        if (book->shares[i].n_waiting > 0 || book->shares[i].others.count > 0)
            return true;
    return false;
}

static void make_batch(struct traffic_book *book)
{
    struct sandbox_traffic *batch = &book->batch;
    book->batch_arena = arena_new();
    *batch = (struct sandbox_traffic){
        .source = book->source, .number = ++book->number,
        .items = arena_zalloc(book->batch_arena, TRAFFIC_BATCH * sizeof *batch->items)};
    for (size_t i = 0; i < STORE_TRAFFIC_VERDICT_COUNT; i++)
        if (book->shares[i].others.count > 0)
            add_to_batch(book, &book->shares[i].others);
    for (size_t i = 0; i < BUCKETS && batch->n < TRAFFIC_BATCH; i++) {
        struct entry *entry = book->buckets[book->next_bucket];
        for (; entry && batch->n < TRAFFIC_BATCH; entry = entry->next)
            if (entry->count > 0)
                add_to_batch(book, entry);
        if (!entry)
            book->next_bucket = (book->next_bucket + 1) % BUCKETS;
    }
}

static void on_timer(uv_timer_t *timer);

static void wait_for(struct traffic_book *book, uint64_t ms)
{
    if (!book->finished)                            /* then the timer is that of the end */
        uv_timer_start(&book->timer, on_timer, ms, 0);
}

/* The batch under way, or else the next one.  False: nobody is there. */
static bool send_batch(struct traffic_book *book)
{
    if (!book->batch_arena && anything_waits(book))
        make_batch(book);
    if (!book->batch_arena)
        return true;
    wait_for(book, TRAFFIC_RETRY_MS);
    return book->send(book->ctx, &book->batch);
}

static void call_finished(struct traffic_book *book)
{
    void (*finished)(void *) = book->finished;
    uv_timer_stop(&book->timer);
    book->send = NULL;
    if (finished)
        finished(book->finished_ctx);
}

static void on_timer(uv_timer_t *timer)
{
    struct traffic_book *book = timer->data;
    if (book->finished)
        call_finished(book);
    else
        send_batch(book);
}

void sandbox_traffic_acknowledged(struct traffic_book *book, const struct sandbox_traffic *ack)
{
    if (!book->send || !book->batch_arena || ack->number != book->batch.number ||
        strcmp(ack->source, book->source) != 0)
        return;
    bool full = book->batch.n == TRAFFIC_BATCH;
    arena_free(book->batch_arena);
    book->batch_arena = NULL;
    if (book->finished && (!anything_waits(book) || !send_batch(book)))
        call_finished(book);
    else if (!book->finished && anything_waits(book))
        wait_for(book, full ? 0 : TRAFFIC_INTERVAL_MS);
    else if (!book->finished)
        uv_timer_stop(&book->timer);
}

void sandbox_traffic_connected(struct traffic_book *book)
{
    if (book->send && (book->batch_arena || anything_waits(book)))
        send_batch(book);
}

void sandbox_traffic_add(struct traffic_book *book, const struct egress_line *line)
{
    if (!line->outcome)
        return;
    struct entry *entry = find_as_it_stands(book, line);
    if (!entry) {
        struct key key = make_key(line);
        entry = find_or_make(book, &key);
    }
    count_request(book, entry, line->reason);
    if (!uv_is_active((uv_handle_t *)&book->timer))
        wait_for(book, TRAFFIC_INTERVAL_MS);
}

void sandbox_traffic_finish(struct traffic_book *book, void (*done)(void *ctx), void *ctx)
{
    book->finished = done;
    book->finished_ctx = ctx;
    uv_timer_start(&book->timer, on_timer, TRAFFIC_FINISH_MS, 0);
    bool left = book->batch_arena || anything_waits(book);
    if (!left || !send_batch(book))
        call_finished(book);
}

/* ---- life ---- */

struct traffic_book *sandbox_traffic_new(uv_loop_t *loop, sandbox_traffic_sender *send, void *ctx)
{
    struct traffic_book *book = alloc_zero(1, sizeof *book);
    digest_uuid(book->source);
    book->send = send;
    book->ctx = ctx;
    for (size_t i = 0; i < STORE_TRAFFIC_VERDICT_COUNT; i++)
        book->shares[i].others.key = (struct key){.verdict = (enum store_traffic_verdict)i,
                                                  .host = alloc_str(""),
                                                  .binary = alloc_str(""),
                                                  .rule = alloc_str("")};
    uv_timer_init(loop, &book->timer);
    book->timer.data = book;
    return book;
}

static void on_closed(uv_handle_t *handle)
{
    struct traffic_book *book = handle->data;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry *entry = book->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            free_entry(entry);
        }
    for (size_t i = 0; i < STORE_TRAFFIC_VERDICT_COUNT; i++)
        free_key(&book->shares[i].others.key);
    arena_free(book->batch_arena);
    free(book);
}

void sandbox_traffic_close(struct traffic_book *book)
{
    uv_close((uv_handle_t *)&book->timer, on_closed);
}
