/* SPDX-License-Identifier: Apache-2.0 */
/* How many held requests wait for the decision about each chunk, as their supervisors say.  It is
 * not on record: a supervisor that connects again says it again. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "drafts/drafts_parts.h"
#include "policy/cure/refused.h"

struct waiting {
    struct waiting *next;
    char *sandbox_id, *request;
    unsigned n;
};

/* Two refusals with the same texts have the same chunk. */
static char *request_text(const struct policy_refused *r)
{
    return alloc_printf("%s:%u\n%s\n%s\n%s\n%s\n%s\n%s\n%s", r->host, r->port, r->binary, r->method,
                        r->path, r->operation, r->field, r->rpc_method, r->tool);
}

/* Where it stands in the list, or where the list ends. */
static struct waiting **find(struct drafts *drafts, const char *sandbox_id, const char *request)
{
    struct waiting **at = &drafts->waiting;
    while (*at && (strcmp((*at)->request, request) != 0 ||
                   strcmp((*at)->sandbox_id, sandbox_id) != 0))
        at = &(*at)->next;
    return at;
}

static void drop(struct waiting **at)
{
    struct waiting *w = *at;
    *at = w->next;
    free(w->sandbox_id);
    free(w->request);
    free(w);
}

void drafts_set_waiting(struct drafts *drafts, const char *sandbox_id,
                        const struct policy_refused *refused, unsigned n)
{
    char *request = request_text(refused);
    pthread_mutex_lock(&drafts->lock);
    struct waiting **at = find(drafts, sandbox_id, request);
    if (!*at && n) {
        *at = alloc_zero(1, sizeof **at);
        (*at)->sandbox_id = alloc_str(sandbox_id);
        (*at)->request = alloc_str(request);
    }
    if (n)
        (*at)->n = n;
    else if (*at)
        drop(at);
    pthread_mutex_unlock(&drafts->lock);
    free(request);
}

unsigned drafts_waiting(struct drafts *drafts, const struct store_draft *draft)
{
    const struct policy_refused refused = {
        .host = draft->host, .port = draft->port, .binary = draft->binary,
        .method = draft->method, .path = draft->path, .operation = draft->operation,
        .field = draft->field, .rpc_method = draft->rpc_method, .tool = draft->tool};
    char *request = request_text(&refused);
    pthread_mutex_lock(&drafts->lock);
    struct waiting *w = *find(drafts, draft->sandbox_id, request);
    unsigned n = w ? w->n : 0;
    pthread_mutex_unlock(&drafts->lock);
    free(request);
    return n;
}

void drafts_forget_waiting(struct drafts *drafts, const char *sandbox_id)
{
    pthread_mutex_lock(&drafts->lock);
    for (struct waiting **at = &drafts->waiting; *at;) {
        if (!sandbox_id || strcmp((*at)->sandbox_id, sandbox_id) == 0)
            drop(at);
        else
            at = &(*at)->next;
    }
    pthread_mutex_unlock(&drafts->lock);
}
