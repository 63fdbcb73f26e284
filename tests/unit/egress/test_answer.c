/* SPDX-License-Identifier: Apache-2.0 */
/* What a DNS response may say, and what is believed of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "egress/destination/answer.h"

#include <ares.h>
#include <stdio.h>
#include <string.h>

#define HOST "good.test"
#define SELF "\xc0\x0c"
#define A "\0\1\0\1\0\0\0\0"                        /* type, class IN, time to live */
#define AAAA "\0\x1c\0\1\0\0\0\0"
#define CNAME "\0\5\0\1\0\0\0\0"
#define ONE "\0\4\x0a\1\1\1"
#define BAD "\0\4\x7f\0\0\1"
#define BYTES(text) text, sizeof(text) - 1

struct reading {
    const char *what;
    int records;
    const char *bytes;
    size_t len;
    int status;
    const char *says;
};

/* The records are the answer to a question for the address of HOST. */
static void assert_read(const struct reading *r)
{
    struct buf message = {0};
    struct egress_answer answer;
    char said[256] = "", text[IPADDR_TEXT_SIZE];
    buf_add(&message, "\1\2\x81\x80\0\1\0", 7);
    buf_putc(&message, (char)r->records);
    buf_add(&message, BYTES("\0\0\0\0\4good\4test\0\0\1\0\1"));
    buf_add(&message, r->bytes, r->len);
    int status = egress_answer_read((unsigned char *)message.data, message.len, HOST, EGRESS_TYPE_A,
                                    &answer);
    for (size_t k = 0; k < answer.n; k++)
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s ",
                 ipaddr_text(&answer.addresses[k], text));
    if (status != r->status || strcmp(said, r->says) != 0)
        fail_msg("%s: %d (%s), '%s'", r->what, status, ares_strerror(status), said);
    buf_free(&message);
}

static void each_answer_is_read_for_what_it_is(void **state)
{
    static const struct reading rows[] = {
        {"one address", 1, BYTES(SELF A ONE), 0, "10.1.1.1 "},
        {"two addresses", 2, BYTES(SELF A ONE SELF A "\0\4\x0a\1\1\2"), 0, "10.1.1.1 10.1.1.2 "},
        {"the name spelled out, in capitals", 1, BYTES("\4GOOD\4Test\0" A ONE), 0, "10.1.1.1 "},
        {"no record", 0, BYTES(""), ARES_ENODATA, ""},
        {"another name's address", 1, BYTES("\3bad\4test\0" A BAD), ARES_ENODATA, ""},
        {"another name's address beside", 2, BYTES("\3bad\4test\0" A BAD SELF A ONE), 0,
         "10.1.1.1 "},
        {"a parent's address", 1, BYTES("\xc0\x11" A BAD), ARES_ENODATA, ""},
        {"an address of the other family", 1,
         BYTES(SELF AAAA "\0\x10"
                         "0123456789abcdef"),
         ARES_ENODATA, ""},
        {"another class", 1, BYTES(SELF "\0\1\0\3\0\0\0\0" BAD), ARES_ENODATA, ""},
        {"an alias", 2,
         BYTES(SELF CNAME "\0\7\4real\xc0\x11"
                          "\4real\xc0\x11" A ONE),
         0, "10.1.1.1 "},
        {"an alias, its address first", 2,
         BYTES("\4real\xc0\x11" A ONE SELF CNAME "\0\7\4real\xc0\x11"), 0, "10.1.1.1 "},
        {"an alias and an address of the alias's owner", 2,
         BYTES(SELF CNAME "\0\7\4real\xc0\x11" SELF A BAD), ARES_ENODATA, ""},
        {"an alias without its address", 1, BYTES(SELF CNAME "\0\7\4real\xc0\x11"), ARES_ENODATA,
         ""},
        {"somebody else's alias", 2, BYTES("\3bad\4test\0" CNAME "\0\2" SELF "\3bad\4test\0" A BAD),
         ARES_ENODATA, ""},
        {"an escaped dot in a label", 1, BYTES("\11good.test\0" A BAD), ARES_ENODATA, ""},
        {"a NUL in a label", 1, BYTES("\4good\4test\4\0bad\0" A BAD), ARES_ENODATA, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_read(&rows[i]);
}

static void broken_answers_are_refused(void **state)
{
    static const struct reading rows[] = {
        {"an alias of itself", 1, BYTES(SELF CNAME "\0\2" SELF), ARES_EBADRESP, ""},
        {"an alias longer than its record", 1, BYTES(SELF CNAME "\0\1\4real\xc0\x11"),
         ARES_EBADRESP, ""},
        {"an address that is too short", 1, BYTES(SELF A "\0\3\x0a\1\1"), ARES_EBADRESP, ""},
        {"an address that is too long", 1, BYTES(SELF A "\0\5\x0a\1\1\1\1"), ARES_EBADRESP, ""},
        {"fewer records than it says", 2, BYTES(SELF A ONE), ARES_EBADRESP, ""},
        {"a record that is cut", 1, BYTES(SELF A "\0\4\x0a\1"), ARES_EBADRESP, ""},
        {"a record without its fixed part", 1, BYTES(SELF "\0\1"), ARES_EBADRESP, ""},
        {"a name that points at itself", 1, BYTES("\xc0\x1b" A ONE), ARES_EBADRESP, ""},
        {"names that point at each other", 1, BYTES("\xc0\x1d\xc0\x1b" A ONE), ARES_EBADRESP, ""},
        {"a name that points out of the message", 1, BYTES("\xff\xff" A ONE), ARES_EBADRESP, ""},
        {"a label of a kind that there is not", 1, BYTES("\x80\x0c" A ONE), ARES_EBADRESP, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_read(&rows[i]);
}

static void an_answer_is_to_the_question(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {BYTES("")},
        {BYTES("\1\2\x81\x80\0\1\0\0\0\0\0")},
        {BYTES("\1\2\x81\x80\0\0\0\0\0\0\0\0")},
        {BYTES("\1\2\x81\x80\0\1\0\0\0\0\0\0")},
        {BYTES("\1\2\x81\x80\0\1\0\0\0\0\0\0\4good\4test\0\0\1\0")},
        {BYTES("\1\2\x81\x80\0\1\0\0\0\0\0\0\3bad\4test\0\0\1\0\1")},
        {BYTES("\1\2\x81\x80\0\1\0\0\0\0\0\0\4good\4test\0\0\x1c\0\1")},
        {BYTES("\1\2\x81\x80\0\1\0\0\0\0\0\0\4good\4test\0\0\1\0\3")},
        {BYTES("\1\2\x81\x80\0\2\0\0\0\0\0\0\4good\4test\0\0\1\0\1\3bad\4test\0\0\1\0\1")},
        {BYTES("\1\2\x81\x80\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct egress_answer answer;
        if (egress_answer_read((const unsigned char *)rows[i].bytes, rows[i].len, HOST,
                               EGRESS_TYPE_A, &answer) != ARES_EBADRESP ||
            answer.n != 0)
            fail_msg("row %zu is accepted", i);
    }
}

/* As many as there are: so many are kept, and long chains of aliases end. */
static void what_is_read_is_bounded(void **state)
{
    struct buf message = {0};
    struct egress_answer answer;
    (void)state;
    buf_add(&message, BYTES("\1\2\x81\x80\0\1\x0f\xa0\0\0\0\0\4good\4test\0\0\1\0\1"));
    for (int i = 0; i < 4000; i++)
        buf_add(&message, BYTES(SELF A ONE));
    assert_int_equal(egress_answer_read((unsigned char *)message.data, message.len, HOST,
                                        EGRESS_TYPE_A, &answer),
                     0);
    assert_int_equal(answer.n, EGRESS_ANSWER_MAX);
    buf_clear(&message);
    buf_add(&message, BYTES("\1\2\x81\x80\0\1\0\x15\0\0\0\0\4good\4test\0\0\1\0\1"));
    buf_add(&message, BYTES(SELF CNAME "\0\5\2a@\xc0\x11"));
    for (int i = 0; i < 19; i++) {
        char alias[] = "\2a@\xc0\x11" CNAME "\0\5\2aA\xc0\x11";
        alias[2] = (char)('@' + i);
        alias[17] = (char)('A' + i);
        buf_add(&message, alias, sizeof alias - 1);
    }
    buf_add(&message, BYTES("\2aS\xc0\x11" A ONE));
    assert_int_equal(egress_answer_read((unsigned char *)message.data, message.len, HOST,
                                        EGRESS_TYPE_A, &answer),
                     ARES_EBADRESP);
    buf_free(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_is_read_for_what_it_is),
        cmocka_unit_test(broken_answers_are_refused),
        cmocka_unit_test(an_answer_is_to_the_question),
        cmocka_unit_test(what_is_read_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
