/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of tools that are reduced, in answers and in events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "egress/answer/tools.h"

static bool may_call(void *ctx, const char *tool)
{
    ++*(unsigned *)ctx;
    return strncmp(tool, "read", 4) == 0;
}

static struct http_head *head_of(const char *type, const char *coding)
{
    static struct http_field fields[2];
    static struct http_head head;
    fields[0] = (struct http_field){(char *)(uintptr_t)"Content-Type", (char *)(uintptr_t)type};
    fields[1] = (struct http_field){(char *)(uintptr_t)"Content-Encoding",
                                    (char *)(uintptr_t)coding};
    head = (struct http_head){.status = 200, .fields = fields, .n_fields = coding ? 2 : 1};
    return &head;
}

static struct egress_tools_room room;

/* The body as it passes, when it comes in pieces of so many bytes. */
static char *passed(const char *type, const char *body, size_t len, size_t piece)
{
    unsigned asked = 0;
    struct buf out = {0};
    struct egress_tools *tools = egress_tools_new(head_of(type, NULL), may_call, &asked, &room);
    assert_non_null(tools);
    room.now++;
    for (size_t i = 0; i < len; i += piece)
        egress_tools_add(tools, body + i, len - i < piece ? len - i : piece, &out);
    egress_tools_end(tools, &out);
    egress_tools_free(tools);
    buf_puts(&out, "");
    return buf_take(&out);
}

#define LIST(tools) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[" tools "]}}"
#define READ "{\"name\":\"read_a\",\"n\":1.50}"
#define DROP "{\"name\":\"drop_a\"}"

static const struct {
    const char *name, *type, *body, *expected;      /* expected NULL: the body */
} cases[] = {
    {"a tool is left out", "application/json", LIST(READ "," DROP), LIST(READ)},
    {"all are left out", "application/json; charset=utf-8", LIST(DROP "," DROP), LIST("")},
    {"none is left out", "application/json", LIST(READ " , " READ), NULL},
    {"a batch", "application/json", "[" LIST(DROP) "," LIST(READ) "]",
     "[" LIST("") "," LIST(READ) "]"},
    {"a tool without a name stays", "application/json", LIST("{\"x\":1}, " "7"), NULL},
    {"no list", "application/json", "{\"result\":{\"tools\":{\"name\":\"drop\"}}}", NULL},
    {"tools elsewhere", "application/json", "{\"tools\":[" DROP "]}", NULL},
    {"no JSON", "application/json", "{\"tools\":[" DROP, NULL},
    {"written twice", "application/json", "{\"result\":{\"tools\":[" DROP "],\"tools\":[]}}", NULL},
    {"nothing", "application/json", "", NULL},
    {"an event", "text/event-stream", "event: message\nid: 3\ndata: " LIST(DROP) "\n\n",
     "event: message\nid: 3\ndata: " LIST("") "\n\n"},
    {"an event with CR LF", "text/event-stream", "id:3\r\ndata:" LIST(DROP) "\r\n\r\n",
     "id:3\r\ndata: " LIST("") "\n\r\n"},
    {"an event with CR", "text/event-stream", "data:" LIST(DROP) "\r\rdata: x\r\r",
     "data: " LIST("") "\n\rdata: x\r\r"},
    {"data in two lines", "text/event-stream",
     "data: {\"result\":{\ndata: \"tools\":[" DROP "]}}\nretry: 1\n\n",
     "data: {\"result\":{\"tools\":[]}}\nretry: 1\n\n"},
    {"other events keep their bytes", "text/event-stream",
     ": hello\n\ndata: " LIST(READ) "\n\ndata\ndatax: 1\ndata: {\n\n\n\r\n", NULL},
    {"an event between others", "text/event-stream",
     "data: 1\n\ndata: " LIST(DROP "," READ) "\n\ndata: 2\n\n",
     "data: 1\n\ndata: " LIST(READ) "\n\ndata: 2\n\n"},
    {"an event that is cut off", "text/event-stream", "data: " LIST(DROP) "\n", NULL},
    {"a request of the server", "text/event-stream",
     "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\"}\n\n", NULL},
};

static void each_answer_passes_as_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece < 200; piece += 13) {
            const char *body = cases[i].body;
            char *out = passed(cases[i].type, body, strlen(body), piece);
            const char *expected = cases[i].expected ? cases[i].expected : body;
            if (strcmp(out, expected) != 0)
                fail_msg("%s, in pieces of %zu: %s", cases[i].name, piece, out);
            free(out);
        }
}

/* An event leaves when its last byte has come, the second half of its last line's end too. */
static void an_event_does_not_wait(void **state)
{
    (void)state;
    static const char *const events[] = {"data: x\n\n", "data: x\r\n\r\n", ": ping\n\n"};
    unsigned asked = 0;
    struct buf out = {0};
    for (size_t i = 0; i < 3; i++) {
        struct egress_tools *tools =
            egress_tools_new(head_of("text/event-stream", NULL), may_call, &asked, &room);
        for (int round = 0; round < 2; round++) {
            buf_clear(&out);
            for (const char *p = events[i]; *p; p++)
                egress_tools_add(tools, p, 1, &out);
            assert_string_equal(buf_str(&out), events[i]);
        }
        egress_tools_free(tools);
    }
    buf_free(&out);
    assert_int_equal(asked, 0);
}

/* What is too long passes as it is, and so does all that follows. */
static void what_is_too_long_passes(void **state)
{
    (void)state;
    static const char *const types[] = {"application/json", "text/event-stream"};
    static const char begin[] = "data: " LIST(DROP) " ";
    for (size_t i = 0; i < 2; i++) {
        size_t len = EGRESS_TOOLS_MAX + 200000;
        char *body = malloc(len + 1);
        memset(body, ' ', len);
        memcpy(body, begin, sizeof begin - 1);
        memcpy(body + len - 2, "\n\n", 3);
        char *out = passed(types[i], body, len, 65536);
        assert_string_equal(out, body);
        free(out);
        free(body);
    }
}

/* One answer more than there is room for, none of them whole. */
static void what_all_hold_is_bounded(void **state)
{
    enum { N = EGRESS_TOOLS_HELD_MAX / EGRESS_TOOLS_MAX + 1, PIECE = 64 * 1024 };
    static char piece[PIECE];
    struct egress_tools *all[N];
    struct buf out = {0};
    unsigned asked = 0;
    size_t most = 0, from = 0;
    (void)state;
    for (size_t i = 0; i < N; i++)
        all[i] = egress_tools_new(head_of(i % 2 ? "text/event-stream" : "application/json", NULL),
                                  may_call, &asked, &room);
    for (; from + PIECE <= EGRESS_TOOLS_MAX; from += PIECE)
        for (size_t i = 0; i < N; i++) {
            egress_tools_add(all[i], piece, PIECE, &out);
            most = room.held > most ? room.held : most;
        }
    assert_true(most > EGRESS_TOOLS_HELD_MAX / 2 && most <= EGRESS_TOOLS_HELD_MAX + 2 * from);
    assert_true(room.held <= EGRESS_TOOLS_HELD_MAX);
    for (size_t i = 0; i < N; i++) {
        egress_tools_end(all[i], &out);
        egress_tools_free(all[i]);
    }
    assert_int_equal(out.len, N * from);
    assert_int_equal(room.held, 0);
    buf_free(&out);
}

/* Several long ones at a time: the first is read, those that do not fit beside it pass. */
static void reading_leaves_time_to_others(void **state)
{
    static const char list[] = LIST(DROP);
    size_t len = EGRESS_TOOLS_READ_MAX;
    struct buf out = {0};
    unsigned asked = 0;
    (void)state;
    char *body = malloc(len);
    memset(body, ' ', len);
    memcpy(body, list, sizeof list - 1);
    room.now++;
    for (int i = 0; i < 3; i++) {
        room.now += i == 2;                         /* the loop has looked at its sockets */
        buf_clear(&out);
        struct egress_tools *tools =
            egress_tools_new(head_of("application/json", NULL), may_call, &asked, &room);
        egress_tools_add(tools, body, len, &out);
        egress_tools_end(tools, &out);
        egress_tools_free(tools);
        assert_int_equal(out.len == len, i == 1);
    }
    buf_free(&out);
    free(body);
}

static void what_cannot_be_read_is_not_begun(void **state)
{
    (void)state;
    struct http_head *failed = head_of("application/json", NULL);
    failed->status = 202;
    assert_null(egress_tools_new(failed, may_call, NULL, &room));
    assert_null(egress_tools_new(head_of("application/json", "gzip"), may_call, NULL, &room));
    assert_null(egress_tools_new(head_of("application/jsonx", NULL), may_call, NULL, &room));
    assert_null(egress_tools_new(head_of("text/html", NULL), may_call, NULL, &room));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_passes_as_it_should),
        cmocka_unit_test(an_event_does_not_wait),
        cmocka_unit_test(what_is_too_long_passes),
        cmocka_unit_test(what_all_hold_is_bounded),
        cmocka_unit_test(reading_leaves_time_to_others),
        cmocka_unit_test(what_cannot_be_read_is_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
