/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "egress/process.h"

#include <stdlib.h>
#include <string.h>

void egress_caller_free(struct egress_caller *caller)
{
    free(caller->binary);
    for (size_t i = 0; i < caller->n_ancestors; i++)
        free(caller->ancestors[i]);
    free(caller->ancestors);
    *caller = (struct egress_caller){0};
}

static int describe(const struct search *list, size_t i, struct egress_caller *out,
                    struct error *err)
{
    const struct process *process = &list->items[i];
    out->pid = process->pid;
    out->binary = egress_process_exe(process, err);
    out->ancestors = alloc_zero(EGRESS_ANCESTORS_MAX, sizeof *out->ancestors);
    while (out->binary && process->parent != PROCESS_INIT) {
        process = &list->items[process->parent];
        if (out->n_ancestors == EGRESS_ANCESTORS_MAX)
            return error_set(err, ERROR_DENIED, "process %d has more than %d ancestors",
                             (int)out->pid, EGRESS_ANCESTORS_MAX);
        char *path = egress_process_exe(process, err);
        if (!path)
            return -1;
        out->ancestors[out->n_ancestors++] = path;
    }
    return out->binary ? 0 : -1;
}

static bool same_chain(const struct egress_caller *a, size_t skip, const struct egress_caller *b)
{
    if (a->n_ancestors - skip != b->n_ancestors || strcmp(a->binary, b->binary) != 0)
        return false;
    for (size_t i = 0; i < b->n_ancestors; i++)
        if (strcmp(a->ancestors[skip + i], b->ancestors[i]) != 0)
            return false;
    return true;
}

/* Whether b is a, or was forked by a (perhaps through others) and is still the same program: then
 * everything that a is allowed to do is done in the name of the same paths. */
static bool same_program(const struct egress_caller *a, const struct egress_caller *b)
{
    if (b->n_ancestors < a->n_ancestors)
        return false;
    size_t forks = b->n_ancestors - a->n_ancestors;
    for (size_t i = 0; i < forks; i++)
        if (strcmp(b->ancestors[i], a->binary) != 0)
            return false;
    return same_chain(b, forks, a);
}

static int ambiguous(const struct egress_caller *a, const struct egress_caller *b,
                     struct error *err)
{
    return error_set(err, ERROR_DENIED, "ambiguous shared socket ownership: process %d (%s) and "
                     "process %d (%s) both hold the connection", (int)a->pid, a->binary,
                     (int)b->pid, b->binary);
}

/* Parents come before their children, so the first holder is the one the others were forked by. */
static int describe_holders(const struct search *search, size_t socket, struct egress_caller *out,
                            struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < search->n && rc == 0; i++) {
        struct egress_caller other = {0};
        if (!egress_search_holds(search, i, socket))
            continue;
        if (!out->pid) {
            rc = describe(search, i, out, err);
            continue;
        }
        rc = describe(search, i, &other, err);
        if (rc == 0 && !same_program(out, &other))
            rc = ambiguous(out, &other, err);
        egress_caller_free(&other);
    }
    if (rc == 0 && !out->pid)
        rc = error_set(err, ERROR_DENIED, "no process of the sandbox holds the connection");
    return rc;
}

int egress_client_inode(struct egress_identity *identity, const struct egress_ends *ends,
                        uint32_t *inode, struct error *err)
{
    uv_mutex_lock(&identity->diag_lock);
    int rc = egress_diag_inode(identity->diag_fd, ++identity->asked, ends, inode, err);
    uv_mutex_unlock(&identity->diag_lock);
    return rc;
}

static bool ask_inode(struct egress_identity *identity, struct egress_question *q)
{
    q->inode = 0;
    if (egress_client_inode(identity, &q->ends, &q->inode, &q->err) == 0 && q->inode == 0)
        error_set(&q->err, ERROR_DENIED, "no process holds the connection any more");
    return q->inode != 0;
}

static void answer(struct search *search, size_t socket, struct egress_question *q)
{
    egress_caller_free(&q->caller);
    q->answered = egress_table_look_hidden(search, socket, &q->err) == 0 &&
                  describe_holders(search, socket, &q->caller, &q->err) == 0;
}

/* The answers count when nobody has come or gone since before they were found. */
static void look(struct search *search, struct egress_question *const *questions, size_t n)
{
    struct error err;
    bool changed;
    int rc = egress_search_look(search, &changed, &err);
    while (rc == 0 && changed) {
        for (size_t i = 0; i < n; i++)
            answer(search, i, questions[i]);
        rc = egress_search_look(search, &changed, &err);
    }
    for (size_t i = 0; rc != 0 && i < n; i++) {
        questions[i]->answered = false;
        questions[i]->err = err;
    }
}

static void look_once(struct egress_identity *identity, struct egress_question *questions, size_t n,
                      uint64_t deadline_ns)
{
    struct egress_question **open = alloc_zero(n, sizeof(struct egress_question *));
    uint32_t *inodes = alloc_zero(n, sizeof *inodes);
    size_t n_open = 0;
    struct search search;
    for (size_t i = 0; i < n; i++)
        if (!questions[i].answered && ask_inode(identity, &questions[i])) {
            inodes[n_open] = questions[i].inode;
            open[n_open++] = &questions[i];
        }
    egress_search_begin(&search, identity->init_children, inodes, n_open, deadline_ns);
    if (n_open > 0)
        look(&search, open, n_open);
    egress_search_end(&search);
    free(open);
    free(inodes);
}

/* Processes execute other programs while we look: what was true at no single moment is looked at
 * again before it is held against anybody. */
void egress_identify(struct egress_identity *identity, struct egress_question *questions, size_t n)
{
    uint64_t deadline_ns = clock_mono_ns() + identity->look_ms * UINT64_C(1000000);
    for (int attempt = 0; attempt < 3; attempt++)
        look_once(identity, questions, n, deadline_ns);
    for (size_t i = 0; i < n; i++) {
        if (questions[i].answered)
            continue;
        egress_caller_free(&questions[i].caller);
        questions[i].caller.binary = alloc_str("");
    }
}
