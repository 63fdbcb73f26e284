/* SPDX-License-Identifier: Apache-2.0 */
#include "support/rig.h"

#include <netinet/tcp.h>

static void an_allowed_tunnel_carries_bytes_both_ways(void **state)
{
    struct rig rig;
    struct end *origin;
    char line[512];
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    end_send(client, "to the origin");
    UNTIL(&rig, end_has(origin, "to the origin"));
    end_send(origin, "to the client");
    UNTIL(&rig, end_has(client, "to the client"));
    snprintf(line, sizeof line, "NET:OPEN [INFO] ALLOWED %s(%d) -> origin.test:%u [policy:rule1 "
             "engine:l4]\n", rig.client, (int)puppet.pid, rig.origin_port);
    assert_string_equal(buf_str(&rig.lines), line);
    assert_int_equal(rig.n_denials, 0);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_host_is_compared_in_its_canonical_form(void **state)
{
    static const char *const spellings[] = {"origin.test", "ORIGIN.Test", "origin.test."};
    struct rig rig;
    (void)state;
    rig_start(&rig, "Origin.Test 0 /**");
    for (size_t i = 0; i < 3; i++) {
        struct end *origin;
        struct puppet puppet = rig_puppet(&rig, rig.client);
        rig_tunnel(&rig, &puppet, spellings[i], &origin);
        assert_true(strstr(buf_str(&rig.lines), "-> origin.test:") != NULL);
        buf_clear(&rig.lines);
        puppet_end(&puppet);
    }
    rig_stop(&rig);
}

static void an_empty_policy_lets_nothing_out(void **state)
{
    struct rig rig;
    char detail[128], denial[512], line[512];
    (void)state;
    rig_start(&rig, "");
    snprintf(detail, sizeof detail, "CONNECT origin.test:%u not permitted by policy",
             rig.origin_port);
    rig_expect_refusal(&rig, rig_connect(&rig, "origin.test"), 403, "policy_denied", detail,
                       "network connections not allowed by policy");
    snprintf(denial, sizeof denial,
             "connect origin.test:%u %s [] network connections not allowed by "
             "policy\n",
             rig.origin_port, rig.client);
    assert_string_equal(rig.denials.data, denial);
    snprintf(line, sizeof line,
             ") -> origin.test:%u [policy:- engine:l4] [reason:network connections "
             "not allowed by policy]\n",
             rig.origin_port);
    assert_true(strstr(rig.lines.data, line) != NULL);
    assert_true(strncmp(rig.lines.data, "NET:OPEN [MED] DENIED /", 23) == 0);
    assert_int_equal(rig.accepted, 0);
    rig_stop(&rig);
}

static void whatever_is_empty_lets_nothing_out(void **state)
{
    static const char *const policies[] = {
        "version: 1\n",
        "version: 1\nnetwork_policies: {}\n",
        "version: 1\nnetwork_policies: {a: {endpoints: [], binaries: [{path: /**}]}}\n",
        "version: 1\nnetwork_policies: {a: {endpoints: [{host: origin.test, port: %u}], "
        "binaries: []}}\n",
        "version: 1\nnetwork_policies: {a: {endpoints: [{host: origin.test, port: %u}]}}\n",
        "version: 1\nnetwork_policies: {a: {binaries: [{path: /**}]}}\n",
        "version: 1\nnetwork_policies: {a: {}, b: {endpoints: [{host: other.test, port: %u}], "
        "binaries: [{path: /**}]}}\n",
    };
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        char yaml[256];
        const char *port = strstr(policies[i], "%u");
        size_t len = port ? (size_t)(port - policies[i]) : strlen(policies[i]);
        snprintf(yaml, sizeof yaml, "%.*s", (int)len, policies[i]);
        if (port)
            snprintf(yaml + len, sizeof yaml - len, "%u%s", rig.origin_port, port + 2);
        struct policy *policy = rig_parse(yaml);
        egress_set_policy(rig.proxy, policy);
        policy_unref(policy);
        rig_expect_refusal(&rig, rig_connect(&rig, "origin.test"), 403, "policy_denied", NULL,
                           NULL);
    }
    assert_int_equal(rig.accepted, 0);
    rig_stop(&rig);
}

static void another_host_or_port_is_denied(void **state)
{
    struct rig rig;
    char reason[128];
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    snprintf(reason, sizeof reason, "endpoint other.test:%u is not allowed by any policy",
             rig.origin_port);
    rig_expect_refusal(&rig, rig_connect(&rig, "other.test"), 403, "policy_denied", NULL, reason);
    rig_expect_refusal(&rig, "CONNECT origin.test:9 HTTP/1.1\r\nHost: origin.test:9\r\n\r\n", 403,
                       "policy_denied", "CONNECT origin.test:9 not permitted by policy",
                       "endpoint origin.test:9 is not allowed by any policy");
    assert_int_equal(rig.n_denials, 2);
    assert_int_equal(rig.accepted, 0);
    rig_stop(&rig);
}

static void bytes_behind_the_head_wait_for_the_tunnel(void **state)
{
    struct rig rig;
    char request[1024];
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    snprintf(request, sizeof request, "%sGET / HTTP/1.1\r\n\r\n", rig_connect(&rig, "origin.test"));
    end_send(client, request);
    struct end *origin = rig_origin(&rig);
    UNTIL(&rig, end_has(origin, "\r\n\r\n"));
    assert_string_equal(origin->in.data, "GET / HTTP/1.1\r\n\r\n");
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void bytes_behind_a_denied_head_go_nowhere(void **state)
{
    struct rig rig;
    char request[1024];
    (void)state;
    rig_start(&rig, "origin.test 1 /**\nother.test 0 /**");
    snprintf(request, sizeof request, "%s%s", rig_connect(&rig, "origin.test"),
             rig_connect(&rig, "other.test"));
    rig_expect_refusal(&rig, request, 403, "policy_denied", NULL, NULL);
    assert_int_equal(rig.accepted, 0);
    assert_int_equal(rig.n_denials, 1);
    rig_stop(&rig);
}

static void each_side_of_a_tunnel_ends_on_its_own(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    end_send(client, "question");
    shutdown(client->fd, SHUT_WR);
    UNTIL(&rig, origin->eof);
    assert_string_equal(origin->in.data, "question");
    end_send(origin, "answer");
    UNTIL(&rig, end_has(client, "answer"));
    assert_false(client->eof);
    shutdown(origin->fd, SHUT_WR);
    UNTIL(&rig, client->eof);
    struct egress_stats stats;
    UNTIL(&rig, (egress_stats(rig.proxy, &stats), stats.open == 0));
    assert_int_equal(stats.allowed, 1);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_tunnel_whose_origin_breaks_is_broken(void **state)
{
    struct rig rig;
    struct end *origin;
    struct linger now = {1, 0};
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_tunnel(&rig, &puppet, "origin.test", &origin);
    setsockopt(origin->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    epoll_ctl(rig.epoll, EPOLL_CTL_DEL, origin->fd, NULL);
    close(origin->fd);
    origin->fd = -1;
    UNTIL(&rig, client->eof);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void an_unreachable_origin_is_answered(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "origin.test 1 /**");
    rig_expect_refusal(&rig, "CONNECT origin.test:1 HTTP/1.1\r\nHost: origin.test:1\r\n\r\n", 502,
                       "upstream_unreachable", "connection to origin.test:1 failed",
                       "origin.test:1 cannot be reached: connection refused");
    assert_true(strstr(rig.lines.data, "NET:FAIL [LOW] FAILED ") != NULL);
    assert_int_equal(rig.n_denials, 0);
    rig_stop(&rig);
}

static void the_next_address_is_tried(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "two.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &puppet, "two.test", &origin);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void a_name_that_nobody_knows_is_answered(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig, "nowhere.invalid 443 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    end_send(client, "CONNECT nowhere.invalid:443 HTTP/1.1\r\nHost: nowhere.invalid:443\r\n\r\n");
    rig_refused(&rig, client, 502, "upstream_unreachable",
                "connection to nowhere.invalid:443 failed", NULL);
    assert_true(end_has(client, "DNS resolution failed for nowhere.invalid:443: "));
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* One blocked address among good ones: none is dialled. */
static void every_address_of_a_name_is_checked(void **state)
{
    struct rig rig;
    char detail[128];
    (void)state;
    rig_start(&rig, "mixed.test 0 /**");
    snprintf(detail, sizeof detail, "CONNECT mixed.test:%u blocked: declared endpoint check failed",
             rig.origin_port);
    rig_expect_refusal(
        &rig, rig_connect(&rig, "mixed.test"), 403, "ssrf_denied", detail,
        "mixed.test resolves to always-blocked address 127.0.0.1, connection rejected");
    assert_true(strncmp(rig.denials.data, "ssrf mixed.test:", 16) == 0);
    assert_true(strstr(rig.lines.data, "engine:ssrf] [reason:mixed.test resolves to") != NULL);
    assert_int_equal(rig.accepted, 0);
    rig_stop(&rig);
}

static void a_wildcard_opens_no_internal_address(void **state)
{
    struct rig rig;
    char detail[128];
    (void)state;
    rig_start(&rig, "*.origins.test 0 /**\n*.test 0 /**");
    snprintf(detail, sizeof detail, "CONNECT origin.test:%u blocked: internal address",
             rig.origin_port);
    rig_expect_refusal(&rig, rig_connect(&rig, "origin.test"), 403, "ssrf_denied", detail,
                       "origin.test resolves to internal address 10.77.0.2, connection rejected");
    assert_int_equal(rig.accepted, 0);
    rig_stop(&rig);
}

/* Services of the machine itself are internal, whatever its address: who serves the names below a
 * wildcard could lead there. */
static void a_wildcard_does_not_open_this_machine(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "*.test 0 /**");
    int listener = network_listen(OWN_ADDRESS, &rig.origin_port);
    rig_expect_refusal(&rig, rig_connect(&rig, "own.test"), 403, "ssrf_denied", NULL,
                       "own.test resolves to " OWN_ADDRESS ", an address of this machine, "
                       "connection rejected");
    assert_int_equal(accept(listener, NULL, NULL), -1);
    close(rig.origin);
    rig.origin = listener;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &rig};
    epoll_ctl(rig.epoll, EPOLL_CTL_ADD, listener, &event);
    rig_set(&rig, "own.test 0 /**");                /* named, it is meant */
    struct puppet puppet = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &puppet, "own.test", &origin);
    puppet_end(&puppet);
    rig_stop(&rig);
}

/* Through itself the proxy is asked by nobody that it knows. */
static void the_proxy_leads_nowhere_through_itself(void **state)
{
    struct rig rig;
    char rules[128], request[256];
    (void)state;
    rig_start(&rig, "");
    snprintf(rules, sizeof rules, PROXY_ADDRESS " %u /**\norigin.test 0 /**", rig.port);
    rig_set(&rig, rules);
    struct puppet puppet = rig_puppet(&rig, rig.client);
    struct end *client = rig_end(&rig, puppet.socket);
    snprintf(request, sizeof request, "CONNECT " PROXY_ADDRESS ":%u HTTP/1.1\r\nHost: h\r\n\r\n",
             rig.port);
    end_send(client, request);
    UNTIL(&rig, end_has(client, "\r\n\r\n"));
    assert_true(end_has(client, " 200 "));
    end_send(client, rig_connect(&rig, "origin.test"));
    UNTIL(&rig, end_has(client, "was not opened by a connect that the proxy saw"));
    assert_int_equal(rig.accepted, 0);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void allowed_ips_decide_by_address(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "*.test 0 /** 10.77.0.0/24");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    puppet_end(&puppet);
    rig_expect_refusal(&rig, rig_connect(&rig, "public.test"), 403, "ssrf_denied", NULL,
                       "public.test resolves to 8.8.8.8 which is not in allowed_ips, connection "
                       "rejected");
    rig_stop(&rig);
}

static void an_address_is_reached_when_it_is_declared(void **state)
{
    struct rig rig;
    struct end *origin;
    (void)state;
    rig_start(&rig, "10.77.0.2 0 /**\n127.0.0.1 0 /**\nlocalhost 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &puppet, "10.77.0.2", &origin);
    puppet_end(&puppet);
    rig_expect_refusal(
        &rig, rig_connect(&rig, "127.0.0.1"), 403, "ssrf_denied", NULL,
        "127.0.0.1 resolves to always-blocked address 127.0.0.1, connection rejected");
    rig_expect_refusal(&rig, rig_connect(&rig, "localhost"), 403, "ssrf_denied", NULL,
                       "localhost is an always-blocked host name, connection rejected");
    assert_int_equal(rig.accepted, 1);
    rig_stop(&rig);
}

static void a_malformed_pin_is_an_error(void **state)
{
    struct rig rig;
    struct error err;
    const char *const addresses[] = {"10.0.0.256"};
    const struct egress_pin pins[] = {{"a.test", addresses, 1}, {"1.2.3.4", rig_origin_address, 1},
                                      {"b.test", NULL, 0}};
    const char *const texts[] = {"pinned host a.test has 10.0.0.256, which is not an IP address",
                                 "pinned host 1.2.3.4 is not a DNS name",
                                 "pinned host b.test has no address"};
    (void)state;
    rig_start(&rig, "");
    for (size_t i = 0; i < 3; i++) {
        uint16_t port = 0;
        struct egress_config config = {.listen_fd = network_listen(PROXY_ADDRESS, &port),
                                       .connects_fd = dup(rig.origin),
                                       .pins = &pins[i],
                                       .n_pins = 1};
        assert_null(egress_new(&rig.loop, &config, &err));
        assert_string_equal(err.text, texts[i]);
        assert_int_equal(fcntl(config.connects_fd, F_GETFD), -1);
        assert_int_equal(fcntl(config.listen_fd, F_GETFD), -1);
    }
    rig_stop(&rig);
}

static int option(int fd, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* The proxy's end of a connection from that port. */
static int find_accepted(uint16_t client_port)
{
    for (int fd = 0; fd < 1024; fd++) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET &&
            peer.sin_port == client_port)
            return fd;
    }
    fail_msg("the proxy has no such connection");
    return -1;
}

static void a_client_that_is_gone_without_a_word_is_noticed(void **state)
{
    struct rig rig;
    struct end *origin;
    struct sockaddr_in client;
    socklen_t len = sizeof client;
    (void)state;
    rig_start(&rig, "origin.test 0 /**");
    struct puppet puppet = rig_puppet(&rig, rig.client);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    getsockname(puppet.socket, (struct sockaddr *)&client, &len);
    int accepted = find_accepted(client.sin_port);
    assert_int_equal(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    assert_int_equal(option(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static void connects_that_cannot_be_watched_are_said_so(void **state)
{
    struct rig rig;
    struct error err;
    uint16_t port = 0;
    (void)state;
    rig_start(&rig, "");
    struct egress_config config = {.listen_fd = network_listen(PROXY_ADDRESS, &port),
                                   .connects_fd = open("/dev/null", O_RDWR | O_CLOEXEC),
                                   .init_pid = getpid(), .log = &rig.log};
    assert_null(egress_new(&rig.loop, &config, &err));
    assert_string_equal(err.text,
                        "the sandbox's connects cannot be watched: operation not permitted");
    assert_int_equal(fcntl(config.listen_fd, F_GETFD), -1);
    assert_int_equal(fcntl(config.connects_fd, F_GETFD), -1);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(an_allowed_tunnel_carries_bytes_both_ways),
        cmocka_unit_test(a_host_is_compared_in_its_canonical_form),
        cmocka_unit_test(an_empty_policy_lets_nothing_out),
        cmocka_unit_test(whatever_is_empty_lets_nothing_out),
        cmocka_unit_test(another_host_or_port_is_denied),
        cmocka_unit_test(bytes_behind_the_head_wait_for_the_tunnel),
        cmocka_unit_test(bytes_behind_a_denied_head_go_nowhere),
        cmocka_unit_test(each_side_of_a_tunnel_ends_on_its_own),
        cmocka_unit_test(a_tunnel_whose_origin_breaks_is_broken),
        cmocka_unit_test(an_unreachable_origin_is_answered),
        cmocka_unit_test(the_next_address_is_tried),
        cmocka_unit_test(a_name_that_nobody_knows_is_answered),
        cmocka_unit_test(every_address_of_a_name_is_checked),
        cmocka_unit_test(a_wildcard_opens_no_internal_address),
        cmocka_unit_test(a_wildcard_does_not_open_this_machine),
        cmocka_unit_test(the_proxy_leads_nowhere_through_itself),
        cmocka_unit_test(allowed_ips_decide_by_address),
        cmocka_unit_test(an_address_is_reached_when_it_is_declared),
        cmocka_unit_test(a_malformed_pin_is_an_error),
        cmocka_unit_test(a_client_that_is_gone_without_a_word_is_noticed),
        cmocka_unit_test(connects_that_cannot_be_watched_are_said_so),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
