/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts at the other end of a stream: which one gets a sandbox, and what a hostile one can say. */
#include "support/runtime.h"

#include <sys/mman.h>
#include <unistd.h>

#include "runtime/hosts/hosts.h"
#include "runtime/sandbox.h"

static struct auth auth;


static struct auth_principal principal(const char *name)
{
    struct auth_principal who = {.kind = AUTH_NOBODY};
    const struct auth_powers powers = auth_role_powers(AUTH_HOST);
    auth_principal_by_token(&who, name, &powers, "tls");
    return who;
}

static void tell(struct peer *agent, struct sandbox_message message)
{
    struct buf line = {0};
    sandbox_message_encode(&message, &line);
    net_send(agent->stream, &line);
}

static bool has_got(const struct peer *agent, const char *text)
{
    return agent->got.len && memmem(agent->got.data, agent->got.len, text, strlen(text));
}

static void join(struct house *h, struct peer *agent, const char *name, uint32_t capacity,
                 const char *labels)
{
    const struct auth_principal who = principal(name);
    assert_int_equal(runtime_host_check(h->runtime, &who, name, &h->f->err), 0);
    runtime_host_connect(h->runtime, &auth, &who, name, peer_open(h, agent));
    tell(agent, (struct sandbox_message){
                    .type = MESSAGE_HOST_HELLO,
                    .host_hello = {.protocol = SANDBOX_PROTOCOL_VERSION, .version = "1",
                                   .labels = labels, .capacity = capacity}});
    RUN_UNTIL(h, has_got(agent, "host_welcome"));
}

/* demo runs on the host named here. */
static struct sandbox *put_on(struct house *h, const char *host)
{
    struct sandbox *s = sandbox_find(h->runtime, "s1");
    free(s->host);
    s->host = alloc_str(host);
    return s;
}

static void another_ones_sandbox_is_not_a_hosts(void **state)
{
    struct house *h = *state;
    struct peer good, evil;
    struct sandbox *s = put_on(h, "good");
    s->state = SANDBOX_DOWN;
    join(h, &good, "good", 4, "{}");
    join(h, &evil, "evil", 4, "{}");
    s->state = SANDBOX_UP;
    tell(&evil, (struct sandbox_message){.type = MESSAGE_ENDED, .of_host = {.id = "s1"}});
    tell(&evil, (struct sandbox_message){.type = MESSAGE_REMOVED, .of_host = {.id = "s1"}});
    tell(&evil, (struct sandbox_message){.type = MESSAGE_ENDED, .of_host = {.id = "s2"}});
    tell(&evil, (struct sandbox_message){.type = MESSAGE_PLACE,
                                         .place = {.id = "s1", .spec = "{}"}});
    tell(&evil, (struct sandbox_message){.type = MESSAGE_LOADED,
                                         .revision = {.revision = 9, .hash = "x"}});
    net_close(evil.stream);
    RUN_UNTIL(h, !evil.stream);
    for (int i = 0; i < 5; i++)
        uv_run(&h->loop, UV_RUN_NOWAIT);
    assert_int_equal(s->state, SANDBOX_UP);
    assert_non_null(s->link);
    assert_false(has_got(&evil, "s1"));
    tell(&good, (struct sandbox_message){.type = MESSAGE_ENDED, .of_host = {.id = "s1"}});
    RUN_UNTIL(h, s->state == SANDBOX_DOWN);
    peer_close(h, &good);
    buf_free(&evil.got);
}

static void a_host_with_a_sandbox_of_others_is_refused(void **state)
{
    struct house *h = *state;
    struct peer agent;
    const struct auth_principal who = principal("evil");
    const char *const ids[] = {"s1"};
    runtime_host_connect(h->runtime, &auth, &who, "i", peer_open(h, &agent));
    tell(&agent, (struct sandbox_message){
                     .type = MESSAGE_HOST_HELLO,
                     .host_hello = {.protocol = SANDBOX_PROTOCOL_VERSION, .version = "1",
                                    .labels = "{}", .capacity = 1, .running = ids,
                                    .n_running = 1}});
    RUN_UNTIL(h, has_got(&agent, "host_refused"));
    assert_true(has_got(&agent, "sandbox s1 runs there, which this gateway never placed there"));
    assert_false(has_got(&agent, "host_welcome"));
    peer_close(h, &agent);
}

static void a_line_without_an_end_ends_the_stream_of_a_host(void **state)
{
    enum { CHUNK = 64 * 1024 };
    static const char chunk[CHUNK] = {'x'};
    struct house *h = *state;
    struct sandbox *s = sandbox_find(h->runtime, "s1");
    struct peer evil;
    join(h, &evil, "evil", 4, "{}");
    for (size_t n = 0; n <= SANDBOX_LINE_MAX; n += CHUNK)
        net_write(evil.stream, chunk, CHUNK);
    RUN_UNTIL(h, evil.ended);
    assert_int_equal(s->state, SANDBOX_UP);
    assert_non_null(s->link);
    peer_close(h, &evil);
}

static void a_name_is_one_machines(void **state)
{
    struct house *h = *state;
    struct peer agent, again;
    const struct auth_principal who = principal("h1");
    join(h, &agent, "h1", 4, "{}");
    assert_int_equal(runtime_host_check(h->runtime, &who, "another", &h->f->err), -1);
    assert_int_equal(h->f->err.kind, ERROR_EXISTS);
    assert_non_null(strstr(h->f->err.text, "the name 'h1' is taken by another host"));
    assert_int_equal(runtime_host_check(h->runtime, &who, NULL, &h->f->err), -1);
    join(h, &again, "h1", 4, "{}");                 /* the same machine, whose stream broke */
    RUN_UNTIL(h, agent.ended);
    peer_close(h, &agent);
    peer_close(h, &again);
    RUN_UNTIL(h, has_heard(h, "host "));
}

static const char *pick(struct house *h, const char *wanted)
{
    const char *host;
    return runtime_pick_host(h->runtime, wanted, h->f->arena, &host, &h->f->err) == 0
               ? host
               : h->f->err.text;
}

static void the_host_with_most_room_is_picked(void **state)
{
    struct house *h = *state;
    struct peer a, b;
    join(h, &a, "a", 4, "{\"zone\":\"eu\"}");
    join(h, &b, "b", 2, "{\"zone\":\"eu\",\"gpu\":\"yes\"}");
    assert_string_equal(pick(h, "a"), "a");         /* 1/4 and 0/2 */
    assert_string_equal(pick(h, "*"), "b");         /* 1/4 and 1/2 */
    assert_string_equal(pick(h, "zone=eu"), "a");   /* 2/4 and 1/2 */
    assert_string_equal(pick(h, "gpu=yes,zone=eu"), "b");
    assert_string_equal(pick(h, "gpu=yes"),
                        "no host that has gpu=yes takes a further sandbox: sluice host list shows "
                        "them");
    assert_string_equal(pick(h, "b"), "the host b has room for 2 sandboxes, and has as many");
    assert_string_equal(pick(h, "zone=mars"),
                        "no host that has zone=mars takes a further sandbox: sluice host list "
                        "shows them");
    assert_string_equal(pick(h, "nobody"), "there is no host 'nobody': sluice host list shows the "
                                           "hosts of this gateway");
    peer_close(h, &a);
    peer_close(h, &b);
    for (int i = 0; i < 5; i++)
        uv_run(&h->loop, UV_RUN_NOWAIT);
    assert_non_null(strstr(pick(h, "a"), "the host a is away; it was last seen 20"));
}

static size_t count_in_file(int fd, const char *text)
{
    char bytes[16384];
    ssize_t len = pread(fd, bytes, sizeof bytes - 1, 0);
    size_t n = 0;
    assert_true(len >= 0);
    bytes[len] = '\0';
    for (const char *at = bytes; (at = strstr(at, text)); at++)
        n++;
    return n;
}

/* What is no message, and what is none of a host; the log is not filled with complaints. */
static void garbage_ends_nothing(void **state)
{
    struct house *h = *state;
    struct peer agent;
    const struct log shown = h->f->log;
    int log = memfd_create("log", MFD_CLOEXEC);
    h->f->log.fd = log;
    h->f->log.level = LOG_WARN;
    join(h, &agent, "h1", 4, "[\"no map\"]");
    static const char *const lines[] = {"\n", "{}\n", "{\"type\":\"ended\"}\n", "[[[[\n",
                                        "{\"type\":\"host_hello\",\"protocol\":1}\n",
                                        "{\"type\":\"ended\",\"id\":\"../..\",\"error\":\"x\"}\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        net_write(agent.stream, lines[i], strlen(lines[i]));
    for (int i = 0; i < 5; i++)
        uv_run(&h->loop, UV_RUN_NOWAIT);
    h->f->log = shown;
    assert_int_equal(count_in_file(log, "host h1 sent a line that cannot be read"), 1);
    close(log);
    assert_false(agent.ended);
    json_t *hosts = runtime_hosts_json(h->runtime);
    const json_t *first = json_array_get(json_object_get(hosts, "hosts"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "state")), "ready");
    assert_int_equal(json_object_size(json_object_get(first, "labels")), 0);
    json_decref(hosts);
    peer_close(h, &agent);
}

static void a_host_whose_token_is_revoked_is_sent_away(void **state)
{
    struct house *h = *state;
    struct peer agent;
    struct auth_principal who = principal("h1");
    snprintf(who.proof, sizeof who.proof, "revoked");
    runtime_host_connect(h->runtime, &auth, &who, "i", peer_open(h, &agent));
    runtime_ping_hosts(h->runtime);
    RUN_UNTIL(h, agent.ended);
    peer_close(h, &agent);
}

struct outcome {
    unsigned calls;
    struct error err;
};

static void note(void *arg, const struct error *err)
{
    struct outcome *o = arg;
    o->calls++;
    o->err = err ? *err : (struct error){0};
}

static void what_is_on_a_host_that_is_away_is_not_stopped(void **state)
{
    struct house *h = *state;
    struct outcome o = {0};
    struct sandbox *s = put_on(h, "gone");
    peer_close(h, &h->supervisor);
    RUN_UNTIL(h, !s->link);
    runtime_stop(h->runtime, "s1", note, &o);
    assert_int_equal(o.calls, 1);
    assert_string_equal(o.err.text, "sandbox 'demo' is on the host gone, which is away; it was "
                                    "last seen before this gateway began");
    runtime_delete(h->runtime, "s1", note, &o);
    assert_int_equal(o.calls, 2);
    assert_int_equal(o.err.kind, ERROR_STATE);
    assert_int_equal(s->state, SANDBOX_UP);
    s->state = SANDBOX_DOWN;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(another_ones_sandbox_is_not_a_hosts),
        HOUSE_TEST(a_host_with_a_sandbox_of_others_is_refused),
        HOUSE_TEST(a_line_without_an_end_ends_the_stream_of_a_host),
        HOUSE_TEST(a_name_is_one_machines),
        HOUSE_TEST(the_host_with_most_room_is_picked),
        HOUSE_TEST(garbage_ends_nothing),
        HOUSE_TEST(a_host_whose_token_is_revoked_is_sent_away),
        HOUSE_TEST(what_is_on_a_host_that_is_away_is_not_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
