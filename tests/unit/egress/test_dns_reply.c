/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox's resolver says to each message, and that it reads nothing beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "egress/dns/reply.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES "tests/fixtures/egress/dns.txt"

enum { LINE_SIZE = 1024 };

struct dns_case {
    char name[LINE_SIZE];
    struct buf ask, answer;
    bool no_answer;
    struct egress_names *names;
};

static unsigned digit(char c)
{
    if (!isxdigit((unsigned char)c))
        fail_msg(CASES ": %c is no hexadecimal digit", c);
    return isdigit((unsigned char)c) ? (unsigned)(c - '0') : (unsigned)(tolower(c) - 'a' + 10);
}

static void add_name(struct buf *out, const char *name)
{
    uint8_t bytes[EGRESS_DNS_NAME_MAX];
    buf_add(out, bytes, egress_dns_name_write(name, bytes));
}

static void add_bytes(struct buf *out, char *text)
{
    char *rest;
    for (char *token = strtok_r(text, " \n", &rest); token; token = strtok_r(NULL, " \n", &rest)) {
        if (strncmp(token, "name:", 5) == 0)
            add_name(out, token + 5);
        else if (*token == '"')
            buf_add(out, token + 1, strlen(token) - 2);
        else
            for (size_t i = 0; token[i]; i += 2)
                buf_putc(out, (char)(digit(token[i]) << 4 | digit(token[i + 1])));
    }
}

static void take_line(struct dns_case *c, char *line)
{
    struct in_addr address;
    if (strncmp(line, "ask:", 4) == 0)
        add_bytes(&c->ask, line + 4);
    else if (strncmp(line, "answer: none", 12) == 0)
        c->no_answer = true;
    else if (strncmp(line, "answer:", 7) == 0)
        add_bytes(&c->answer, line + 7);
    else if (strncmp(line, "knows: ", 7) == 0)
        assert_true(egress_names_address(c->names, strtok(line + 7, "\n"), 0, &address));
    else
        fail_msg(CASES ": %s", line);
}

/* False: there is none. */
static bool read_case(FILE *file, struct dns_case *out)
{
    char line[LINE_SIZE];
    *out = (struct dns_case){.names = egress_names_new()};
    while (fgets(line, sizeof line, file) && (*line != '\n' || !*out->name)) {
        if (strncmp(line, "case: ", 6) == 0)
            snprintf(out->name, sizeof out->name, "%s", strtok(line + 6, "\n"));
        else if (*line != '#' && *line != '\n')
            take_line(out, line);
    }
    return *out->name;
}

static void free_case(struct dns_case *c)
{
    buf_free(&c->ask);
    buf_free(&c->answer);
    egress_names_free(c->names);
}

/* The message in memory of exactly its size, so that a read past its end is seen. */
static size_t reply(const struct egress_dns_zone *zone, const struct buf *ask, size_t len,
                    uint8_t out[EGRESS_DNS_ANSWER_SIZE])
{
    uint8_t *exact = alloc_bytes(len + 1), *bytes = exact + 1;
    if (len > 0)
        memcpy(bytes, ask->data, len);
    size_t n = egress_dns_reply(zone, bytes, len, 0, out);
    free(exact);
    return n;
}

static void print_hex(const char *what, const void *bytes, size_t len)
{
    fprintf(stderr, "%s: ", what);
    for (size_t i = 0; i < len; i++)
        fprintf(stderr, "%02x", ((const uint8_t *)bytes)[i]);
    fprintf(stderr, "\n");
}

static void check_case(const struct dns_case *c)
{
    struct egress_dns_zone zone = {c->names, "box"};
    uint8_t out[EGRESS_DNS_ANSWER_SIZE];
    size_t len = reply(&zone, &c->ask, c->ask.len, out);
    if (len != c->answer.len || (len > 0 && memcmp(out, c->answer.data, len) != 0)) {
        print_hex("expected", c->answer.data, c->answer.len);
        print_hex("got", out, len);
        fail_msg("%s", c->name);
    }
    assert_int_equal(c->no_answer, len == 0);
}

/* No beginning of a query that succeeds does. */
static void check_beginnings(const struct dns_case *c)
{
    struct egress_dns_zone zone = {c->names, "box"};
    uint8_t out[EGRESS_DNS_ANSWER_SIZE];
    bool whole = c->answer.len > 0 && (c->answer.data[3] & 15) == DNS_NO_ERROR;
    for (size_t len = 0; whole && len < c->ask.len; len++)
        if (reply(&zone, &c->ask, len, out) > 0 && (out[3] & 15) == DNS_NO_ERROR)
            fail_msg("%s: %zu bytes of it were answered", c->name, len);
}

static void each_message_has_its_answer(void **state)
{
    FILE *file = fopen(CASES, "r");
    struct dns_case c;
    int n = 0;
    (void)state;
    assert_non_null(file);
    while (read_case(file, &c)) {
        check_case(&c);
        check_beginnings(&c);
        free_case(&c);
        n++;
    }
    free_case(&c);
    fclose(file);
    assert_true(n >= 50);
}

/* Each byte of a query changed to each value: whatever is answered is an answer to what was
 * asked. */
static void a_changed_message_does_no_harm(void **state)
{
    struct egress_names *names = egress_names_new();
    struct egress_dns_zone zone = {names, "box"};
    struct buf ask = {0};
    uint8_t out[EGRESS_DNS_ANSWER_SIZE];
    char text[] = "1234 0100 0001 0000 0000 0001 name:api.example.com 0001 0001 "
                  "00 0029 1000 00000000 000c 000a 0008 0102030405060708";
    (void)state;
    add_bytes(&ask, text);
    for (size_t i = 0; i < ask.len; i++)
        for (unsigned value = 0; value < 256; value++) {
            char was = ask.data[i];
            ask.data[i] = (char)value;
            size_t len = reply(&zone, &ask, ask.len, out);
            if (len > 0 && (memcmp(out, ask.data, 2) != 0 || !(out[2] & 0x80) || len < 12 ||
                            len > ask.len + 16))
                fail_msg("byte %zu as %u: not an answer to it", i, value);
            ask.data[i] = was;
        }
    buf_free(&ask);
    egress_names_free(names);
}

/* The most that an answer can add to a question, by which a flood of them could grow. */
static void an_answer_is_hardly_longer_than_its_question(void **state)
{
    struct egress_names *names = egress_names_new();
    struct egress_dns_zone zone = {names, "box"};
    struct buf ask = {0};
    uint8_t out[EGRESS_DNS_ANSWER_SIZE];
    char text[] = "1234 0100 0001 0000 0000 0001 name:a 0001 0001 00 0029 ffff 00000000 0000";
    (void)state;
    add_bytes(&ask, text);
    assert_int_equal(reply(&zone, &ask, ask.len, out), ask.len + 16);
    buf_free(&ask);
    egress_names_free(names);
}

static void a_full_table_is_a_failure_of_the_server(void **state)
{
    struct egress_names *names = egress_names_new();
    struct egress_dns_zone zone = {names, "box"};
    struct buf ask = {0};
    uint8_t out[EGRESS_DNS_ANSWER_SIZE];
    struct in_addr address;
    char host[16], text[] = "1234 0100 0001 0000 0000 0000 name:late.test 0001 0001";
    (void)state;
    for (int i = 0; i < EGRESS_NAMES_MAX; i++) {
        snprintf(host, sizeof host, "n%d.test", i);
        assert_true(egress_names_address(names, host, 0, &address));
    }
    add_bytes(&ask, text);
    assert_true(reply(&zone, &ask, ask.len, out) > 0);
    assert_int_equal(out[3] & 15, DNS_SERVER_FAILURE);
    buf_free(&ask);
    egress_names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_has_its_answer),
        cmocka_unit_test(a_changed_message_does_no_harm),
        cmocka_unit_test(an_answer_is_hardly_longer_than_its_question),
        cmocka_unit_test(a_full_table_is_a_failure_of_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
