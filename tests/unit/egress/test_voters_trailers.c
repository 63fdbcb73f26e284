/* SPDX-License-Identifier: Apache-2.0 */
/* Trailers of answers, which clients of HTTP/2 get: voters on answers judge them, too. */
#include "support/crossing.h"
#include "support/judge.h"

static const char deny_poison[] =
    "if r.response and r.response.headers['x-last'] == 'poison' then\n"
    "  return ballot:deny('POISON', 'response', 'bad trailer') end\n";

struct talk {
    struct crossing x;
    struct sluice_sandbox sandbox;
    char folder[32];
    struct pair_end *client;
    uint32_t stream;
};

static void begin(struct talk *t, const char *isolation)
{
    memset(t, 0, sizeof *t);
    strcpy(t->folder, "/tmp/trailers.XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    crossing_begin(&t->x, "access: full", NULL);
    origin_settle(&t->x.origins[0]);
    t->sandbox = (struct sluice_sandbox){.size = sizeof t->sandbox, .name = "demo", .id = "id"};
    t->x.scene.proxy.sandbox = &t->sandbox;
    struct inspectors *set = lua_inspectors_at(&t->x.scene.loop, t->folder, isolation,
                                               "inspect_responses = true,", deny_poison);
    egress_set_inspectors(&t->x.scene.proxy, set, NULL);
    inspectors_unref(set);
    t->client = crossing_get(&t->x, "/1");
    CROSS(&t->x, (t->stream = origin_asked(&t->x.origins[0], "/1")));
}

static void end(struct talk *t)
{
    char *path = alloc_printf("%s/judge.lua", t->folder);
    end_free(t->client);
    egress_set_inspectors(&t->x.scene.proxy, NULL, NULL);
    crossing_end(&t->x);
    unlink(path);
    rmdir(t->folder);
    free(path);
}

/* Voters see 4096 bytes of bodies; what follows those passes. */
enum { SHORT = 10, LONG = 9000 };

static void answer(struct talk *t, size_t length, const char *last)
{
    struct crossing_origin *origin = &t->x.origins[0];
    struct buf body = {0}, frames = {0};
    origin_begin_answer(origin, t->stream);
    for (size_t i = 0; i < length; i++)
        buf_putc(&body, 'b');
    origin_add(origin, t->stream, buf_str(&body), false);
    if (length == LONG)
        CROSS(&t->x, end_got(t->client, "bbb"));
    wire_headers(&frames, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, t->stream,
                 (const char *const[]){"x-last", last, NULL});
    origin_send(origin, &frames);
    buf_free(&body);
}

static void expect(size_t length, const char *isolation)
{
    struct talk t;
    begin(&t, isolation);
    answer(&t, length, "fine");
    CROSS(&t.x, end_got(t.client, "x-last: fine\r\n"));
    assert_true(end_got(t.client, "bbb"));
    end(&t);

    begin(&t, isolation);
    answer(&t, length, "poison");
    CROSS(&t.x, t.client->status || end_got(t.client, "voter_denied"));
    assert_false(end_got(t.client, "poison"));
    assert_int_equal(end_got(t.client, "bbb"), length == LONG);
    end(&t);
}

static void trailers_of_an_answer_are_judged(void **state)
{
    (void)state;
    expect(SHORT, "inline");
    expect(SHORT, "process");
}

static void trailers_behind_a_longer_body_are_judged(void **state)
{
    (void)state;
    expect(LONG, "inline");
    expect(LONG, "process");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trailers_of_an_answer_are_judged),
        cmocka_unit_test(trailers_behind_a_longer_body_are_judged),
    };
    network_enter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
