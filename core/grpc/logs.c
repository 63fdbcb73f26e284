/* SPDX-License-Identifier: Apache-2.0 */
/* GetSandboxLogs: what is kept of a sandbox's log. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "grpc/log_line.h"
#include "runtime/sessions/log_reader.h"

enum { LINES_MAX = 2000 };

/* The sandbox, and then its log. */
struct reading {
    struct store_sandbox sandbox;
    const char *log;
};

/* The last lines that pass, at most as many as asked for. */
static size_t choose(struct grpc_work *work, const char *log, struct grpc_log_line *out,
                     size_t *total)
{
    uint64_t wanted = grpc_number(work, "lines");
    struct grpc_log_filter filter = grpc_log_filter(
        work, "sources", "min_level", grpc_time(work, "since_ms", "since_time"));
    size_t n = 0;
    *total = 0;
    if (!wanted || wanted > LINES_MAX)
        wanted = LINES_MAX;
    for (const char *end; (end = strchr(log, '\n')); log = end + 1) {
        ++*total;
        if (grpc_log_line_read(&filter, log, (size_t)(end - log), &out[n % wanted]))
            n++;
    }
    /* The oldest stands behind the newest where there were too many. */
    if (n <= wanted)
        return n;
    struct grpc_log_line *ordered = arena_alloc(work->arena, wanted * sizeof *ordered);
    for (size_t i = 0; i < wanted; i++)
        ordered[i] = out[(n + i) % wanted];
    memcpy(out, ordered, wanted * sizeof *out);
    return wanted;
}

static int write_lines(struct grpc_work *work, struct doc_writer *w)
{
    const struct reading *reading = work->then_arg;
    struct grpc_log_line *lines = arena_alloc(work->arena, LINES_MAX * sizeof *lines);
    size_t total, n = choose(work, reading->log, lines, &total);
    doc_write_key(w, "logs");
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < n; i++) {
        doc_write_open(w, DOC_MAP);
        grpc_log_line_put(w, reading->sandbox.id, &lines[i], work->arena);
        doc_write_close(w, DOC_MAP);
    }
    doc_write_close(w, DOC_LIST);
    grpc_put_number(w, "buffer_total", total);
    return 0;
}

static void have_log(void *ctx, const struct buf *text, const struct error *err)
{
    struct grpc_work *work = ctx;
    struct reading *reading = work->then_arg;
    if (err) {
        const struct error why = *err;
        grpc_work_fail(work, &why);
        return;
    }
    reading->log = arena_str(work->arena, buf_str(text));
    grpc_work_again(work, write_lines);
}

static void read_log(struct grpc_work *work)
{
    static const struct log_reader_calls calls = {.kept = have_log};
    const struct reading *reading = work->then_arg;
    runtime_logs_read(work->grpc->runtime, reading->sandbox.id, &work->who, false, &calls, work);
}

static int find(struct grpc_work *work, struct doc_writer *w)
{
    struct reading *reading = arena_zalloc(work->arena, sizeof *reading);
    (void)w;
    if (grpc_find_sandbox(work, "sandbox", &reading->sandbox) != 0)
        return -1;
    work->then_arg = reading;
    work->then = read_log;
    return 0;
}

static const struct grpc_method methods[] = {
    READ_ONE("GetSandboxLogs", AUTH_SANDBOX_READ, find),
};

const struct grpc_methods grpc_logs_methods = {OPENSHELL_SERVICE, methods,
                                               sizeof methods / sizeof *methods};
