/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller.h"

#include "base/alloc.h"
#include "base/error.h"
#include "egress/process.h"

#include <stdbool.h>
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

static int describe(const struct processes *list, size_t i, struct egress_caller *out,
                    struct error *err)
{
    const struct process *process = &list->items[i];
    out->pid = process->pid;
    out->binary = egress_process_exe(process->pid, err);
    out->ancestors = alloc_zero(EGRESS_ANCESTORS_MAX, sizeof *out->ancestors);
    while (out->binary && process->parent != PROCESS_INIT) {
        process = &list->items[process->parent];
        if (out->n_ancestors == EGRESS_ANCESTORS_MAX)
            return error_set(err, ERROR_DENIED, "process %d has more than %d ancestors",
                             (int)out->pid, EGRESS_ANCESTORS_MAX);
        char *path = egress_process_exe(process->pid, err);
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

/* Parents come before their children, so the first owner is the one the others were forked by. */
static int describe_owners(const struct processes *list, struct egress_caller *out,
                           struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < list->n && rc == 0; i++) {
        struct egress_caller other = {0};
        if (!list->items[i].owner)
            continue;
        if (!out->pid) {
            rc = describe(list, i, out, err);
            continue;
        }
        rc = describe(list, i, &other, err);
        if (rc == 0 && !same_program(out, &other))
            rc = ambiguous(out, &other, err);
        egress_caller_free(&other);
    }
    if (rc == 0 && !out->pid)
        rc = error_set(err, ERROR_DENIED, "no process of the sandbox holds the connection");
    return rc;
}

static int look_once(const struct egress_identity *identity, const struct egress_ends *ends,
                     struct egress_caller *out, struct error *err)
{
    struct processes list = {0};
    uint32_t inode;
    int rc = egress_diag_inode(identity->diag_fd, ends, &inode, err);
    if (rc == 0 && inode == 0)
        rc = error_set(err, ERROR_DENIED, "no process holds the connection any more");
    if (rc == 0)
        rc = egress_find_owners(identity->init_pid, inode, &list, err);
    if (rc == 0)
        rc = describe_owners(&list, out, err);
    egress_processes_free(&list);
    if (rc != 0)
        egress_caller_free(out);
    return rc;
}

/* Processes come, go and execute other programs while we look: what was true at no single moment is
 * looked at again before it is held against anybody. */
int egress_identify(const struct egress_identity *identity, const struct egress_ends *ends,
                    struct egress_caller *out, struct error *err)
{
    int rc = -1;
    *out = (struct egress_caller){0};
    for (int attempt = 0; rc != 0 && attempt < 3; attempt++)
        rc = look_once(identity, ends, out, err);
    if (rc != 0)
        out->binary = alloc_str("");
    return rc;
}
