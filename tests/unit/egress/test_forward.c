/* SPDX-License-Identifier: Apache-2.0 */
/* Forwarded requests.  What one request and one response become is data: exchanges.txt. */
#include "support/rig.h"
#include "support/http_corpus.h"

#define EXCHANGES "tests/fixtures/egress/exchanges.txt"

/* A proxy that lets everybody to the origin by two names, and a client that has not asked yet. */
struct scene {
    struct rig rig;
    struct puppet puppet;
};

static int open_scene(void **state)
{
    static struct scene scene;
    rig_start(&scene.rig, "origin.test 0 /**\nother.test 0 /**");
    scene.puppet = rig_puppet(&scene.rig, scene.rig.client);
    *state = &scene;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    puppet_end(&scene->puppet);
    rig_stop(&scene->rig);
    return 0;
}

/* Appends text, in which %P is the origin's port. */
static void with_port(const struct rig *rig, const char *text, struct buf *out)
{
    for (const char *at; (at = strstr(text, "%P")); text = at + 2) {
        buf_add(out, text, (size_t)(at - text));
        buf_printf(out, "%u", rig->origin_port);
    }
    buf_puts(out, text);
}

static struct end *ask_as(struct rig *rig, const struct puppet *puppet, const char *text)
{
    struct buf request = {0};
    struct end *end = rig_end(rig, puppet->socket);
    with_port(rig, text, &request);
    end_send_bytes(end, request.data, request.len);
    buf_free(&request);
    return end;
}

static struct end *ask(struct scene *scene, const char *text)
{
    return ask_as(&scene->rig, &scene->puppet, text);
}

/* ---- exchanges.txt ---- */

struct exchange {
    char name[128], error[64], reason[128];
    struct buf ask, sent, answer, got;              /* got is empty when it is refused */
    bool ends;
};

static void expect_text(struct rig *rig, const struct exchange *x, const char *what,
                        struct end *end, const struct buf *expected)
{
    struct buf text = {0};
    with_port(rig, expected->data, &text);
    UNTIL(rig, end->in.len >= text.len || end->eof);
    if (strcmp(buf_str(&end->in), text.data) != 0)
        fail_msg("%s: %s is\n%s\nnot\n%s", x->name, what, buf_str(&end->in), text.data);
    buf_free(&text);
}

static void run_exchange(struct rig *rig, const struct exchange *x)
{
    struct puppet puppet = rig_puppet(rig, rig->client);
    struct end *client = ask_as(rig, &puppet, x->ask.data), *origin = rig_origin(rig);
    if (x->sent.len)
        expect_text(rig, x, "what was sent on", origin, &x->sent);
    if (x->answer.len)
        end_send_bytes(origin, x->answer.data, x->answer.len);
    if (x->ends)
        shutdown(origin->fd, SHUT_WR);
    if (x->got.len) {
        expect_text(rig, x, "the answer", client, &x->got);
    } else {
        rig_refused(rig, client, 502, x->error, NULL, NULL);
        if (!end_has(client, x->reason))
            fail_msg("%s: expected '%s' in %s", x->name, x->reason, client->in.data);
    }
    puppet_end(&puppet);
}

static void read_exchange_line(const char *line, struct exchange *x)
{
    struct {
        const char *key;
        struct buf *to;
    } texts[] = {
        {"ask: ", &x->ask}, {"sent: ", &x->sent}, {"answer: ", &x->answer}, {"got: ", &x->got}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strncmp(line, texts[i].key, strlen(texts[i].key)) == 0)
            corpus_unescape(line + strlen(texts[i].key), texts[i].to);
    sscanf(line, "case: %127[^\n]", x->name);
    sscanf(line, "refused: %63s %127[^\n]", x->error, x->reason);
    x->ends |= strcmp(line, "ends: yes") == 0;
}

static void forget_exchange(struct exchange *x)
{
    buf_free(&x->ask);
    buf_free(&x->sent);
    buf_free(&x->answer);
    buf_free(&x->got);
    *x = (struct exchange){0};
}

static void each_exchange_comes_out_as_told(void **state)
{
    struct scene *scene = *state;
    struct exchange x = {0};
    char line[2048];
    unsigned cases = 0;
    FILE *file = fopen(EXCHANGES, "r");
    assert_non_null(file);
    for (bool more = true; more;) {
        more = fgets(line, sizeof line, file) != NULL;
        line[more ? strcspn(line, "\n") : 0] = '\0';
        read_exchange_line(line, &x);
        if (*line || !x.ask.len)
            continue;
        run_exchange(&scene->rig, &x);
        forget_exchange(&x);
        cases++;
    }
    fclose(file);
    close(scene->puppet.socket);
    assert_true(cases > 15);
}

/* ---- more than one exchange ---- */

/* What has no body is complete, whatever length its head announces. */
static void a_request_may_follow_a_head(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    ask(scene, "HEAD http://origin.test:%P/1 HTTP/1.1\r\nHost: h\r\n\r\n"
                       "GET http://origin.test:%P/2 HTTP/1.1\r\nHost: h\r\n\r\n");
    struct end *origin = rig_origin(rig);
    UNTIL(rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n");
    origin = rig_origin(rig);
    UNTIL(rig, end_has(origin, "GET /2 "));
}

/* An origin that waits for the body, or does not know the expectation, is not asked. */
static void the_proxy_says_go_on(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    struct end *client = ask(scene, "POST http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n"
                             "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    struct end *origin = rig_origin(rig);
    UNTIL(rig, end_has(client, "HTTP/1.1 100 Continue\r\n\r\n"));
    end_send(client, "body");
    UNTIL(rig, end_has(origin, "\r\n\r\nbody"));
    assert_false(end_has(origin, "Expect"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    UNTIL(rig, end_has(client, "HTTP/1.1 200 OK\r\n"));
}

static void an_interim_response_passes(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    struct end *client = ask(scene, "GET http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n\r\n");
    struct end *origin = rig_origin(rig);
    UNTIL(rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    UNTIL(rig, end_has(client, "\r\nLink: </a>\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    UNTIL(rig, end_has(client, "HTTP/1.1 200 OK\r\n"));
}

/* ---- connections to the origin that are kept ---- */

static struct end *ask_twice(struct scene *scene, struct end **origin, const char *second)
{
    struct rig *rig = &scene->rig;
    struct end *client = ask(scene, "GET http://origin.test:%P/1 HTTP/1.1\r\nHost: h\r\n\r\n");
    struct buf text = {0};
    *origin = rig_origin(rig);
    UNTIL(rig, end_has(*origin, "GET /1 "));
    end_send(*origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    UNTIL(rig, end_has(client, "\r\n\r\none"));
    with_port(rig, second, &text);
    end_send(client, text.data);
    buf_free(&text);
    return client;
}

static void a_connection_to_the_origin_is_used_again(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    struct end *origin;
    struct end *client = ask_twice(scene, &origin, "GET http://origin.test:%P/2 HTTP/1.1\r\n"
                                   "Host: h\r\n\r\n");
    UNTIL(rig, end_has(origin, "GET /2 "));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
    UNTIL(rig, end_has(client, "\r\n\r\ntwo"));
    assert_int_equal(rig->accepted, 1);
}

/* It ends just when it is used again, so nothing was done about the request yet. */
static void a_request_is_sent_again_where_a_kept_connection_ends(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    struct end *origin;
    struct end *client = ask_twice(scene, &origin, "GET http://origin.test:%P/2 HTTP/1.1\r\n"
                                   "Host: h\r\n\r\n");
    UNTIL(rig, end_has(origin, "GET /2 "));
    shutdown(origin->fd, SHUT_RDWR);
    origin = rig_origin(rig);
    UNTIL(rig, end_has(origin, "GET /2 "));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
    UNTIL(rig, end_has(client, "\r\n\r\ntwo"));
    assert_null(strstr(strstr(rig->lines.data, "/2") + 1, "/2"));       /* one line */
}

static void a_request_with_effects_is_not_sent_again(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    struct end *origin;
    struct end *client = ask_twice(scene, &origin, "POST http://origin.test:%P/2 HTTP/1.1\r\n"
                                   "Host: h\r\nContent-Length: 1\r\n\r\nx");
    UNTIL(rig, end_has(origin, "\r\n\r\nx"));
    shutdown(origin->fd, SHUT_RDWR);
    UNTIL(rig, client->eof);
    assert_true(end_has(client, "HTTP/1.1 502 "));
    assert_int_equal(rig->accepted, 1);
}

/* Nobody asked for them: they could be taken for the next answer. */
static void a_connection_with_bytes_too_many_is_not_kept(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    struct end *client = ask(scene, "GET http://origin.test:%P/1 HTTP/1.1\r\nHost: h\r\n\r\n");
    struct end *origin = rig_origin(rig);
    UNTIL(rig, end_has(origin, "GET /1 "));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\n"
                     "Content-Length: 4\r\n\r\nevil");
    UNTIL(rig, end_has(client, "\r\n\r\none"));
    UNTIL(rig, origin->eof);
    assert_false(end_has(client, "evil"));
}

/* Each request of a connection may go somewhere else, and each is judged. */
static void requests_follow_each_other_on_one_connection(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    struct end *client = ask(scene,
        "GET http://origin.test:%P/1 HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST http://other.test:%P/2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"
        "GET http://third.test:%P/3 HTTP/1.1\r\nHost: h\r\n\r\n"
        "GET http://origin.test:%P/4 HTTP/1.1\r\nHost: h\r\n\r\n");
    struct end *origin = rig_origin(rig);
    UNTIL(rig, end_has(origin, "GET /1 "));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    origin = rig_origin(rig);
    UNTIL(rig, end_has(origin, "\r\n\r\nx"));
    assert_true(end_has(origin, "POST /2 HTTP/1.1\r\nHost: other.test:"));
    end_send(origin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
    UNTIL(rig, client->eof);
    assert_true(end_has(client, "\r\n\r\none"));
    assert_true(end_has(client, "3\r\ntwo\r\n0\r\n\r\nHTTP/1.1 403 Forbidden\r\n"));
    assert_int_equal(rig->accepted, 2);
    assert_true(strncmp(rig->denials.data, "forward third.test:", 19) == 0);
}

static void a_denied_request_says_why(void **state)
{
    struct rig rig;
    char detail[128], line[256];
    (void)state;
    rig_start(&rig, "");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = ask_as(&rig, &puppet, "DELETE http://origin.test:%P/x?token=y HTTP/1.1\r\n"
                             "Host: h\r\n\r\n");
    snprintf(detail, sizeof detail, "DELETE origin.test:%u/x not permitted by policy",
             rig.origin_port);
    rig_refused(&rig, client, 403, "policy_denied", detail,
                "network connections not allowed by policy");
    snprintf(
        line, sizeof line,
        "HTTP:DELETE [MED] DENIED %s(%d) -> DELETE http://origin.test:%u/x"
        "?[redacted] [policy:- engine:l4] [reason:network connections not allowed by policy]\n",
        rig.client, (int)puppet.pid, rig.origin_port);
    assert_string_equal(rig.lines.data, line);
    assert_int_equal(rig.accepted, 0);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void what_a_proxy_cannot_do_is_said(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**\norigin.test 443 /**");
    rig_expect_refusal(&rig, "GET https://origin.test/ HTTP/1.1\r\nHost: h\r\n\r\n", 400,
                       "unsupported_proxy_scheme", "Use CONNECT for HTTPS URLs", NULL);
    rig_expect_refusal(&rig, "GET ftp://origin.test/ HTTP/1.1\r\nHost: h\r\n\r\n", 400,
                       "unsupported_proxy_scheme", "Forward proxy requests must use http", NULL);
    rig_expect_refusal(&rig, "GET /path HTTP/1.1\r\nHost: origin.test\r\n\r\n", 400,
                       "invalid_request_target", "request-target must be canonical",
                       "this is a proxy: the request target must be a whole URL, such as "
                       "http://host/path");
    rig_expect_refusal(&rig,
                       "GET http://origin.test/ HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n"
                       "Upgrade: WebSocket\r\n\r\n",
                       501, "upgrade_not_supported", "WebSocket needs a tunnel: use CONNECT", NULL);
    rig_expect_refusal(
        &rig, "GET http://origin.test/ HTTP/1.1\r\nHost: h\r\nConnection: host\r\n\r\n", 400,
        "malformed_request", "Connection names a header that the request cannot do without", NULL);
    assert_int_equal(rig.n_denials, 0);
    assert_int_equal(rig.accepted, 0);
    rig_stop(&rig);
}

static void an_unreachable_origin_is_answered(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 1 /**");
    rig_expect_refusal(&rig, "GET http://origin.test:1/ HTTP/1.1\r\nHost: h\r\n\r\n", 502,
                       "upstream_unreachable", "connection to origin.test:1 failed",
                       "origin.test:1 cannot be reached: connection refused");
    rig_stop(&rig);
}

/* What has begun cannot be taken back, but must not look complete. */
static void a_broken_response_is_never_completed(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    struct end *client = ask(scene, "GET http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n\r\n");
    struct end *origin = rig_origin(rig);
    end_send(origin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
    UNTIL(rig, end_has(client, "2\r\nok\r\n"));
    shutdown(origin->fd, SHUT_WR);
    UNTIL(rig, client->eof);
    assert_false(end_has(client, "0\r\n\r\n"));
}

static void an_early_answer_ends_the_connection(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    struct end *client = ask(scene, "POST http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n"
                             "Content-Length: 1000\r\n\r\nabc");
    struct end *origin = rig_origin(rig);
    UNTIL(rig, end_has(origin, "\r\n\r\nabc"));
    end_send(origin, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
    UNTIL(rig, client->eof);
    assert_true(end_has(client, "HTTP/1.1 413 "));
}

static void a_client_that_only_ends_its_side_gets_its_answer(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    struct end *client = ask(scene, "GET http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n\r\n");
    shutdown(client->fd, SHUT_WR);
    struct end *origin = rig_origin(rig);
    UNTIL(rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(rig, client->eof);
    assert_true(end_has(client, "\r\n\r\nok"));
}

static void a_client_that_is_gone_frees_its_origin(void **state)
{
    struct scene *scene = *state;
    struct rig *rig = &scene->rig;
    struct end *client = ask(scene, "GET http://origin.test:%P/ HTTP/1.1\r\nHost: h\r\n\r\n");
    struct end *origin = rig_origin(rig);
    UNTIL(rig, end_has(origin, "\r\n\r\n"));
    assert_true(puppet_do(&scene->puppet, PUPPET_LET_GO));
    epoll_ctl(rig->epoll, EPOLL_CTL_DEL, client->fd, NULL);
    close(client->fd);
    client->fd = -1;
    UNTIL(rig, origin->eof);
}

#define ON_A_SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)

static int tests(void)
{
    const struct CMUnitTest list[] = {
        ON_A_SCENE(each_exchange_comes_out_as_told),
        ON_A_SCENE(a_request_may_follow_a_head),
        ON_A_SCENE(the_proxy_says_go_on),
        ON_A_SCENE(an_interim_response_passes),
        ON_A_SCENE(a_connection_to_the_origin_is_used_again),
        ON_A_SCENE(a_request_is_sent_again_where_a_kept_connection_ends),
        ON_A_SCENE(a_request_with_effects_is_not_sent_again),
        ON_A_SCENE(a_connection_with_bytes_too_many_is_not_kept),
        ON_A_SCENE(requests_follow_each_other_on_one_connection),
        cmocka_unit_test(a_denied_request_says_why),
        cmocka_unit_test(what_a_proxy_cannot_do_is_said),
        cmocka_unit_test(an_unreachable_origin_is_answered),
        ON_A_SCENE(a_broken_response_is_never_completed),
        ON_A_SCENE(an_early_answer_ends_the_connection),
        ON_A_SCENE(a_client_that_only_ends_its_side_gets_its_answer),
        ON_A_SCENE(a_client_that_is_gone_frees_its_origin),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
