/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/answer.h"

#include <stdlib.h>
#include <string.h>

#include "chain/chain.h"
#include "testkit/pattern.h"

enum { MISMATCHES_MAX = 256 };

void answer_clear(struct answer *answer)
{
    json_decref(answer->votes);
    free(answer->text);
    free(answer->output);
    *answer = (struct answer){.outcome = ""};
}

const char *answer_member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

struct judge {
    struct arena *arena;
    struct mismatch *items;
    size_t n;
};

static void differ(struct judge *j, const char *what, const char *wanted, const char *got)
{
    if (j->n < MISMATCHES_MAX)
        j->items[j->n++] = (struct mismatch){what, wanted, arena_str(j->arena, got)};
}

static const char *or_none(const char *text)
{
    return *text ? text : "(none)";
}

static const char *part(struct judge *j, const struct case_ballot *b, const char *what)
{
    return b->voter ? arena_printf(j->arena, "%s of %s", what, b->voter) : what;
}

static void judge_word(struct judge *j, const struct case_ballot *b, const json_t *vote,
                       const char *what, const char *wanted)
{
    const char *got = answer_member(vote, what);
    if (strcmp(wanted, got) != 0)
        differ(j, part(j, b, what), or_none(wanted), or_none(got));
}

static void judge_facts(struct judge *j, const struct case_ballot *b, const json_t *vote)
{
    const json_t *facts = json_object_get(vote, "facts");
    for (size_t i = 0; i < b->n_facts; i++) {
        const struct case_fact *fact = b->facts[i];
        const char *got = json_string_value(json_object_get(facts, fact->key));
        if (!got || strcmp(got, fact->value) != 0)
            differ(j, part(j, b, arena_printf(j->arena, "fact %s", fact->key)), fact->value,
                   got ? got : "(none)");
    }
}

static void judge_changes(struct judge *j, const struct case_ballot *b, const json_t *vote)
{
    const json_t *headers = json_object_get(vote, "headers");
    for (size_t i = 0; i < b->n_headers; i++) {
        const struct case_fact *header = b->headers[i];
        const json_t *change = json_object_get(headers, header->key);
        const char *got = json_string_value(change);
        if (header->value ? !got || strcmp(got, header->value) != 0 : !json_is_null(change))
            differ(j, part(j, b, arena_printf(j->arena, "header %s", header->key)),
                   header->value ? header->value : "(removed)",
                   got ? got : change ? "(removed)" : "(unchanged)");
    }
    const char *body = json_string_value(json_object_get(vote, "body"));
    if (b->body && (!body || strcmp(b->body, body) != 0))
        differ(j, part(j, b, "body"), b->body, body ? body : "(unchanged)");
}

static bool failed(const json_t *vote)
{
    return json_is_true(json_object_get(vote, "failed"));
}

/* A voter that fails counts as a deny, and a case that expects a deny must not take that for one.
 */
static void judge_ballot(struct judge *j, const struct case_ballot *b, const json_t *vote)
{
    if (failed(vote) && strcmp(b->code, answer_member(vote, "code")) != 0) {
        differ(j, part(j, b, "ballot"), arena_printf(j->arena, "verdict %s", or_none(b->verdict)),
               answer_member(vote, "message"));
        return;
    }
    if (*b->verdict)
        judge_word(j, b, vote, "verdict", b->verdict);
    if (b->has_code)
        judge_word(j, b, vote, "code", b->code);
    if (b->has_path)
        judge_word(j, b, vote, "path", b->path);
    const char *message = answer_member(vote, "message");
    if (*b->message && !pattern_found(b->message, message))
        differ(j, part(j, b, "message"), arena_printf(j->arena, "/%s/", b->message),
               or_none(message));
    judge_facts(j, b, vote);
    judge_changes(j, b, vote);
}

static const json_t *vote_of(const json_t *votes, const char *voter)
{
    size_t i;
    json_t *vote;
    json_array_foreach((json_t *)(uintptr_t)votes, i, vote) {
        if (strcmp(answer_member(vote, "voter"), voter) == 0)
            return vote;
    }
    return NULL;
}

static const char *voter_names(struct judge *j, const json_t *votes)
{
    size_t i;
    json_t *vote;
    const char *list = "";
    json_array_foreach((json_t *)(uintptr_t)votes, i, vote)
        list = arena_printf(j->arena, "%s%s%s", list, i ? ", " : "", answer_member(vote, "voter"));
    return list;
}

static const struct case_ballot *expected_of(const struct case_expect *e, const char *voter)
{
    for (size_t i = 0; i < e->n_votes; i++)
        if (strcmp(e->votes[i]->voter, voter) == 0)
            return e->votes[i];
    return NULL;
}

/* Voters that failed though nothing is expected of them: the outcome may be right by accident. */
static void judge_failures(struct judge *j, const struct case_expect *e, const json_t *votes)
{
    size_t i;
    json_t *vote;
    json_array_foreach((json_t *)(uintptr_t)votes, i, vote) {
        const char *voter = answer_member(vote, "voter");
        if (failed(vote) && !expected_of(e, voter))
            differ(j, arena_printf(j->arena, "ballot of %s", voter), "any ballot",
                   answer_member(vote, "message"));
    }
}

static void judge_chain(struct judge *j, const struct case_expect *e, const struct answer *answer)
{
    if (*e->outcome && strcmp(e->outcome, answer->outcome) != 0)
        differ(j, "outcome", e->outcome, answer->outcome);
    for (size_t i = 0; i < e->n_votes; i++) {
        const json_t *vote = vote_of(answer->votes, e->votes[i]->voter);
        if (vote)
            judge_ballot(j, e->votes[i], vote);
        else
            differ(j, "voter", e->votes[i]->voter, voter_names(j, answer->votes));
    }
    judge_failures(j, e, answer->votes);
}

static void judge_votes(struct judge *j, const struct test *test, const struct answer *answer)
{
    const struct case_expect *e = test->item->expect;
    if (*e->load_error)
        differ(j, "load_error", arena_printf(j->arena, "/%s/", e->load_error), "it loads");
    else if (*test->file->chain)
        judge_chain(j, e, answer);
    else
        judge_ballot(j, &e->ballot, json_array_get(answer->votes, 0));
}

static void judge_refusal(struct judge *j, const struct case_expect *e, const char *text)
{
    if (!*e->load_error)
        differ(j, "load", "it loads", text);
    else if (!pattern_found(e->load_error, text))
        differ(j, "load_error", arena_printf(j->arena, "/%s/", e->load_error), text);
}

void judge(const struct test *test, const struct answer *answer, struct arena *arena,
           struct judgement *out)
{
    struct judge j = {.arena = arena,
                      .items = arena_alloc(arena, MISMATCHES_MAX * sizeof *j.items)};
    if (answer->state == ANSWER_VOTED)
        judge_votes(&j, test, answer);
    else if (answer->state == ANSWER_NOT_LOADED)
        judge_refusal(&j, test->item->expect, answer->text);
    else if (answer->state == ANSWER_CRASHED)
        differ(&j, "crash", "an answer", answer->text);
    *out = (struct judgement){j.items, j.n};
}
