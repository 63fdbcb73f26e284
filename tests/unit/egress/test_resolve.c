/* SPDX-License-Identifier: Apache-2.0 */
/* Names through the real resolver, whose server says what the attacker wants. */
#include "support/fake_dns.h"
#include "net/stream.h"

#define TEN(a, b) a " " b " " b " " b " " b " " b " " b " " b " " b " " b

static const struct resolver_name names[] = {
    {"good.dns", {ORIGIN_ADDRESS}, {0}},
    {"flips.dns", {ORIGIN_ADDRESS, "127.0.0.1", ORIGIN_ADDRESS, "127.0.0.1"}, {0}},
    {"many.dns", {TEN(ORIGIN_ADDRESS, ORIGIN_ADDRESS) " " TEN("169.254.169.254", ORIGIN_ADDRESS)},
     {0}},
    {"dead.dns", {TEN(OTHER_ADDRESS, OTHER_ADDRESS) " " ORIGIN_ADDRESS}, {0}},
    {"empty.dns", {"none"}, {"none"}},
    {"mapped.dns", {0}, {"::ffff:127.0.0.1"}},
    {"nat64.dns", {0}, {"64:ff9b::7f00:1"}},
    {"half.dns", {ORIGIN_ADDRESS}, {"::1"}},
    {"metadata.dns", {"169.254.169.254"}, {0}},
    {"slow.dns", {"wait " ORIGIN_ADDRESS}, {"wait"}},
    {"internal.wild.dns", {"10.77.0.2"}, {0}},
    {"silent.dns", {"silent"}, {"silent"}},
    {"gone.dns.evil.test", {ORIGIN_ADDRESS}, {0}},
    {"short.evil.test", {ORIGIN_ADDRESS}, {0}},
    {"hosted.test", {"127.0.0.1"}, {0}},
    {0},
};

struct scene {
    struct rig rig;
    struct resolver resolver;
    int loopback;                                   /* listens where nobody may be led to */
};

static void begin(struct scene *scene)
{
    rig_start(&scene->rig, "good.dns 0 /**\nflips.dns 0 /**\nmany.dns 0 /**\ndead.dns 0 /**\n"
              "empty.dns 0 /**\nmapped.dns 0 /**\nnat64.dns 0 /**\nhalf.dns 0 /**\n"
              "metadata.dns 0 /**\nslow.dns 0 /**\nnx.dns 0 /**\n*.wild.dns 0 /**\n"
              "silent.dns 0 /**\ngone.dns 0 /**\nshort 0 /**\nhosted.test 0 /**");
    scene->loopback = network_listen("127.0.0.1", &scene->rig.origin_port);
    resolver_start(&scene->resolver, &scene->rig, names);
}

static void end(struct scene *scene)
{
    assert_int_equal(accept(scene->loopback, NULL, NULL), -1);
    close(scene->loopback);
    resolver_stop(&scene->resolver);
    rig_stop(&scene->rig);
}

static void each_answer_is_judged(void **state)
{
    static const struct {
        const char *host;
        int status;
        const char *error, *says;
    } cases[] = {
        {"many.dns", 403, "ssrf_denied", "resolves to always-blocked address 169.254.169.254"},
        {"empty.dns", 502, "upstream_unreachable", "DNS resolution failed for empty.dns:"},
        {"nx.dns", 502, "upstream_unreachable", "DNS resolution failed for nx.dns:"},
        {"mapped.dns", 403, "ssrf_denied", "always-blocked address ::ffff:127.0.0.1"},
        {"nat64.dns", 403, "ssrf_denied", "always-blocked address 64:ff9b::7f00:1"},
        {"half.dns", 403, "ssrf_denied", "always-blocked address ::1"},
        {"metadata.dns", 403, "ssrf_denied", "always-blocked address 169.254.169.254"},
        {"internal.wild.dns", 403, "ssrf_denied", "internal address 10.77.0.2"},
        {"dead.dns", 502, "upstream_unreachable", "cannot be reached: connection refused"},
    };
    struct scene scene;
    (void)state;
    begin(&scene);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct puppet puppet = rig_puppet(&scene.rig, scene.rig.client);
        struct end *client = rig_end(&scene.rig, puppet.socket);
        end_send(client, rig_connect(&scene.rig, cases[i].host));
        rig_refused(&scene.rig, client, cases[i].status, cases[i].error, NULL, NULL);
        if (!end_has(client, cases[i].says))
            fail_msg("%s: expected '%s' in %s", cases[i].host, cases[i].says, client->in.data);
        puppet_end(&puppet);
    }
    assert_int_equal(scene.rig.accepted, 0);
    end(&scene);
}

/* The name means a good place and a bad one by turns: whichever was checked is dialled. */
static void a_name_that_changes_its_mind_leads_nowhere_else(void **state)
{
    enum { ATTEMPTS = 40 };
    struct scene scene;
    unsigned good = 0;
    (void)state;
    begin(&scene);
    for (int i = 0; i < ATTEMPTS; i++) {
        scene.resolver.asked_a[1] = (unsigned)i % 2;
        struct puppet puppet = rig_puppet(&scene.rig, scene.rig.client);
        struct end *client = rig_end(&scene.rig, puppet.socket);
        end_send(client, rig_connect(&scene.rig, "flips.dns"));
        UNTIL(&scene.rig, end_has(client, "\r\n\r\n"));
        assert_true(end_has(client, i % 2 ? " 403 " : " 200 "));
        good += i % 2 == 0;
        UNTIL(&scene.rig, scene.rig.accepted == good);
        puppet_end(&puppet);
    }
    end(&scene);
}

static unsigned count(const struct buf *text, const char *word)
{
    unsigned n = 0;
    for (const char *at = text->len ? text->data : ""; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

/* One question for each family, for exactly the name that was judged. */
static void a_request_resolves_once(void **state)
{
    struct scene scene;
    struct end *origin;
    (void)state;
    begin(&scene);
    struct puppet puppet = rig_puppet(&scene.rig, scene.rig.client);
    struct end *client = rig_end(&scene.rig, puppet.socket);
    end_send(client, rig_connect(&scene.rig, "GOOD.dns."));
    origin = rig_origin(&scene.rig);
    UNTIL(&scene.rig, end_has(client, " 200 "));
    end_send(client, "x");
    UNTIL(&scene.rig, end_has(origin, "x"));
    assert_int_equal(count(&scene.resolver.questions, "good.dns "), 2);
    assert_int_equal(count(&scene.resolver.questions, " "), 2);
    puppet_end(&puppet);
    end(&scene);
}

static struct end *ask_slow(struct scene *scene, const struct puppet *puppet)
{
    struct end *client = rig_end(&scene->rig, puppet->socket);
    end_send(client, rig_connect(&scene->rig, "slow.dns"));
    UNTIL(&scene->rig, scene->resolver.waiting > 0);
    return client;
}

static void a_name_being_resolved_is_judged_by_a_new_policy(void **state)
{
    struct scene scene;
    char detail[128];
    (void)state;
    begin(&scene);
    struct puppet puppet = rig_puppet(&scene.rig, scene.rig.client);
    struct end *client = ask_slow(&scene, &puppet);
    rig_set(&scene.rig, "slow.dns 0 /**");
    assert_int_equal(client->in.len, 0);
    rig_set(&scene.rig, "");
    snprintf(detail, sizeof detail, "CONNECT slow.dns:%u not permitted because policy changed",
             scene.rig.origin_port);
    rig_refused(&scene.rig, client, 403, "policy_denied", detail,
                "network connections not allowed by policy");
    puppet_end(&puppet);
    end(&scene);
}

/* resolv.conf has a search domain of somebody else, who answers for every name. */
static void only_the_judged_name_is_asked_for(void **state)
{
    static const char *const hosts[] = {"gone.dns", "short"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        begin(&scene);
        struct puppet puppet = rig_puppet(&scene.rig, scene.rig.client);
        struct end *client = rig_end(&scene.rig, puppet.socket);
        end_send(client, rig_connect(&scene.rig, hosts[i]));
        UNTIL(&scene.rig, end_has(client, "\r\n\r\n"));
        if (!end_has(client, "HTTP/1.1 502 ") || !end_has(client, "there is no such name"))
            fail_msg("%s: %s", hosts[i], client->in.data);
        assert_int_equal(scene.rig.accepted, 0);
        assert_int_equal(count(&scene.resolver.questions, "evil.test"), 0);
        assert_int_equal(count(&scene.resolver.questions, " "), 2);
        puppet_end(&puppet);
        end(&scene);
    }
}

static void silent_names_hold_up_no_other(void **state)
{
    enum { SILENT = 12 };
    struct scene scene;
    struct puppet silent[SILENT];
    struct end *ends[SILENT];
    (void)state;
    begin(&scene);
    for (int i = 0; i < SILENT; i++) {
        silent[i] = rig_puppet(&scene.rig, scene.rig.client);
        ends[i] = rig_end(&scene.rig, silent[i].socket);
        end_send(ends[i], rig_connect(&scene.rig, "silent.dns"));
    }
    UNTIL(&scene.rig, count(&scene.resolver.questions, "silent.dns ") >= 4);
    struct puppet puppet = rig_puppet(&scene.rig, scene.rig.client);
    struct end *client = rig_end(&scene.rig, puppet.socket);
    end_send(client, rig_connect(&scene.rig, "good.dns"));
    UNTIL(&scene.rig, end_has(client, " 200 "));
    for (int i = 0; i < SILENT; i++)
        assert_int_equal(ends[i]->in.len, 0);
    for (int i = 0; i < SILENT; i++)
        puppet_end(&silent[i]);
    puppet_end(&puppet);
    end(&scene);
}

static void a_client_that_goes_ends_its_look_up(void **state)
{
    struct scene scene;
    struct egress_stats stats;
    (void)state;
    begin(&scene);
    struct puppet puppet = rig_puppet(&scene.rig, scene.rig.client);
    struct end *client = ask_slow(&scene, &puppet);
    puppet_end(&puppet);
    client->fd = -1;
    close(puppet.socket);
    UNTIL(&scene.rig, (egress_stats(scene.rig.proxy, &stats), stats.open == 0));
    assert_int_equal(client->in.len, 0);
    assert_null(scene.rig.lines.len ? strstr(scene.rig.lines.data, "FAILED")
                                    : NULL); /* it was not the look-up's own end */
    end(&scene);
}

/* The client has said all that it wants, and still waits for the answer. */
static void a_client_that_ends_its_side_is_served(void **state)
{
    struct scene scene;
    char request[256];
    (void)state;
    begin(&scene);
    struct puppet puppet = rig_puppet(&scene.rig, scene.rig.client);
    struct end *client = rig_end(&scene.rig, puppet.socket);
    snprintf(request, sizeof request, "GET http://slow.dns:%u/ HTTP/1.1\r\nHost: h\r\n\r\n",
             scene.rig.origin_port);
    end_send(client, request);
    UNTIL(&scene.rig, scene.resolver.waiting == 2);
    shutdown(client->fd, SHUT_WR);
    for (int i = 0; i < 5; i++)
        uv_run(&scene.rig.loop, UV_RUN_NOWAIT);
    resolver_release(&scene.resolver);
    struct end *origin = rig_origin(&scene.rig);
    UNTIL(&scene.rig, end_has(origin, "\r\n\r\n"));
    end_send(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    UNTIL(&scene.rig, end_has(client, "\r\n\r\nok"));
    puppet_end(&puppet);
    end(&scene);
}

/* What a client says before its tunnel is there is kept, but only so much, and nothing of it is
 * lost. */
static void early_bytes_are_bounded_and_kept(void **state)
{
    enum { BOUND = 1024 * 1024, STILL = 50 };
    struct scene scene;
    size_t sent = 0;
    char bytes[4096];
    (void)state;
    begin(&scene);
    struct puppet puppet = rig_puppet(&scene.rig, scene.rig.client);
    struct end *client = ask_slow(&scene, &puppet);
    for (int refused = 0; refused < STILL && sent < BOUND; uv_run(&scene.rig.loop, UV_RUN_NOWAIT)) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)(((sent + i) * 2654435761u) >> 13);
        ssize_t taken = send(client->fd, bytes, sizeof bytes, MSG_NOSIGNAL);
        refused = taken > 0 ? 0 : refused + 1;
        sent += taken > 0 ? (size_t)taken : 0;
    }
    assert_true(sent > NET_READ_MAX && sent < BOUND);
    UNTIL(&scene.rig, scene.resolver.waiting >= 2);
    resolver_release(&scene.resolver);
    struct end *origin = rig_origin(&scene.rig);
    UNTIL(&scene.rig, origin->in.len == sent);
    for (size_t i = 0; i < sent; i++)
        if (origin->in.data[i] != (char)((i * 2654435761u) >> 13))
            fail_msg("byte %zu is wrong", i);
    puppet_end(&puppet);
    end(&scene);
}

static void the_hosts_file_comes_before_dns(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {ORIGIN_ADDRESS " hosted.test", " 200 "},
        {"# " OWN_ADDRESS " hosted.test\n" ORIGIN_ADDRESS "\tother HOSTED.Test. # hosted.test",
         " 200 "},
        {"127.0.0.1 hosted.test", "always-blocked address 127.0.0.1"},
        {ORIGIN_ADDRESS " xhosted.test hosted.test.evil\n::1 hosted.test",
         "always-blocked address ::1"},
        {ORIGIN_ADDRESS " hosted.test\n::1 hosted.test", "always-blocked address ::1"},
        {ORIGIN_ADDRESS " hosted.test.evil #",
         "always-blocked address 127.0.0.1"}, /* DNS says so */
        {"10.77.2 hosted.test", "always-blocked address 127.0.0.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene;
        begin(&scene);
        resolver_rewrite("/etc/hosts", cases[i].line);
        struct puppet puppet = rig_puppet(&scene.rig, scene.rig.client);
        struct end *client = rig_end(&scene.rig, puppet.socket);
        end_send(client, rig_connect(&scene.rig, "hosted.test"));
        UNTIL(&scene.rig, end_has(client, "\r\n\r\n"));
        if (!end_has(client, cases[i].says))
            fail_msg("'%s': expected '%s' in %s", cases[i].line, cases[i].says, client->in.data);
        resolver_rewrite("/etc/hosts", "");
        puppet_end(&puppet);
        end(&scene);
    }
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(each_answer_is_judged),
        cmocka_unit_test(a_name_that_changes_its_mind_leads_nowhere_else),
        cmocka_unit_test(a_request_resolves_once),
        cmocka_unit_test(a_name_being_resolved_is_judged_by_a_new_policy),
        cmocka_unit_test(only_the_judged_name_is_asked_for),
        cmocka_unit_test(silent_names_hold_up_no_other),
        cmocka_unit_test(a_client_that_goes_ends_its_look_up),
        cmocka_unit_test(a_client_that_ends_its_side_is_served),
        cmocka_unit_test(early_bytes_are_bounded_and_kept),
        cmocka_unit_test(the_hosts_file_comes_before_dns),
    };
    resolver_enter();
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
