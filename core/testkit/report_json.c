/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON document for programs. */
#include <stdlib.h>

#include "base/terminal.h"
#include "chain/chain.h"
#include "testkit/report.h"

static void begin_json(struct report *r, const struct report_sum *sum)
{
    (void)sum;
    r->state = json_array();
}

static json_t *encode_mismatches(const struct judgement *j)
{
    json_t *list = json_array();
    for (size_t i = 0; i < j->n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "what", j->items[i].what, "wanted",
                                              j->items[i].wanted, "got", j->items[i].got));
    return list;
}

static void print_test(struct report *r, const struct report_test *t)
{
    json_t *json =
        json_pack("{s:s, s:I, s:s, s:s, s:I, s:s, s:I, s:s, s:o, s:o, s:s}", "file",
                  t->test->file->path, "line", (json_int_t)t->test->item->node->line, "name",
                  t->test->name, "kind", chain_kind_word(t->test->kind), "run",
                  (json_int_t)t->test->run, "result", result_word(t->result), "duration_us",
                  (json_int_t)t->answer->duration_us, "outcome", t->answer->outcome, "ballots",
                  t->answer->votes ? json_incref(t->answer->votes) : json_array(), "mismatches",
                  encode_mismatches(t->judgement), "again", t->again);
    if (t->answer->output)
        json_object_set_new(json, "output", json_string(t->answer->output));
    json_array_append_new(r->state, json);
}

static void end_json(struct report *r, const struct report_sum *sum)
{
    json_t *json = json_pack("{s:o, s:I}", "tests", (json_t *)r->state, "duration_us",
                             (json_int_t)sum->duration_us);
    for (int i = 0; i < RESULT_COUNT; i++)
        json_object_set_new(json, result_word((enum result)i),
                            json_integer((json_int_t)sum->counts[i]));
    if (sum->shuffled)
        json_object_set_new(json, "seed", json_integer((json_int_t)sum->seed));
    if (sum->cover)
        json_object_set_new(json, "coverage", cover_json(sum->cover));
    char *text = json_dumps(json, JSON_INDENT(2));
    terminal_json(r->to, text);
    terminal_print(r->to, "\n");
    free(text);
    json_decref(json);
    r->state = NULL;
}

const struct report_ops report_json = {"json", begin_json, print_test, end_json};
