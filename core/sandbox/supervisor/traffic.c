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

enum { BUCKETS = 1024 };
#define NEVER UINT64_MAX

static const char *const classes[] = {
#define X(id, word, meaning) [STORE_TRAFFIC_##id] = word,
    STORE_TRAFFIC_CLASSES(X)
#undef X
};

/* The texts that tell one entry from another, and how long they may be. */
#define TEXTS(X)                                              \
    X(HOST, host, TRAFFIC_TEXT_MAX)                           \
    X(BINARY, binary, TRAFFIC_BINARY_MAX)                     \
    X(RULE, rule, TRAFFIC_TEXT_MAX)                           \
    X(METHOD, method, TRAFFIC_METHOD_MAX)                     \
    X(PATH, path, TRAFFIC_PATH_MAX)                           \
    X(OPERATION, operation, TRAFFIC_TEXT_MAX)                 \
    X(FIELD, field, TRAFFIC_TEXT_MAX)                         \
    X(RPC_METHOD, rpc_method, TRAFFIC_TEXT_MAX)               \
    X(TOOL, tool, TRAFFIC_TEXT_MAX)

enum {
#define X(id, name, max) id,
    TEXTS(X)
#undef X
    N_TEXTS
};

struct key {
    enum store_traffic_class class;
    uint16_t port;
    const char *texts[N_TEXTS];                     /* "" where one does not apply */
};

#define NO_TEXTS {"", "", "", "", "", "", "", "", ""}

struct entry {
    struct entry *next;
    struct key key;                                 /* in a bucket: its texts are its own */
    char *reason;
    uint64_t count; /* 0: the gateway has it, or the batch under way does */
    int64_t first_seen_ms, last_seen_ms;
};

/* The entries of one class. */
struct share {
    size_t n, n_waiting;                            /* those with a count */
    struct entry others; /* requests for which there was no room; without a host */
};

struct traffic_book {
    uv_timer_t timer; /* until the next batch, the next try, or the end */
    char source[UUID_SIZE];
    uint64_t number;                                /* of the newest batch */
    uint64_t due_ms; /* of the loop's clock: when the next batch is due; NEVER: nothing waits */
    uint64_t second;                                /* of that clock, with at_once in it */
    unsigned at_once;
    struct entry *buckets[BUCKETS];
    size_t next_bucket;                             /* where the next batch begins */
    struct share shares[STORE_TRAFFIC_CLASS_COUNT];
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

/* Those of most requests are short and printable: then it is an equal key. */
static struct key copy_key(const struct key *key)
{
    static const size_t max[N_TEXTS] = {
#define X(id, name, max) max,
        TEXTS(X)
#undef X
    };
    struct key copy = *key;
    for (size_t i = 0; i < N_TEXTS; i++)
        copy.texts[i] = copy_text(key->texts[i], max[i]);
    return copy;
}

static void free_key(struct key *key)
{
    for (size_t i = 0; i < N_TEXTS; i++)
        free((char *)key->texts[i]);
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

static struct entry **bucket_of(struct traffic_book *book, const struct key *key)
{
    size_t hash = key->class + key->port * (size_t)31;
    for (size_t i = 0; i < N_TEXTS; i++)
        hash = hash_text(hash, key->texts[i]);
    return &book->buckets[hash % BUCKETS];
}

static bool same_key(const struct key *a, const struct key *b)
{
    bool same = a->class == b->class && a->port == b->port;
    for (size_t i = 0; same && i < N_TEXTS; i++)
        same = strcmp(a->texts[i], b->texts[i]) == 0;
    return same;
}

static struct entry *find(struct traffic_book *book, const struct key *key)
{
    struct entry *entry = *bucket_of(book, key);
    while (entry && !same_key(&entry->key, key))
        entry = entry->next;
    return entry;
}

/* Forgets the entries of a class that the gateway has. */
static void drop_sent(struct traffic_book *book, enum store_traffic_class class)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct entry **at = &book->buckets[i]; *at;) {
            struct entry *entry = *at;
            if (entry->key.class != class || entry->count > 0) {
                at = &entry->next;
                continue;
            }
            *at = entry->next;
            free_entry(entry);
            book->shares[class].n--;
        }
    }
}

static size_t room_of(enum store_traffic_class class)
{
    return class == STORE_TRAFFIC_PASSED ? TRAFFIC_PASSED_MAX : TRAFFIC_MAX;
}

/* Takes key, which no entry has. */
static struct entry *make_entry(struct traffic_book *book, struct key *key)
{
    struct share *share = &book->shares[key->class];
    size_t room = room_of(key->class);
    if (share->n == room && share->n_waiting < room)
        drop_sent(book, key->class);
    if (share->n == room) {
        free_key(key);
        return &share->others;
    }
    struct entry *entry = alloc_zero(1, sizeof *entry), **bucket = bucket_of(book, key);
    entry->key = *key;
    entry->next = *bucket;
    *bucket = entry;
    share->n++;
    return entry;
}

static struct entry *find_or_make(struct traffic_book *book, const struct key *key)
{
    struct entry *entry = find(book, key);
    if (entry)
        return entry;
    struct key copy = copy_key(key);
    if (!(entry = find(book, &copy)))
        return make_entry(book, &copy);
    free_key(&copy);
    return entry;
}

static void count_request(struct traffic_book *book, struct entry *entry, const char *reason)
{
    struct share *share = &book->shares[entry->key.class];
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

/* NULL: it does not apply. */
static const char *text_for_batch(const struct traffic_book *book, const char *text)
{
    return *text ? arena_str(book->batch_arena, text) : NULL;
}

static void add_to_batch(struct traffic_book *book, struct entry *entry)
{
    struct arena *arena = book->batch_arena;
    struct share *share = &book->shares[entry->key.class];
    const char *const *texts = entry->key.texts;
    book->batch.items[book->batch.n++] = (struct sandbox_traffic_item){
        .verdict = classes[entry->key.class], .host = arena_str(arena, texts[HOST]),
        .port = entry->key.port, .binary = arena_str(arena, texts[BINARY]),
        .rule = arena_str(arena, texts[RULE]), .method = text_for_batch(book, texts[METHOD]),
        .path = text_for_batch(book, texts[PATH]),
        .operation = text_for_batch(book, texts[OPERATION]),
        .field = text_for_batch(book, texts[FIELD]),
        .rpc_method = text_for_batch(book, texts[RPC_METHOD]),
        .tool = text_for_batch(book, texts[TOOL]),
        .reason = arena_str(arena, entry->reason ? entry->reason : ""), .count = entry->count,
        .first_seen_ms = entry->first_seen_ms, .last_seen_ms = entry->last_seen_ms};
    entry->count = 0;
    share->n_waiting -= entry != &share->others;
}

static bool anything_waits(const struct traffic_book *book)
{
    for (size_t i = 0; i < STORE_TRAFFIC_CLASS_COUNT; i++)
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
    for (size_t i = 0; i < STORE_TRAFFIC_CLASS_COUNT; i++)
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
    book->due_ms = batch->n == TRAFFIC_BATCH ? uv_now(book->timer.loop) + TRAFFIC_PACE_MS : NEVER;
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
    uint64_t now = uv_now(book->timer.loop);
    arena_free(book->batch_arena);
    book->batch_arena = NULL;
    if (book->finished && (!anything_waits(book) || !send_batch(book)))
        call_finished(book);
    else if (!book->finished && anything_waits(book))
        wait_for(book, book->due_ms > now ? book->due_ms - now : 0);
    else if (!book->finished)
        uv_timer_stop(&book->timer);
}

void sandbox_traffic_connected(struct traffic_book *book)
{
    if (book->send && (book->batch_arena || anything_waits(book)))
        send_batch(book);
}

/* A workload can ask for something new each time. */
static bool may_send_at_once(struct traffic_book *book, uint64_t now)
{
    uint64_t second = now / 1000;
    if (second != book->second)
        book->at_once = 0;
    book->second = second;
    return book->at_once++ < TRAFFIC_AT_ONCE_MAX;
}

/* first: the gateway has none like it. */
static void set_due(struct traffic_book *book, bool first)
{
    uint64_t now = uv_now(book->timer.loop);
    uint64_t due = first && may_send_at_once(book, now) ? now : now + TRAFFIC_INTERVAL_MS;
    if (due >= book->due_ms)
        return;
    book->due_ms = due;
    if (!book->batch_arena)
        wait_for(book, due - now);
}

static void add(struct traffic_book *book, const struct key *key, const char *reason)
{
    struct entry *entry = find_or_make(book, key);
    bool first = !entry->last_seen_ms;
    count_request(book, entry, reason);
    set_due(book, first);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

void sandbox_traffic_add(struct traffic_book *book, const struct egress_line *line)
{
    if (!line->outcome)
        return;
    struct key key = {line->verdict, line->port, NO_TEXTS};
    key.texts[HOST] = line->host;
    key.texts[BINARY] = line->binary;
    key.texts[RULE] = line->rule;
    add(book, &key, line->reason);
}

static struct key key_of_passed(enum store_traffic_class class, const struct egress_passed *passed)
{
    return (struct key){class, passed->port, {
#define X(id, name, max) [id] = or_empty(passed->name),
        TEXTS(X)
#undef X
    }};
}

void sandbox_traffic_add_audited(struct traffic_book *book, const struct egress_passed *audited)
{
    const struct key key = key_of_passed(STORE_TRAFFIC_AUDITED, audited);
    add(book, &key, audited->reason);
}

/* What is not on record as it was sent must not be taken for something else that was. */
void sandbox_traffic_add_passed(struct traffic_book *book, const struct egress_passed *passed)
{
    const struct key key = key_of_passed(STORE_TRAFFIC_PASSED, passed);
    struct key copy;
    const char *reason = passed->reason;
    if (!*reason && !find(book, &key)) {
        copy = copy_key(&key);
        if (!same_key(&copy, &key))
            reason = "a name in it is too long, or no text";
        free_key(&copy);
    }
    add(book, &key, reason);
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
    book->due_ms = NEVER;
    for (size_t i = 0; i < STORE_TRAFFIC_CLASS_COUNT; i++)
        book->shares[i].others.key = (struct key){.class = (enum store_traffic_class)i,
                                                  .texts = NO_TEXTS};
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
    arena_free(book->batch_arena);
    free(book);
}

void sandbox_traffic_close(struct traffic_book *book)
{
    uv_close((uv_handle_t *)&book->timer, on_closed);
}
