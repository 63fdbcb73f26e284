/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of the policy's tables against tests/fixtures/policies/numbers.txt, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

enum { FIELDS_MAX = 200, LINE_MAX_BYTES = 256 };

struct numbers {
    char *lines[FIELDS_MAX];                        /* "PATH NUMBER" */
    size_t n;
};

static void add(struct numbers *numbers, const char *path, uint32_t number)
{
    char line[LINE_MAX_BYTES];
    assert_true(numbers->n < FIELDS_MAX);
    snprintf(line, sizeof line, "%s %" PRIu32, path, number);
    numbers->lines[numbers->n++] = strdup(line);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void walk(const struct schema *schema, const char *prefix, struct numbers *numbers);

/* A wrapper such as {allow: …} is a message of its own, with one field. */
static void walk_fields(const struct schema_field *fields, const char *prefix,
                        struct numbers *numbers)
{
    for (const struct schema_field *f = fields; f && f->name; f++) {
        char path[LINE_MAX_BYTES];
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", f->name);
        if (!f->number)
            continue;
        add(numbers, path, f->number);
        if (f->wrap) {
            strncat(strncat(path, ".", 2), f->wrap, 32);
            add(numbers, path, 1);
        }
        if (f->sub)
            walk(f->sub, path, numbers);
    }
}

static void walk(const struct schema *schema, const char *prefix, struct numbers *numbers)
{
    walk_fields(schema->fields, prefix, numbers);
    if (schema->message)
        walk_fields(schema->message->fields, prefix, numbers);
}

static void read_expected(struct numbers *numbers)
{
    FILE *file = fopen("tests/fixtures/policies/numbers.txt", "r");
    char line[LINE_MAX_BYTES], path[LINE_MAX_BYTES], message[LINE_MAX_BYTES];
    uint32_t number;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (*line == '#' || *line == '-')
            continue;
        assert_int_equal(sscanf(line, "%s %s %" SCNu32, path, message, &number), 3);
        add(numbers, path, number);
    }
    fclose(file);
}

static size_t count_missing(const struct numbers *in, const struct numbers *from, const char *what)
{
    size_t missing = 0;
    for (size_t i = 0; i < from->n; i++) {
        char *const *found = bsearch(&from->lines[i], in->lines, in->n, sizeof(char *), by_text);
        if (!found)
            print_error("%s: %s\n", what, from->lines[i]);
        missing += !found;
    }
    return missing;
}

static void release(struct numbers *numbers)
{
    for (size_t i = 0; i < numbers->n; i++)
        free(numbers->lines[i]);
}

static void test_numbers(void **state)
{
    struct numbers expected = {0}, actual = {0};
    (void)state;
    read_expected(&expected);
    walk(&policy_schema, "", &actual);
    qsort(expected.lines, expected.n, sizeof(char *), by_text);
    qsort(actual.lines, actual.n, sizeof(char *), by_text);
    assert_true(expected.n > 70);
    size_t missing = count_missing(&actual, &expected, "the tables lack");
    size_t surplus = count_missing(&expected, &actual, "the messages lack");
    assert_int_equal(missing + surplus, 0);
    release(&expected);
    release(&actual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
