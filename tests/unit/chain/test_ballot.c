/* SPDX-License-Identifier: Apache-2.0 */
#include "support/chain.h"

#include <stdlib.h>

#include "chain/ballot.h"

static const struct sluice_code codes[] = {{"KNOWN", "The only one."}, {NULL, NULL}};

struct fixture {
    struct arena *arena;
    struct ballot ballot;
    struct error err;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    f->arena = arena_new();
    ballot_begin(&f->ballot, f->arena, codes);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_free(f->arena);
    test_free(f);
    return 0;
}

static void assert_wrong(struct fixture *f, enum sluice_verdict returned, const char *text)
{
    assert_int_equal(ballot_finish(&f->ballot.face, returned, &f->err), -1);
    assert_string_equal(f->err.text, text);
}

static void a_deny_keeps_its_texts(void **state)
{
    struct fixture *f = *state;
    enum sluice_verdict v = sluice_deny(&f->ballot.face, "KNOWN", "network_policies.a", "no %d", 1);
    assert_int_equal(ballot_finish(&f->ballot.face, v, &f->err), 0);
    assert_int_equal(f->ballot.verdict, SLUICE_DENY);
    assert_string_equal(f->ballot.code, "KNOWN");
    assert_string_equal(f->ballot.path, "network_policies.a");
    assert_string_equal(f->ballot.message, "no 1");
}

static void the_last_cast_counts(void **state)
{
    struct fixture *f = *state;
    sluice_hold(&f->ballot.face, "KNOWN", "a", "wait");
    assert_int_equal(ballot_finish(&f->ballot.face, sluice_allow(&f->ballot.face), &f->err), 0);
    assert_int_equal(f->ballot.verdict, SLUICE_ALLOW);
    assert_string_equal(f->ballot.code, "");
    assert_string_equal(f->ballot.message, "");
}

static void a_verdict_must_be_cast(void **state)
{
    assert_wrong(*state, SLUICE_ALLOW, "it returned allow without casting it");
}

static void the_cast_verdict_must_be_returned(void **state)
{
    struct fixture *f = *state;
    sluice_deny(&f->ballot.face, "KNOWN", "", "no");
    assert_wrong(f, SLUICE_ALLOW, "it returned allow after casting deny");
}

static void no_verdict_is_an_error(void **state)
{
    struct fixture *f = *state;
    assert_wrong(f, (enum sluice_verdict)77, "it returned 77, which is no verdict");
    sluice_cast(&f->ballot.face, (enum sluice_verdict)78, "", "", "%s", "");
    assert_wrong(f, SLUICE_ALLOW, "it cast 78, which is no verdict");
}

static void a_code_is_needed_and_declared(void **state)
{
    static const struct {
        const char *code, *wrong;
    } rows[] = {
        {NULL, "it cast deny without a code"},
        {"", "it cast deny without a code"},
        {"OTHER", "it cast deny with the code OTHER, which it does not declare"},
        {"KNOWN\n",
         "it cast deny with a code that is not made of letters, digits, '_', '.' and '-'"},
        {"AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDEEEEEEEEEEFFFFFFFFFFGGGGG",
         "it cast deny with a code of more than 64 bytes"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ballot_begin(&f->ballot, f->arena, codes);
        assert_wrong(f, sluice_deny(&f->ballot.face, rows[i].code, "", "no"), rows[i].wrong);
    }
}

static void any_code_without_a_table(void **state)
{
    struct fixture *f = *state;
    ballot_begin(&f->ballot, f->arena, NULL);
    enum sluice_verdict v = sluice_hold(&f->ballot.face, "Any.thing-1", NULL, "wait");
    assert_int_equal(ballot_finish(&f->ballot.face, v, &f->err), 0);
    assert_string_equal(f->ballot.path, "");
}

static void a_message_is_needed(void **state)
{
    struct fixture *f = *state;
    assert_wrong(f, sluice_hold(&f->ballot.face, "KNOWN", "", "%s", ""),
                 "it cast hold without a message");
}

static void the_first_mistake_is_reported(void **state)
{
    struct fixture *f = *state;
    sluice_deny(&f->ballot.face, "OTHER", "", "no");
    assert_wrong(f, sluice_allow(&f->ballot.face),
                 "it cast deny with the code OTHER, which it does not declare");
}

static void strange_bytes_are_escaped(void **state)
{
    struct fixture *f = *state;
    sluice_deny(&f->ballot.face, "KNOWN",
                "a\xff"
                "b",
                "Block → Proxy\n\x1b[31m\xc3(\xed\xa0\x80\u2028\ufffe");
    assert_string_equal(f->ballot.path, "a\\xffb");
    assert_string_equal(
        f->ballot.message,
        "Block → Proxy\\x0a\\x1b[31m\\xc3(\\xed\\xa0\\x80\\xe2\\x80\\xa8\\xef\\xbf\\xbe");
}

#define assert_message(f, expected, ...)                              \
    do {                                                              \
        sluice_deny(&(f)->ballot.face, "KNOWN", "", __VA_ARGS__);     \
        assert_string_equal((f)->ballot.message, expected);           \
    } while (0)

static void a_message_is_formatted_as_by_printf(void **state)
{
    struct fixture *f = *state;
    char wide[SLUICE_MESSAGE_MAX + 2], cut[SLUICE_MESSAGE_MAX + 1];
    assert_message(f, "a b, c", "a %s, %s", "b", "c");
    assert_message(f, "b", "%s", "b");
    assert_message(f, "100% of a", "100%% of %s", "a");
    assert_message(f, "a: 7 of 0x1f", "%s: %d of %#x", "a", 7, 31u);
    assert_message(f, "  b|b", "%3s|%.1s", "b", "bc");
    /* As much as there is room for, wherever the texts end. */
    memset(wide, 'x', sizeof wide);
    wide[sizeof wide - 1] = '\0';
    for (size_t n = 0; n < 4; n++) {
        snprintf(cut, sizeof cut, "%s%s, %s", wide + n, "a", "b");
        assert_message(f, cut, "%s%s, %s", wide + n, "a", "b");
    }
}

static void long_texts_are_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    char text[4 * SLUICE_MESSAGE_MAX];
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "→", 4);
    enum sluice_verdict v = sluice_deny(&f->ballot.face, "KNOWN", text, "%s", text);
    assert_int_equal(ballot_finish(&f->ballot.face, v, &f->err), 0);
    assert_int_equal(strlen(f->ballot.path), SLUICE_PATH_MAX / 3 * 3);
    assert_int_equal(strlen(f->ballot.message), SLUICE_MESSAGE_MAX / 3 * 3);
}

static void facts_are_kept_in_order_and_counted(void **state)
{
    struct fixture *f = *state;
    sluice_fact(&f->ballot.face, "one", "1");
    sluice_fact(&f->ballot.face, "two", NULL);
    assert_int_equal(f->ballot.n_facts, 2);
    assert_string_equal(f->ballot.facts[0].key, "one");
    assert_string_equal(f->ballot.facts[0].value, "1");
    assert_string_equal(f->ballot.facts[1].value, "");
    for (int i = 2; i <= SLUICE_FACTS_MAX; i++)
        sluice_fact(&f->ballot.face, "more", "x");
    assert_int_equal(f->ballot.n_facts, SLUICE_FACTS_MAX);
    assert_wrong(f, sluice_allow(&f->ballot.face), "it gave more than 32 facts");
}

static void a_fact_needs_a_key(void **state)
{
    struct fixture *f = *state;
    sluice_fact(&f->ballot.face, "", "1");
    assert_wrong(f, sluice_allow(&f->ballot.face), "it gave a fact without a key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_deny_keeps_its_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_cast_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_verdict_must_be_cast, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_cast_verdict_must_be_returned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_verdict_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_code_is_needed_and_declared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_code_without_a_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_is_needed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_is_formatted_as_by_printf, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_mistake_is_reported, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strange_bytes_are_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_texts_are_cut_between_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(facts_are_kept_in_order_and_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fact_needs_a_key, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
