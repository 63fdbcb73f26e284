/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on a server of HTTP/2: statuses, deadlines, cancellation, and streams both ways. */
#include "support/http.h"
#include "support/http2_floods.h"

#include "grpc/call.h"
#include "http2/server.h"

enum { PIECE = 16 * 1024 };

struct served {                                     /* by the methods of this test */
    unsigned begun, cancelled, half_closed, drained;
    size_t received;
    struct grpc_call *call;
};

static struct served served;

static void begin_any(struct grpc_call *call)
{
    served.begun++;
    served.call = call;
}

static void cancelled(struct grpc_call *call)
{
    (void)call;
    served.cancelled++;
    served.call = NULL;
}

static void echo_message(struct grpc_call *call, const char *bytes, size_t len)
{
    grpc_reply(call, bytes, len);
}

static void fail_message(struct grpc_call *call, const char *bytes, size_t len)
{
    (void)bytes, (void)len;
    grpc_end(call, GRPC_FAILED_PRECONDITION, "not\nnow: %d%%", 7);
}

static void keep_message(struct grpc_call *call, const char *bytes, size_t len)
{
    (void)bytes;
    served.call = call;
    served.received += len;
}

static void chat_message(struct grpc_call *call, const char *bytes, size_t len)
{
    served.received += len;
    grpc_send(call, bytes, len);
}

static void pause_after_message(struct grpc_call *call, const char *bytes, size_t len)
{
    (void)bytes;
    served.call = call;
    served.received += len;
    grpc_pause(call);
}

static void half_closed(struct grpc_call *call)
{
    served.half_closed++;
    grpc_end(call, GRPC_OK, "%s", "");
}

static void drained(struct grpc_call *call)
{
    (void)call;
    served.drained++;
}

static const struct grpc_method methods[] = {
    {.name = "Echo", .message = echo_message, .max = 1000},
    {.name = "Fail", .message = fail_message},
    {.name = "Hold", .message = keep_message, .begin = begin_any, .cancelled = cancelled},
    {.name = "Secret", .permission = AUTH_POLICY_CHANGE, .message = echo_message},
    {.name = "Stream",
     .kind = GRPC_SERVER_STREAMS,
     .message = keep_message,
     .drained = drained,
     .cancelled = cancelled},
    {.name = "Chat",
     .kind = GRPC_SERVER_STREAMS | GRPC_CLIENT_STREAMS,
     .begin = begin_any,
     .message = chat_message,
     .half_closed = half_closed,
     .cancelled = cancelled},
    {.name = "OneByOne",
     .kind = GRPC_CLIENT_STREAMS,
     .message = pause_after_message,
     .half_closed = half_closed},
    {.name = "Slow",
     .permission = AUTH_GATEWAY_READ,
     .kind = GRPC_SERVER_STREAMS | GRPC_CLIENT_STREAMS,
     .begin = begin_any,
     .message = keep_message,
     .half_closed = half_closed,
     .cancelled = cancelled},
};
static const struct grpc_methods own = {"test.Test", methods, sizeof methods / sizeof *methods};
static const struct grpc_methods *const list[] = {&own, &grpc_health_methods,
                                                  &grpc_reflection_methods};
static const struct grpc_services services = {list, 3};

struct scene {
    struct fixture *f;
    struct raw *raw;
    struct auth auth;
    struct grpc grpc;
    _Atomic bool draining;
};

static const char *nobody(void *ctx, const char *token)
{
    (void)ctx, (void)token;
    return NULL;
}

static struct scene *begin_over(bool tcp)
{
    static const struct http_router router = {0};
    struct scene *s = alloc_zero(1, sizeof *s);
    struct buf out = {0};
    served = (struct served){0};
    s->f = fixture_new();
    s->auth.log = &s->f->log;
    s->auth.find_supervisor = nobody;
    s->grpc = (struct grpc){.loop = &s->f->loop, .log = &s->f->log, .auth = &s->auth,
                            .draining = &s->draining, .services = &services};
    fixture_serve(s->f, NULL, &router, tcp);
    http_server_carry(s->f->server, &http2_protocol);
    http_server_offer(s->f->server, &grpc_service, &s->grpc);
    s->raw = raw_new(s->f);
    wire_preface(&out);
    wire_frame(&out, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\x7f\0\0", 4);
    raw_send(s->raw, out.data, out.len);
    buf_free(&out);
    return s;
}

static struct scene *begin(void)
{
    return begin_over(false);
}

static void end(struct scene *s)
{
    raw_free(s->raw);
    fixture_free(s->f);
    free(s);
}

static bool said(struct scene *s, const char *text)
{
    struct buf all = {0};
    wire_print(&s->raw->got, &all);
    bool is = strstr(buf_str(&all), text) != NULL;
    buf_free(&all);
    return is;
}

/* The head of a call; more: further fields. */
static void call_with(struct scene *s, uint32_t id, const char *path, const char *const *more)
{
    struct buf block = {0}, out = {0};
    const char *const fields[] = {":method",     "POST", ":scheme", "http",         ":authority",
                                  "localhost",   ":path", path,     "te",           "trailers"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i += 2)
        wire_field(&block, fields[i], fields[i + 1]);
    for (; *more; more += 2)
        wire_field(&block, more[0], more[1]);
    wire_frame(&out, NGHTTP2_HEADERS, END_HEADERS, id, block.data, block.len);
    raw_send(s->raw, out.data, out.len);
    buf_free(&block);
    buf_free(&out);
}

#define FIELDS(...) ((const char *const[]){"content-type", "application/grpc", __VA_ARGS__, NULL})
#define NO_MORE ((const char *const[]){"content-type", "application/grpc", NULL})

static void data(struct scene *s, uint32_t id, unsigned char flags, const void *bytes, size_t len)
{
    struct buf out = {0};
    wire_frame(&out, NGHTTP2_DATA, flags, id, bytes, len);
    raw_send(s->raw, out.data, out.len);
    buf_free(&out);
}

static void message(struct scene *s, uint32_t id, unsigned char flags, const char *text)
{
    struct buf out = {0};
    grpc_frames_put(&out, text, strlen(text));
    data(s, id, flags, out.data, out.len);
    buf_free(&out);
}

static void reset_with(struct scene *s, uint32_t id, const char code[4])
{
    struct buf out = {0};
    wire_frame(&out, NGHTTP2_RST_STREAM, 0, id, code, 4);
    raw_send(s->raw, out.data, out.len);
    buf_free(&out);
}

static void reset(struct scene *s, uint32_t id)
{
    reset_with(s, id, "\0\0\0\x8");
}

static void unary(struct scene *s, uint32_t id, const char *path, const char *text)
{
    call_with(s, id, path, NO_MORE);
    message(s, id, END_STREAM, text);
}

static void a_unary_call_has_head_message_and_trailers(void **state)
{
    struct scene *s = begin();
    (void)state;
    unary(s, 1, "/test.Test/Echo", "hi");
    RUN_UNTIL(s->f, said(s, "HEADERS 1 end grpc-status=0\n"));
    assert_true(said(s, "HEADERS 1 :status=200"));
    assert_true(said(s, "content-type=application/grpc\n"));
    assert_non_null(memmem(s->raw->got.data, s->raw->got.len, "\0\0\0\0\2hi", 7));
    end(s);
}

static void an_error_is_trailers_only(void **state)
{
    static const struct {
        const char *path, *status;
    } cases[] = {
        {"/test.Test/Fail", "grpc-status=9 grpc-message=not%0Anow: 7%25"},
        {"/test.Test/Nothing",
         "grpc-status=12 grpc-message=this gateway does not offer the method Nothing of test.Test"},
        {"/other.Service/Echo",
         "grpc-status=12 grpc-message=this gateway does not offer the service other.Service"},
        {"/test.Test",
         "grpc-status=12 grpc-message=this gateway does not offer the method  of test.Test"},
    };
    struct scene *s = begin();
    (void)state;
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unary(s, 2 * i + 1, cases[i].path, "hi");
        RUN_UNTIL(s->f, said(s, cases[i].status));
        char head[40];
        snprintf(head, sizeof head, "HEADERS %u end :status=200", 2 * i + 1);
        assert_true(said(s, head));
    }
    end(s);
}

static void what_is_no_unary_call_is_refused(void **state)
{
    struct scene *s = begin();
    char large[1500] = "";
    (void)state;
    memset(large, 'x', sizeof large - 1);
    call_with(s, 1, "/test.Test/Echo", NO_MORE);
    data(s, 1, END_STREAM, "", 0);
    RUN_UNTIL(s->f, said(s, "grpc-status=13 grpc-message=the method takes one message, and none"));
    call_with(s, 3, "/test.Test/Echo", NO_MORE);
    message(s, 3, 0, "one");
    message(s, 3, 0, "two");
    RUN_UNTIL(s->f, said(s, "grpc-status=13 grpc-message=the method takes one message, and more"));
    RUN_UNTIL(s->f, said(s, "RST_STREAM 3 NO_ERROR\n"));
    call_with(s, 5, "/test.Test/Echo", NO_MORE);
    data(s, 5, END_STREAM, "\0\0\0\0\5abc", 8);
    RUN_UNTIL(s->f, said(s, "grpc-status=13 grpc-message=the request ends within a message"));
    unary(s, 7, "/test.Test/Echo", large);
    RUN_UNTIL(s->f, said(s, "grpc-status=8 grpc-message=the message has more than 1000 bytes"));
    call_with(s, 9, "/test.Test/Echo", FIELDS("grpc-timeout", "soon"));
    RUN_UNTIL(s->f, said(s, "HEADERS 9 end :status=200"));
    call_with(s, 11, "/test.Test/Echo", FIELDS("grpc-encoding", "br"));
    RUN_UNTIL(s->f, said(s, "grpc-accept-encoding=identity,deflate,gzip grpc-status=12"));
    end(s);
}

static void only_grpc_is_taken(void **state)
{
    static const char *const types[] = {"application/grpc+json", "application/grpc-web",
                                        "text/plain"};
    static const char *const statuses[] = {":status=415", ":status=404", ":status=404"};
    struct scene *s = begin();
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        char head[40];
        call_with(s, 2 * i + 1, "/test.Test/Echo",
                  (const char *const[]){"content-type", types[i], NULL});
        snprintf(head, sizeof head, "HEADERS %u %s", 2 * i + 1, statuses[i]);
        RUN_UNTIL(s->f, said(s, head));
    }
    call_with(s, 7, "/test.Test/Echo",
              (const char *const[]){"content-type", "Application/gRPC+proto; v=1", NULL});
    message(s, 7, END_STREAM, "hi");
    RUN_UNTIL(s->f, said(s, "HEADERS 7 end grpc-status=0\n"));
    end(s);
}

/* ---- who asks ---- */

static void permissions_are_asked_for(void **state)
{
    struct scene *s = begin_over(true);
    (void)state;
    call_with(s, 1, "/test.Test/Secret", FIELDS("authorization", "Bearer nonsense"));
    RUN_UNTIL(s->f, said(s, "HEADERS 1 end :status=200") && said(s, "grpc-status=16"));
    call_with(s, 3, "/grpc.health.v1.Health/Watch", FIELDS("authorization", "Bearer nonsense"));
    RUN_UNTIL(s->f, said(s, "HEADERS 3 end :status=200"));
    unary(s, 5, "/grpc.health.v1.Health/Check", "");
    RUN_UNTIL(s->f, said(s, "HEADERS 5 end grpc-status=0\n"));
    end(s);
}

/* Callers who are not known may send 4 KiB a message. */
static void strangers_send_little(void **state)
{
    struct scene *s = begin();
    char large[GRPC_STRANGER_MAX + 2] = "";
    (void)state;
    memset(large, 'x', sizeof large - 1);
    unary(s, 1, "/test.Test/Fail", large);
    RUN_UNTIL(s->f, said(s, "grpc-status=8 grpc-message=the message has more than 4096 bytes"));
    unary(s, 3, "/test.Test/Secret", large);
    RUN_UNTIL(s->f, said(s, "HEADERS 3 end grpc-status=0\n"));
    end(s);
}

static void a_gateway_that_stops_takes_no_calls(void **state)
{
    struct scene *s = begin();
    (void)state;
    s->draining = true;
    unary(s, 1, "/test.Test/Secret", "hi");
    RUN_UNTIL(s->f, said(s, "grpc-status=14 grpc-message=the gateway is stopping"));
    unary(s, 3, "/grpc.health.v1.Health/Check", "");
    RUN_UNTIL(s->f, said(s, "HEADERS 3 end grpc-status=0\n"));
    assert_non_null(memmem(s->raw->got.data, s->raw->got.len, "\0\0\0\0\2\x8\2", 7));
    end(s);
}

/* ---- the end of a call ---- */

static void deadlines_end_calls(void **state)
{
    struct scene *s = begin();
    (void)state;
    call_with(s, 1, "/test.Test/Hold", FIELDS("grpc-timeout", "30m"));
    message(s, 1, END_STREAM, "hi");
    RUN_UNTIL(s->f, said(s, "grpc-status=4 grpc-message=the deadline has passed"));
    assert_int_equal(served.cancelled, 1);
    call_with(s, 3, "/test.Test/Stream", FIELDS("grpc-timeout", "30m"));
    message(s, 3, END_STREAM, "hi");
    RUN_UNTIL(s->f, said(s, "HEADERS 3 end grpc-status=4"));
    assert_int_equal(served.cancelled, 2);
    call_with(s, 5, "/test.Test/Hold", FIELDS("grpc-timeout", "0n"));
    RUN_UNTIL(s->f, said(s, "grpc-message=the request did not come before the deadline"));
    end(s);
}

static void a_reset_cancels_a_call_wherever_it_is(void **state)
{
    struct scene *s = begin();
    (void)state;
    call_with(s, 1, "/test.Test/Hold", NO_MORE);
    RUN_UNTIL(s->f, served.begun == 1);
    reset(s, 1);                                    /* before its message */
    RUN_UNTIL(s->f, served.cancelled == 1);
    unary(s, 3, "/test.Test/Hold", "hi");
    RUN_UNTIL(s->f, served.received == 2);
    reset(s, 3);
    RUN_UNTIL(s->f, served.cancelled == 2);
    unary(s, 5, "/test.Test/Stream", "hi");
    RUN_UNTIL(s->f, served.received == 4);
    reset(s, 5);
    RUN_UNTIL(s->f, served.cancelled == 3);
    call_with(s, 7, "/test.Test/Chat", NO_MORE);
    message(s, 7, 0, "hi");
    RUN_UNTIL(s->f, served.received == 6);
    reset(s, 7);
    RUN_UNTIL(s->f, served.cancelled == 4);
    unary(s, 9, "/test.Test/Stream", "hi");
    RUN_UNTIL(s->f, served.received == 8);
    reset_with(s, 9, "\0\0\0\0");                 /* NO_ERROR */
    RUN_UNTIL(s->f, served.cancelled == 5);
    unary(s, 11, "/test.Test/Echo", "hi");
    RUN_UNTIL(s->f, said(s, "HEADERS 11 end grpc-status=0\n"));
    RUN_UNTIL(s->f, http_server_stats(s->f->server).streams == 0);
    end(s);
}

static void a_lost_connection_cancels_all_calls(void **state)
{
    struct scene *s = begin();
    (void)state;
    unary(s, 1, "/test.Test/Hold", "hi");
    unary(s, 3, "/test.Test/Stream", "hi");
    call_with(s, 5, "/test.Test/Chat", NO_MORE);
    RUN_UNTIL(s->f, served.received == 4 && served.begun == 2);
    raw_free(s->raw);
    RUN_UNTIL(s->f, served.cancelled == 3);
    s->raw = raw_new(s->f);
    end(s);
}

static void drained_server(void *ctx)
{
    ((struct fixture *)ctx)->drained++;
}

static void a_drain_ends_streams_with_a_status(void **state)
{
    struct scene *s = begin();
    (void)state;
    unary(s, 1, "/test.Test/Stream", "hi");
    RUN_UNTIL(s->f, said(s, "HEADERS 1 :status=200"));
    http_server_drain(s->f->server, drained_server, s->f);
    RUN_UNTIL(s->f, said(s, "HEADERS 1 end grpc-status=14 grpc-message=the gateway is stopping\n"));
    RUN_UNTIL(s->f, s->f->drained);
    assert_int_equal(served.cancelled, 1);
    end(s);
}

/* ---- streams ---- */

static void both_sides_speak_as_they_like(void **state)
{
    struct scene *s = begin();
    (void)state;
    call_with(s, 1, "/test.Test/Chat", NO_MORE);
    RUN_UNTIL(s->f, said(s, "HEADERS 1 :status=200"));  /* before any message */
    message(s, 1, 0, "one");
    RUN_UNTIL(s->f, memmem(s->raw->got.data, s->raw->got.len, "\3one", 4));
    message(s, 1, 0, "two");
    RUN_UNTIL(s->f, memmem(s->raw->got.data, s->raw->got.len, "\3two", 4));
    message(s, 1, END_STREAM, "end");
    RUN_UNTIL(s->f, said(s, "HEADERS 1 end grpc-status=0\n"));
    assert_int_equal(served.half_closed, 1);
    assert_non_null(memmem(s->raw->got.data, s->raw->got.len, "\3end", 4));
    end(s);
}

/* The client's windows are 64 KiB: what it does not read waits at the gateway, which hears of
 * it. */
static void a_method_hears_when_its_client_is_slow(void **state)
{
    static char large[PIECE];
    struct scene *s = begin();
    struct buf out = {0};
    unsigned sent = 0;
    (void)state;
    unary(s, 1, "/test.Test/Stream", "hi");
    RUN_UNTIL(s->f, served.call);
    while (grpc_send(served.call, large, sizeof large))
        sent++;
    assert_in_range(sent, 4, 40);
    assert_int_equal(served.drained, 0);
    wire_frame(&out, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\x7f\0\0", 4);
    raw_send(s->raw, out.data, out.len);
    RUN_UNTIL(s->f, served.drained == 1);
    grpc_end(served.call, GRPC_OK, "%s", "");
    RUN_UNTIL(s->f, said(s, "HEADERS 1 end grpc-status=0\n"));
    buf_free(&out);
    end(s);
}

/* A method that does not read stops its client, and no other call. */
static void a_client_hears_when_its_method_is_slow(void **state)
{
    static char large[PIECE];
    struct scene *s = begin();
    struct buf framed = {0};
    (void)state;
    grpc_frames_put(&framed, large, sizeof large - GRPC_PREFIX_SIZE);
    call_with(s, 1, "/test.Test/Slow", NO_MORE);
    RUN_UNTIL(s->f, served.begun == 1);
    grpc_pause(served.call);
    for (int i = 0; i < 4; i++)                     /* a window of 64 KiB */
        data(s, 1, 0, framed.data, framed.len);
    unary(s, 3, "/test.Test/Echo", "hi");
    RUN_UNTIL(s->f, said(s, "HEADERS 3 end grpc-status=0\n"));
    assert_int_equal(served.received, 0);
    grpc_resume(served.call);
    RUN_UNTIL(s->f, served.received == 4 * (PIECE - GRPC_PREFIX_SIZE));
    data(s, 1, END_STREAM, "", 0);
    RUN_UNTIL(s->f, said(s, "HEADERS 1 end grpc-status=0\n"));
    buf_free(&framed);
    end(s);
}

/* They come in one piece, in which nothing else would have its turn. */
static void messages_wait_for_a_method_that_pauses(void **state)
{
    struct scene *s = begin();
    struct buf framed = {0};
    (void)state;
    for (int i = 0; i < 3; i++)
        grpc_frames_put(&framed, "one", 3);
    call_with(s, 1, "/test.Test/OneByOne", NO_MORE);
    data(s, 1, END_STREAM, framed.data, framed.len);
    for (unsigned i = 1; i <= 3; i++) {
        RUN_UNTIL(s->f, served.received >= 3);
        unary(s, 2 * i + 1, "/test.Test/Echo", "hi");
        char line[64];
        snprintf(line, sizeof line, "HEADERS %u end grpc-status=0\n", 2 * i + 1);
        RUN_UNTIL(s->f, said(s, line));
        assert_int_equal(served.received, 3 * i);
        assert_int_equal(served.half_closed, 0);
        grpc_resume(served.call);
    }
    RUN_UNTIL(s->f, served.half_closed == 1 && said(s, "HEADERS 1 end :status=200"));
    buf_free(&framed);
    end(s);
}

static void questions_of_reflection_that_are_none_are_refused(void **state)
{
    static const char *const questions[] = {"",
                                            "\x3a",
                                            "\x3a\xff",
                                            "\x3a\x05*",
                                            "\x08\x01",
                                            "\x0a\x01h",
                                            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                                            "\x3a\x80"};
    struct scene *s = begin();
    (void)state;
    for (uint32_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        char end_line[60];
        unary(s, 2 * i + 1, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
              questions[i]);
        snprintf(end_line, sizeof end_line,
                 "HEADERS %u end grpc-status=3 grpc-message=the message is", 2 * i + 1);
        RUN_UNTIL(s->f, said(s, end_line));
    }
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unary_call_has_head_message_and_trailers),
        cmocka_unit_test(an_error_is_trailers_only),
        cmocka_unit_test(what_is_no_unary_call_is_refused),
        cmocka_unit_test(only_grpc_is_taken),
        cmocka_unit_test(permissions_are_asked_for),
        cmocka_unit_test(strangers_send_little),
        cmocka_unit_test(a_gateway_that_stops_takes_no_calls),
        cmocka_unit_test(deadlines_end_calls),
        cmocka_unit_test(a_reset_cancels_a_call_wherever_it_is),
        cmocka_unit_test(a_lost_connection_cancels_all_calls),
        cmocka_unit_test(a_drain_ends_streams_with_a_status),
        cmocka_unit_test(both_sides_speak_as_they_like),
        cmocka_unit_test(questions_of_reflection_that_are_none_are_refused),
        cmocka_unit_test(a_method_hears_when_its_client_is_slow),
        cmocka_unit_test(a_client_hears_when_its_method_is_slow),
        cmocka_unit_test(messages_wait_for_a_method_that_pauses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
