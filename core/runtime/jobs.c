/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/handle.h"

struct job {
    struct job *next;
    struct jobs *jobs;
    struct queue *queue;                            /* NULL: no order */
    uv_work_t work;
    void (*run)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

/* The jobs of one key that wait for the one that is running. */
struct queue {
    struct queue *next;
    char *key;
    struct job *first, **last;
};

struct write;
struct notice;

struct jobs {
    uv_loop_t *loop;
    struct queue *queues;
    struct write *writes, **last_write; /* in the order in which they were asked for */
    struct notice *notice;                          /* while there are any */
    pthread_mutex_t lock;                           /* guards what of them other threads tell */
    size_t n;
    void (*on_idle)(void *ctx);
    void *idle_ctx;
};

struct jobs *jobs_new(uv_loop_t *loop)
{
    struct jobs *jobs = alloc_zero(1, sizeof *jobs);
    jobs->loop = loop;
    jobs->last_write = &jobs->writes;
    pthread_mutex_init(&jobs->lock, NULL);
    return jobs;
}

void jobs_free(struct jobs *jobs)
{
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

static void run_job(uv_work_t *work)
{
    struct job *job = work->data;
    job->run(job->arg);
}

static void job_done(uv_work_t *work, int status);

static void start_job(struct job *job)
{
    job->work.data = job;
    uv_queue_work(job->jobs->loop, &job->work, run_job, job_done);
}

static void drop_queue(struct jobs *jobs, struct queue *queue)
{
    struct queue **at = &jobs->queues;
    while (*at != queue)
        at = &(*at)->next;
    *at = queue->next;
    free(queue->key);
    free(queue);
}

static void advance(struct jobs *jobs, struct queue *queue)
{
    struct job *next = queue->first;
    if (!next) {
        drop_queue(jobs, queue);
        return;
    }
    queue->first = next->next;
    if (!queue->first)
        queue->last = &queue->first;
    start_job(next);
}

static void count_down(struct jobs *jobs)
{
    if (--jobs->n == 0 && jobs->on_idle) {
        void (*on_idle)(void *) = jobs->on_idle;
        jobs->on_idle = NULL;
        on_idle(jobs->idle_ctx);
    }
}

static void job_done(uv_work_t *work, int status)
{
    (void)status;                                   /* jobs are never cancelled */
    struct job *job = work->data;
    struct jobs *jobs = job->jobs;
    if (job->queue)
        advance(jobs, job->queue);
    job->done(job->arg);
    free(job);
    count_down(jobs);
}

static struct queue *find_queue(struct jobs *jobs, const char *key)
{
    for (struct queue *q = jobs->queues; q; q = q->next)
        if (strcmp(q->key, key) == 0)
            return q;
    return NULL;
}

static struct queue *add_queue(struct jobs *jobs, const char *key)
{
    struct queue *queue = alloc_zero(1, sizeof *queue);
    queue->key = alloc_str(key);
    queue->last = &queue->first;
    queue->next = jobs->queues;
    jobs->queues = queue;
    return queue;
}

void jobs_run(struct jobs *jobs, const char *key, void (*work)(void *arg),
              void (*done)(void *arg), void *arg)
{
    struct job *job = alloc_zero(1, sizeof *job);
    *job = (struct job){.jobs = jobs, .run = work, .done = done, .arg = arg};
    jobs->n++;
    struct queue *queue = key ? find_queue(jobs, key) : NULL;
    if (queue) {
        job->queue = queue;
        *queue->last = job;
        queue->last = &job->next;
        return;
    }
    if (key)
        job->queue = add_queue(jobs, key);
    start_job(job);
}

/* ---- writes that nobody waits for ---- */

struct write {
    struct write *next;
    struct jobs *jobs;
    store_write_fn fn;
    store_written_fn done;
    void *arg;
    bool written;                                   /* under the lock of jobs, as what follows */
    int rc;
    struct error err;
};

/* By which other threads tell the loop: one for all writes, as many are done at the same time. */
struct notice {
    uv_async_t async;
    struct jobs *jobs;
};

static int run_write(struct store_tx *tx, void *arg, struct error *err)
{
    const struct write *w = arg;
    return w->fn(tx, w->arg, err);
}

/* Any thread.  The notice stays while the loop cannot see that the write is done. */
static void was_written(void *arg, int rc, const struct error *err)
{
    struct write *w = arg;
    struct jobs *jobs = w->jobs;
    pthread_mutex_lock(&jobs->lock);
    w->rc = rc;
    w->err = *err;
    w->written = true;
    uv_async_send(&jobs->notice->async);
    pthread_mutex_unlock(&jobs->lock);
}

static void notice_closed(uv_handle_t *handle)
{
    struct notice *notice = handle->data;
    struct jobs *jobs = notice->jobs;
    free(notice);
    count_down(jobs);
}

/* The oldest write, if it is done.  Later ones may be done before it. */
static struct write *take_written(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    struct write *w = jobs->writes && jobs->writes->written ? jobs->writes : NULL;
    pthread_mutex_unlock(&jobs->lock);
    if (!w)
        return NULL;
    jobs->writes = w->next;
    if (!jobs->writes)
        jobs->last_write = &jobs->writes;
    return w;
}

static void on_written(uv_async_t *async)
{
    struct notice *notice = async->data;
    struct jobs *jobs = notice->jobs;
    for (struct write *w; (w = take_written(jobs));) {
        w->done(w->arg, w->rc, &w->err);
        free(w);
    }
    if (jobs->writes)
        return;
    jobs->notice = NULL;
    uv_close((uv_handle_t *)async, notice_closed);
}

static void need_notice(struct jobs *jobs)
{
    if (jobs->notice)
        return;
    struct notice *notice = jobs->notice = alloc_zero(1, sizeof *notice);
    notice->jobs = jobs;
    net_make_async(jobs->loop, &notice->async, on_written);
    notice->async.data = notice;
    jobs->n++;
}

void jobs_write(struct jobs *jobs, struct store *store, store_write_fn fn, store_written_fn done,
                void *arg)
{
    struct write *w = alloc_zero(1, sizeof *w);
    *w = (struct write){.jobs = jobs, .fn = fn, .done = done, .arg = arg};
    need_notice(jobs);
    *jobs->last_write = w;
    jobs->last_write = &w->next;
    store_write_later(store, run_write, was_written, w);
}

/* ---- idle ---- */

bool jobs_idle(const struct jobs *jobs)
{
    return jobs->n == 0;
}

void jobs_when_idle(struct jobs *jobs, void (*fn)(void *ctx), void *ctx)
{
    if (jobs_idle(jobs)) {
        fn(ctx);
        return;
    }
    jobs->on_idle = fn;
    jobs->idle_ctx = ctx;
}
