/* SPDX-License-Identifier: Apache-2.0 */
/* What a schema makes of each scalar that can be written; the cases are data. */
#include "support/doc_schema.h"

static void scalar_document(struct buf *out, const char *format, const char *field,
                            const char *written)
{
    if (strcmp(format, "json") == 0)
        buf_printf(out, "{\"%s\": %*s%s}", field, 8 - (int)strlen(field), "", written);
    else if (*written)
        buf_printf(out, "%s: %*s%s\n", field, 11 - (int)strlen(field), "", written);
    else
        buf_printf(out, "%s:\n", field);
}

/* Several problems stand in one line, with slashes between. */
static void one_line(struct buf *outcome)
{
    struct buf line = {0};
    for (size_t i = 0; i < outcome->len; i++) {
        if (outcome->data[i] == '\n')
            buf_puts(&line, i + 1 < outcome->len ? " / " : "");
        else
            buf_putc(&line, outcome->data[i]);
    }
    buf_free(outcome);
    *outcome = line;
}

static size_t run_scalar(char *line)
{
    char *arrow = strstr(line, " => "), *format, *field, *written, *rest;
    assert_non_null(arrow);
    *arrow = '\0';
    format = strtok_r(line, " ", &rest);
    field = strtok_r(NULL, " ", &rest);
    written = rest + strspn(rest, " ");
    for (char *end = written + strlen(written); end > written && end[-1] == ' ';)
        *--end = '\0';
    struct buf text = {0}, outcome = {0};
    struct arena *arena = arena_new();
    scalar_document(&text, format, field, written);
    decode(&all_schema, text.data, strcmp(format, "json") ? DOC_YAML : DOC_JSON, arena, &outcome);
    one_line(&outcome);
    bool same = strcmp(buf_str(&outcome), arrow + 4) == 0;
    if (!same)
        print_error("%s\n  wanted %s\n  got    %s\n", text.data, arrow + 4, buf_str(&outcome));
    buf_free(&text);
    buf_free(&outcome);
    arena_free(arena);
    return same ? 0 : 1;
}

static void test_scalars(void **state)
{
    (void)state;
    struct buf file = read_fixture("tests/fixtures/doc/scalars.txt");
    size_t n = 0, failed = 0;
    char *rest;
    for (char *line = strtok_r(file.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (*line == '#')
            continue;
        failed += run_scalar(line);
        n++;
    }
    buf_free(&file);
    if (n < 100 || failed)
        fail_msg("%zu of %zu scalars failed", failed, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scalars)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
