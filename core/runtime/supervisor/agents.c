/* SPDX-License-Identifier: Apache-2.0 */
/* Answers what agents ask at policy.local: what they propose becomes chunks, which they may look
 * at.  Whose sandbox they are in is known by the stream on which the question came.
 *
 * Questions are answered beside updates, so that no agent makes its owner wait, and those of all
 * sandboxes in a few queues.  A supervisor hears of every change of a chunk, and looks up those
 * that somebody waits for. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "policy/merge/merge.h"
#include "policy/wish.h"
#include "runtime/sandbox.h"
#include "store/words.h"

enum { QUESTIONS_MAX = 64 };                        /* of one sandbox that wait for an answer */

struct question {
    struct runtime *all;
    char *id, *name;                                /* of the sandbox */
    struct arena *arena;
    struct sandbox_message asked, answer;           /* in the arena */
};

static void answered(void *arg)
{
    struct question *q = arg;
    struct sandbox *s = sandbox_find(q->all, q->id);
    if (s) {
        s->n_questions--;
        if (s->ready)
            sandbox_send(s, &q->answer);
    }
    arena_free(q->arena);
    free(q->id);
    free(q->name);
    free(q);
}

/* ---- proposals ---- */

static int decode(const struct agent_proposal *proposal, struct arena *arena,
                  struct policy_operations *out, struct error *err)
{
    struct problems problems = {0};
    struct doc_node *tree;
    if (doc_parse(proposal->operations, strlen(proposal->operations), DOC_JSON, POLICY_BYTES_MAX,
                  arena, &tree, &problems) == 0)
        policy_operations_decode(tree, arena, out, &problems);
    return problems.n ? problems_first(&problems, ERROR_INVALID, err) : 0;
}

/* In *out, NULL: its rule is to stay.  A process is meant as it runs now. */
static int read_wish(struct question *q, size_t i, const struct policy_grant **out,
                     struct error *err)
{
    const struct agent_proposal *asked = &q->asked.proposal;
    const char *json = i < asked->n_wishes ? asked->wishes[i] : "";
    struct problems problems = {0};
    struct doc_node *tree;
    void *record = NULL;
    if (*json && (doc_parse(json, strlen(json), DOC_JSON, POLICY_BYTES_MAX, q->arena, &tree,
                            &problems) != 0 ||
                  schema_decode(&policy_wish_schema, tree, "grant", q->arena, &record,
                                &problems) != 0))
        return problems_first(&problems, ERROR_INVALID, err);
    struct policy_grant *wish = record;
    *out = wish;
    return wish && wish->pid ? runtime_find_process(q->all, q->id, wish->pid, &wish->host_pid,
                                                    &wish->started, err)
                             : 0;
}

/* NULL: *id is that of the new chunk; else why there is none. */
static const char *submit_one(struct question *q, const struct policy_operation *operation,
                              const struct policy_grant *wish, const char **id)
{
    const struct sluice_actor agent = {sizeof agent,
                                       arena_printf(q->arena, "sandbox:%s", q->name), "sandbox",
                                       "gateway", "agent",
                                       arena_printf(q->arena, "sandbox:%s", q->name)};
    const struct drafts_proposal proposal = {.rule_name = operation->rule_name,
                                             .rule = operation->rule,
                                             .rationale = q->asked.proposal.intent,
                                             .confidence = 0.75,
                                             .workload = q->id,
                                             .grant = wish};
    struct problems problems = {0};
    struct error err;
    const char *why = NULL;
    if (drafts_submit(q->all->setup.drafts, q->name, &agent, "agent", &proposal, 1, q->arena, id,
                      &problems, &err) != 0)
        why = arena_printf(q->arena, "chunk '%s': %s", operation->rule_name,
                           problems.n ? problems.items[0].message : err.text);
    problems_free(&problems);
    return why;
}

/* NULL, or why it is not accepted. */
static const char *propose_one(struct question *q, const struct policy_operation *operation,
                               size_t i, const char **id)
{
    const struct policy_grant *wish = NULL;
    struct error err;
    if (operation->kind != POLICY_ADD_RULE)
        return "only rules that are added can be proposed";
    if (read_wish(q, i, &wish, &err) != 0)
        return arena_printf(q->arena, "chunk '%s': %s", operation->rule_name, err.text);
    return submit_one(q, operation, wish, id);
}

static void propose(void *arg)
{
    struct question *q = arg;
    struct agent_proposed *answer = &q->answer.proposed;
    struct policy_operations list = {0};
    struct error err;
    if (decode(&q->asked.proposal, q->arena, &list, &err) != 0) {
        answer->error = arena_str(q->arena, err.text);
        return;
    }
    const char **accepted = arena_zalloc(q->arena, (list.n + 1) * sizeof *accepted);
    const char **reasons = arena_zalloc(q->arena, (list.n + 1) * sizeof *reasons);
    answer->accepted = accepted;
    answer->reasons = reasons;
    for (size_t i = 0; i < list.n; i++) {
        const char *why = propose_one(q, &list.items[i], i, &accepted[answer->n_accepted]);
        if (why)
            reasons[answer->n_reasons++] = why;
        else
            answer->n_accepted++;
    }
}

/* ---- chunks ---- */

/* What is found in it, and which voters would not let it pass. */
static const char *validation_of(const struct drafts_view *view, struct arena *arena)
{
    if (!view->previewed)
        return "";
    const char *found = update_findings_text(&view->preview.findings, arena);
    enum chain_outcome outcome = view->preview.outcome;
    return outcome == CHAIN_ALLOWED
               ? found
               : arena_printf(arena, "%s\nvoters: %s: %s", found, chain_outcome_word(outcome),
                              view->preview.tally.why);
}

/* Whoever proposed a rule only needs to know whether it was approved. */
static const char *status_of(const struct store_draft *draft)
{
    bool superseded = strcmp(draft->status, store_draft_status_word(STORE_DRAFT_SUPERSEDED)) == 0;
    return superseded ? store_draft_status_word(STORE_DRAFT_REJECTED) : draft->status;
}

static void show(struct agent_chunk *out, const struct drafts_view *view, struct arena *arena)
{
    const struct store_draft *draft = &view->draft;
    bool previewed = view->previewed, approved = draft->revision > 0;
    out->found = true;
    out->status = status_of(draft);
    out->rule_name = draft->rule_name;
    out->binary = draft->binary;
    out->rejection_reason = approved ? "" : draft->reason;
    out->validation_result = validation_of(view, arena);
    out->application_error = view->preview_error ? view->preview_error : "";
    out->review_token = view->review_token;
    out->current_hash = previewed ? view->preview.base_hash : "";
    out->candidate_hash = previewed ? view->preview.hash : "";
    out->revision = draft->revision;
}

static void look_up(void *arg)
{
    struct question *q = arg;
    struct agent_chunk *answer = &q->answer.chunk;
    struct drafts_view view;
    struct error err;
    if (drafts_get(q->all->setup.drafts, q->name, q->asked.query.chunk, q->arena, &view, &err) == 0)
        show(answer, &view, q->arena);
    else if (err.kind != ERROR_NOT_FOUND)
        answer->error = arena_str(q->arena, err.text);
}

/* ---- questions ---- */

static struct sandbox_message answer_to(const struct sandbox_message *asked)
{
    if (asked->type == MESSAGE_PROPOSE)
        return (struct sandbox_message){.type = MESSAGE_PROPOSED,
                                        .proposed = {.id = asked->proposal.id, .error = ""}};
    return (struct sandbox_message){
        .type = MESSAGE_CHUNK,
        .chunk = {.id = asked->query.id, .error = "", .chunk_id = asked->query.chunk, .status = "",
                  .rule_name = "", .binary = "", .rejection_reason = "", .validation_result = "",
                  .application_error = "", .review_token = "", .current_hash = "",
                  .candidate_hash = ""}};
}

static void refuse(struct sandbox *s, const struct sandbox_message *asked, const char *why)
{
    struct sandbox_message answer = answer_to(asked);
    if (answer.type == MESSAGE_PROPOSED)
        answer.proposed.error = why;
    else
        answer.chunk.error = why;
    sandbox_send(s, &answer);
}

void sandbox_agent_asks(struct sandbox *s, const struct sandbox_message *asked,
                        struct arena *arena)
{
    bool proposes = asked->type == MESSAGE_PROPOSE;
    const char *why = !s->settings.agent_proposals      ? "agent proposals are off"
                      : s->n_questions >= QUESTIONS_MAX ? "the sandbox asks too much at once"
                                                        : NULL;
    if (why) {
        refuse(s, asked, why);
        arena_free(arena);
        return;
    }
    struct question *q = alloc_zero(1, sizeof *q);
    char *key = sandbox_queue(s, "agents");
    *q = (struct question){.all = s->all, .id = alloc_str(s->id), .name = alloc_str(s->name),
                           .arena = arena, .asked = *asked, .answer = answer_to(asked)};
    s->n_questions++;
    jobs_run(s->all->setup.jobs, key, proposes ? propose : look_up, answered, q);
    free(key);
}

/* ---- changes ---- */

static void on_event(void *ctx, const struct event *event)
{
    struct runtime *all = ctx;
    struct sandbox *s =
        strcmp(event->type, "draft") == 0 ? sandbox_by_name(all, event->sandbox) : NULL;
    if (!s || !s->ready || !s->settings.agent_proposals)
        return;
    json_t *json = json_loads(event->json, 0, NULL);
    const char *chunk = json_string_value(json_object_get(json, "draft"));
    if (chunk)
        sandbox_send(s, &(struct sandbox_message){.type = MESSAGE_CHUNK_CHANGED,
                                                  .query = {.chunk = chunk}});
    json_decref(json);
}

void runtime_watch_drafts(struct runtime *all)
{
    all->drafts_watch = events_subscribe(all->setup.events, NULL, on_event, all);
}

void runtime_unwatch_drafts(struct runtime *all)
{
    if (all->drafts_watch)
        events_unsubscribe(all->setup.events, all->drafts_watch);
    all->drafts_watch = NULL;
}
