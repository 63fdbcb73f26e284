/* SPDX-License-Identifier: Apache-2.0 */
/* policy update's SPECs: the cases of tests/fixtures/cli/operations.txt, and that the gateway's own
 * decoder takes what they make. */
#include "support/terminal.h"

#include "policy/merge/merge.h"

#define CASES "tests/fixtures/cli/operations.txt"

struct specs {
    char words[1024];
    int line;                                       /* of the file */
    unsigned bad, n;
};

static json_t *operations_of(struct specs *s, struct terminal **t)
{
    char line[1100];
    snprintf(line, sizeof line, "policy update demo %s", s->words);
    *t = type(line);
    if ((*t)->code != -1)
        fail_msg("%s:%d: %s", CASES, s->line, (*t)->err);
    begin_listening(*t);
    json_t *made = operations_from_args(&(*t)->cli);
    end_listening(*t);
    return made;
}

static void assert_decodes(const struct specs *s, const json_t *document)
{
    char *text = json_dumps(document, 0);
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct policy_operations operations;
    struct doc_node *node;
    assert_int_equal(doc_parse(text, strlen(text), DOC_JSON, 65536, arena, &node, &problems), 0);
    if (policy_operations_decode(node, arena, &operations, &problems) != 0)
        fail_msg("%s:%d: %s: %s", CASES, s->line, problems.items[0].path,
                 problems.items[0].message);
    problems_free(&problems);
    arena_free(arena);
    free(text);
}

static void expect_operations(struct specs *s, const char *wanted)
{
    struct terminal *t;
    json_t *made = operations_of(s, &t), *list = json_loads(wanted, 0, NULL);
    assert_non_null(list);
    if (!made || !json_equal(json_object_get(made, "operations"), list)) {
        char *got = made ? json_dumps(made, 0) : alloc_str(t->err);
        print_error("%s:%d: %s\n  wanted %s\n  got    %s\n", CASES, s->line, s->words, wanted, got);
        free(got);
        s->bad++;
    } else {
        assert_decodes(s, made);
    }
    json_decref(list);
    json_decref(made);
    hang_up(t);
}

static void expect_refusal(struct specs *s, const char *wanted)
{
    struct terminal *t;
    json_t *made = operations_of(s, &t);
    char said[1100];
    snprintf(said, sizeof said, "sluice: %s\nusage: sluice policy update ", wanted);
    if (made || strncmp(t->err, said, strlen(said)) != 0) {
        print_error("%s:%d: %s\n  wanted %s\n  got    %s\n", CASES, s->line, s->words, wanted,
                    made ? "operations" : t->err);
        s->bad++;
    }
    json_decref(made);
    hang_up(t);
}

static void read_line(struct specs *s, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '=' || line[0] == '!')
        s->n++;
    if (line[0] == '=')
        expect_operations(s, line + 2);
    else if (line[0] == '!')
        expect_refusal(s, line + 2);
    else if (line[0] && line[0] != '#')
        snprintf(s->words, sizeof s->words, "%s", line);
}

static void specs_make_operations(void **state)
{
    (void)state;
    struct specs s = {0};
    char line[4096];
    FILE *file = fopen(CASES, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        s.line++;
        read_line(&s, line);
    }
    fclose(file);
    assert_true(s.n > 40);
    assert_int_equal(s.bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(specs_make_operations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
