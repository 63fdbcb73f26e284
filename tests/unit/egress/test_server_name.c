/* SPDX-License-Identifier: Apache-2.0 */
/* Which server TLS asks for within a tunnel. */
#include "support/rig.h"
#include "support/tls_hello.h"

static const char unrecognized_name[] = "\x15\x03\x03\0\x02\x02\x70";

static void set_endpoints(struct rig *rig, const char *first, const char *second)
{
    struct buf yaml = {0};
    buf_puts(&yaml, "version: 1\nnetwork_policies: {a: {binaries: [{path: \"/**\"}], endpoints: [");
    buf_printf(&yaml, "{port: %u, %s}", rig->origin_port, first);
    if (second)
        buf_printf(&yaml, ", {port: %u, %s}", rig->origin_port, second);
    buf_puts(&yaml, "]}}\n");
    struct policy *policy = rig_parse(yaml.data);
    egress_set_policy(rig->proxy, policy);
    policy_unref(policy);
    buf_free(&yaml);
}

static void expect_passed(struct rig *rig, const char *host, const struct buf *bytes)
{
    struct end *origin;
    struct puppet puppet = rig_puppet(rig, rig->client);
    struct end *client = rig_tunnel(rig, &puppet, host, &origin);
    buf_clear(&rig->lines);
    for (size_t i = 0; i < bytes->len; i++)
        end_send_bytes(client, bytes->data + i, 1);
    UNTIL(rig, origin->in.len == bytes->len);
    assert_memory_equal(origin->in.data, bytes->data, bytes->len);
    end_send(origin, "the server's hello");
    UNTIL(rig, end_has(client, "the server's hello"));
    end_send(client, "what follows");
    UNTIL(rig, end_has(origin, "what follows"));
    assert_string_equal(buf_str(&rig->lines), "");
    puppet_end(&puppet);
}

static void expect_refused(struct rig *rig, const char *host, const struct buf *bytes,
                           const char *reason)
{
    struct end *origin;
    char said[256];
    struct puppet puppet = rig_puppet(rig, rig->client);
    struct end *client = rig_tunnel(rig, &puppet, host, &origin);
    buf_clear(&rig->lines);
    end_send_bytes(client, bytes->data, bytes->len);
    UNTIL(rig, client->eof && origin->eof);
    assert_int_equal(client->in.len, sizeof unrecognized_name - 1);
    assert_memory_equal(client->in.data, unrecognized_name, sizeof unrecognized_name - 1);
    assert_int_equal(origin->in.len, 0);
    snprintf(said, sizeof said,
             "NET:CLOSE [MED] DENIED %s(%d) -> %s:%u [policy:a engine:tls] [reason:%s]\n",
             rig->client, (int)puppet.pid, host, rig->origin_port, reason);
    assert_string_equal(buf_str(&rig->lines), said);
    puppet_end(&puppet);
}

static void the_server_of_the_tunnel_is_the_one_that_was_judged(void **state)
{
    struct rig rig;
    struct buf same = tls_client("ORIGIN.test"), other = tls_client("hidden.example");
    (void)state;
    rig_start(&rig, "");
    set_endpoints(&rig, "host: origin.test", "host: other.test");
    expect_passed(&rig, "origin.test", &same);
    expect_refused(&rig, "origin.test", &other,
                   "TLS asks for hidden.example in a tunnel to origin.test");
    expect_refused(&rig, "other.test", &same, "TLS asks for origin.test in a tunnel to other.test");
    buf_free(&same);
    buf_free(&other);
    rig_stop(&rig);
}

/* Go's and Java's servers do what follows an alert, and take records of versions that there are
 * none of. */
static void what_a_server_passes_over_hides_no_hello(void **state)
{
    struct rig rig;
    struct buf other = tls_client("hidden.example"), behind = {0};
    (void)state;
    buf_add(&behind, "\x15\x03\x01\0\x02\x01\x5a", 7);
    buf_add(&behind, other.data, other.len);
    other.data[1] = 2;
    rig_start(&rig, "");
    set_endpoints(&rig, "host: origin.test", NULL);
    expect_refused(&rig, "origin.test", &other,
                   "TLS asks for hidden.example in a tunnel to origin.test");
    expect_refused(&rig, "origin.test", &behind,
                   "the TLS client hello cannot be read: another record comes before it");
    buf_free(&other);
    buf_free(&behind);
    rig_stop(&rig);
}

/* The server has asked for a second hello, some of which came already or not. */
static struct end *retry(struct rig *rig, const struct buf *second, size_t early,
                         struct end **origin, struct puppet *puppet)
{
    struct buf first = tls_client("origin.test"), asked = tls_retry();
    *puppet = rig_puppet(rig, rig->client);
    struct end *client = rig_tunnel(rig, puppet, "origin.test", origin);
    buf_add(&first, second->data, early);
    end_send_bytes(client, first.data, first.len);
    UNTIL(rig, (*origin)->in.len == first.len - early);
    end_send_bytes(*origin, asked.data, asked.len);
    UNTIL(rig, client->in.len == asked.len);
    end_send_bytes(client, second->data + early, second->len - early);
    buf_clear(&(*origin)->in);
    buf_clear(&client->in);
    buf_free(&first);
    buf_free(&asked);
    return client;
}

static void a_second_hello_asks_for_the_same_server(void **state)
{
    struct rig rig;
    struct end *client, *origin;
    struct puppet puppet;
    struct buf same = tls_client("origin.test"), other = tls_client("hidden.example");
    (void)state;
    rig_start(&rig, "");
    set_endpoints(&rig, "host: origin.test", NULL);
    for (size_t early = 0; early <= other.len; early += other.len / 2) {
        client = retry(&rig, &other, early, &origin, &puppet);
        UNTIL(&rig, client->eof && origin->eof);
        assert_memory_equal(client->in.data, unrecognized_name, sizeof unrecognized_name - 1);
        assert_null(memmem(origin->in.data, origin->in.len, "hidden", 6));
        puppet_end(&puppet);
    }
    for (size_t early = 0; early <= same.len; early += same.len / 2) {
        client = retry(&rig, &same, early, &origin, &puppet);
        end_send(client, "what follows");
        UNTIL(&rig, end_has(origin, "what follows"));
        puppet_end(&puppet);
    }
    buf_free(&same);
    buf_free(&other);
    rig_stop(&rig);
}

/* As with data that is sent before there is an answer. */
static void what_comes_behind_a_hello_waits_for_the_answer(void **state)
{
    enum { PIECE = 24000, PIECES = 3 };             /* more than is kept */
    struct rig rig;
    struct end *origin;
    struct buf bytes = tls_client("origin.test");
    size_t hello = bytes.len;
    (void)state;
    while (bytes.len < hello + PIECE * PIECES)
        buf_putc(&bytes, (char)bytes.len);
    rig_start(&rig, "");
    set_endpoints(&rig, "host: origin.test", NULL);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    end_send_bytes(client, bytes.data, hello);
    for (size_t at = hello; at < bytes.len; at += PIECE) {
        end_send_bytes(client, bytes.data + at, PIECE);
        uv_run(&rig.loop, UV_RUN_NOWAIT);
    }
    UNTIL(&rig, origin->in.len == hello);
    end_send(origin, "the server's hello");
    UNTIL(&rig, origin->in.len == bytes.len && end_has(client, "the server's hello"));
    assert_memory_equal(origin->in.data, bytes.data, bytes.len);
    puppet_end(&puppet);
    buf_free(&bytes);
    rig_stop(&rig);
}

static void a_hello_that_cannot_be_read_is_refused(void **state)
{
    struct rig rig;
    struct buf odd = tls_client("origin.test:443");
    (void)state;
    rig_start(&rig, "");
    set_endpoints(&rig, "host: origin.test", NULL);
    expect_refused(&rig, "origin.test", &odd,
                   "the TLS client hello cannot be read: its server name is no DNS name");
    buf_free(&odd);
    rig_stop(&rig);
}

static void what_names_no_server_passes(void **state)
{
    struct rig rig;
    struct buf plain = {0}, nameless = {0}, other = tls_client("hidden.example");
    (void)state;
    buf_puts(&plain, "\x13 is how this protocol begins");
    tls_hello(&nameless, NULL, 7);
    rig_start(&rig, "");
    set_endpoints(&rig, "host: origin.test", NULL);
    expect_passed(&rig, "origin.test", &plain);
    expect_passed(&rig, "origin.test", &nameless);
    set_endpoints(&rig, "host: " ORIGIN_ADDRESS, NULL);
    expect_passed(&rig, ORIGIN_ADDRESS, &other);
    set_endpoints(&rig, "host: origin.test, tls: skip", NULL);
    expect_passed(&rig, "origin.test", &other);
    buf_free(&plain);
    buf_free(&nameless);
    buf_free(&other);
    rig_stop(&rig);
}

static void a_hello_that_ends_too_soon_goes_on_as_it_is(void **state)
{
    struct rig rig;
    struct end *origin;
    struct buf hello = tls_client("hidden.example");
    (void)state;
    rig_start(&rig, "");
    set_endpoints(&rig, "host: origin.test", NULL);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    end_send_bytes(client, hello.data, hello.len - 1);
    shutdown(client->fd, SHUT_WR);
    UNTIL(&rig, origin->eof);
    assert_int_equal(origin->in.len, hello.len - 1);
    puppet_end(&puppet);
    buf_free(&hello);
    rig_stop(&rig);
}

/* As clients do that do not wait for the proxy's answer. */
static void a_hello_behind_the_request_is_read_too(void **state)
{
    struct rig rig;
    struct buf bytes = {0}, hello = tls_client("hidden.example");
    (void)state;
    rig_start(&rig, "");
    set_endpoints(&rig, "host: origin.test", NULL);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    buf_puts(&bytes, rig_connect(&rig, "origin.test"));
    buf_add(&bytes, hello.data, hello.len);
    end_send_bytes(client, bytes.data, bytes.len);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, client->eof && origin->eof);
    assert_int_equal(origin->in.len, 0);
    assert_non_null(
        memmem(client->in.data, client->in.len, unrecognized_name, sizeof unrecognized_name - 1));
    puppet_end(&puppet);
    buf_free(&bytes);
    buf_free(&hello);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(the_server_of_the_tunnel_is_the_one_that_was_judged),
        cmocka_unit_test(what_a_server_passes_over_hides_no_hello),
        cmocka_unit_test(a_second_hello_asks_for_the_same_server),
        cmocka_unit_test(what_comes_behind_a_hello_waits_for_the_answer),
        cmocka_unit_test(a_hello_that_cannot_be_read_is_refused),
        cmocka_unit_test(what_names_no_server_passes),
        cmocka_unit_test(a_hello_that_ends_too_soon_goes_on_as_it_is),
        cmocka_unit_test(a_hello_behind_the_request_is_read_too),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
