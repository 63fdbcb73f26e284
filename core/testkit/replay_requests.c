/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/replay_requests.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "testkit/answer.h"
#include "testkit/worker.h"
#include "update/update.h"

enum { PROGRESS_MS = 250, LOOK_EVERY = 256 };

/* ---- in the worker ---- */

struct task {
    const struct replay_requests *replay;
    size_t first;
    volatile size_t *at;                            /* the request that is asked about; shared */
};

static bool looks_at_requests(struct chain *chain)
{
    for (size_t i = 0; i < chain_size(chain); i++) {
        struct chain_voter_info info;
        chain_describe(chain, i, &info);
        if (info.inspects)
            return true;
    }
    return false;
}

static void tell_difference(int to, size_t i, const char *outcome, const struct chain_votes *votes)
{
    worker_say(to, json_pack("{s:I, s:s, s:o}", "request", (json_int_t)i, "outcome", outcome,
                             "votes", update_votes_json(votes)));
}

/* False: a voter's process died, which is told as what it is. */
static bool ask(int to, struct chain *chain, const struct replay_request *r, size_t i)
{
    struct arena *arena = arena_new();
    struct chain_votes votes;
    const char *died = NULL;
    chain_ask_request(chain, &r->request, false, arena, &votes);
    for (size_t v = 0; v < votes.n; v++)
        if (votes.items[v].died)
            died = votes.items[v].message;
    enum chain_outcome outcome = chain_tally_request(&votes);
    if (died)
        worker_say(to, json_pack("{s:I, s:s}", "request", (json_int_t)i, "died", died));
    else if (outcome != CHAIN_ALLOWED)
        tell_difference(to, i, chain_outcome_word(outcome), &votes);
    arena_free(arena);
    return !died;
}

static void ask_all(int to, struct chain *chain, const struct task *task)
{
    const struct replay_requests *r = task->replay;
    uint64_t told_ms = clock_mono_ms();
    for (size_t i = task->first; i < r->n; i++) {
        *task->at = i;
        if (!ask(to, chain, &r->requests[i], i))
            return;
        if (i % LOOK_EVERY == 0 && clock_mono_ms() - told_ms >= PROGRESS_MS) {
            told_ms = clock_mono_ms();
            worker_say(to, json_pack("{s:I}", "done", (json_int_t)i));
        }
    }
    worker_say(to, json_pack("{s:b}", "closed", 1));
}

static void run_task(int to, void *arg)
{
    const struct task *task = arg;
    const struct replay_requests *r = task->replay;
    const struct log log = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = "sluice"};
    struct arena *arena = arena_new();
    const char *why;
    struct chain *chain = stage_load_chain(r->chain, &r->settings, &log, arena, &why);
    if (!chain) {
        worker_say(to, json_pack("{s:s}", "refused", why));
    } else if (!looks_at_requests(chain)) {
        worker_say(to, json_pack("{s:b}", "nobody", 1));
    } else {
        ask_all(to, chain, task);
    }
    chain_unref(chain);
    arena_free(arena);
}

/* ---- in the runner ---- */

struct state {
    const struct replay_requests *replay;
    volatile size_t *at;                            /* shared with the worker */
    size_t next;                                    /* the first that is not asked about */
    long differing;
    bool closed, nobody;
    char *refused;                                  /* NULL: the chain loads */
};

static void tell(struct state *s, size_t i, const char *outcome, json_t *votes, const char *how)
{
    const struct replay_requests *r = s->replay;
    s->differing++;
    r->differs(r->arg, &(struct replay_request_difference){&r->requests[i], outcome, votes, how});
}

static void take(struct state *s, json_t *message)
{
    const struct replay_requests *r = s->replay;
    const char *died = answer_member(message, "died"), *outcome = answer_member(message, "outcome");
    size_t i = (size_t)json_integer_value(json_object_get(message, "request"));
    if (json_object_get(message, "refused"))
        s->refused = alloc_str(answer_member(message, "refused"));
    s->nobody = s->nobody || json_object_get(message, "nobody");
    s->closed = s->closed || json_object_get(message, "closed") || s->nobody;
    if (*outcome && i < r->n)
        tell(s, i, outcome, json_object_get(message, "votes"), "");
    if (*died && i < r->n) {
        tell(s, i, "crashed", NULL, died);
        s->next = i + 1;
    }
    if (json_object_get(message, "done") && r->progress)
        r->progress(r->arg, (size_t)json_integer_value(json_object_get(message, "done")), r->n);
    json_decref(message);
}

/* Whether the worker's pipe is still open and in time: each request has the time of one. */
static bool listen_to(struct state *s, struct worker *worker, bool *late)
{
    struct pollfd fd = {worker->from, POLLIN, 0};
    size_t before = *s->at;
    int n = poll(&fd, 1, (int)s->replay->timeout_s * 1000);
    json_t *message;
    if (n < 0 && errno == EINTR)
        return true;
    *late = n == 0 && before == *s->at;
    bool more = n == 0 ? !*late : n > 0 && worker_read(worker);
    while ((message = worker_next(worker)))
        take(s, message);
    return more && !s->closed;
}

static int run_worker(struct state *s, struct error *err)
{
    struct task task = {s->replay, s->next, s->at};
    struct worker worker;
    bool late = false;
    size_t first = s->next;
    *s->at = first;
    if (worker_start(&worker, run_task, &task, err) != 0) {
        worker_close(&worker);
        return -1;
    }
    while (listen_to(s, &worker, &late))
        continue;
    worker_kill(&worker);
    char *how = worker_end(&worker);
    size_t at = *s->at;
    if (!s->closed && !s->refused && s->next == first && at < s->replay->n) {
        tell(s, at, "crashed", NULL,
             late  ? "no answer in time"
             : how ? how
                   : "it ended its process");
        s->next = at + 1;
    }
    free(how);
    worker_close(&worker);
    return 0;
}

long replay_requests_run(const struct replay_requests *replay, size_t *asked, struct error *err)
{
    void *shared = mmap(NULL, sizeof(size_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0);
    struct state s = {.replay = replay, .at = shared};
    int rc = shared == MAP_FAILED ? error_errno(err, ERROR_INTERNAL, "cannot share memory") : 0;
    while (rc == 0 && !s.refused && !s.closed && s.next < replay->n)
        rc = run_worker(&s, err);
    if (shared != MAP_FAILED)
        munmap(shared, sizeof(size_t));
    *asked = s.nobody ? 0 : replay->n;
    if (s.refused)
        rc = error_set(err, ERROR_INVALID, "the chain of %s does not load: %s", replay->chain,
                       s.refused);
    free(s.refused);
    return rc == 0 ? s.differing : -1;
}
