/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups against a DNS server that does what DNS servers, and those who pretend to be one, may
 * do. */
#include "support/nameserver.h"

#include <sys/resource.h>

struct inquiry {
    struct rig *rig;
    struct egress_lookup *lookup;
    struct buf said;                                /* the addresses, or "!STATUS REASON" */
    bool done, closed;
};

static void have_answer(void *owner, struct egress_addresses addresses,
                        const struct egress_refusal *failure)
{
    struct inquiry *inquiry = owner;
    char text[IPADDR_TEXT_SIZE];
    assert_false(inquiry->done);
    inquiry->done = true;
    assert_true((failure == NULL) == (addresses.n > 0));
    if (failure)
        buf_printf(&inquiry->said, "!%d %s", failure->kind == REFUSAL_SLOW ? 504 : 502,
                   failure->reason);
    for (size_t i = 0; i < addresses.n; i++)
        buf_printf(&inquiry->said, "%s%s", i ? " " : "", ipaddr_text(&addresses.items[i], text));
    egress_addresses_free(&addresses);
}

static void closed(void *owner)
{
    ((struct inquiry *)owner)->closed = true;
}

static const struct egress_lookup_calls calls = {have_answer, closed};

struct scene {
    struct rig rig;
    struct nameserver nameserver;
    struct egress_resolver resolver;
};

static void begin(struct scene *scene, unsigned resolve_ms)
{
    rig_start(&scene->rig, "");
    scene->resolver = (struct egress_resolver){.loop = &scene->rig.loop, .resolve_ms = resolve_ms,
                                               .max_lookups = 3};
    memset(&scene->nameserver, 0, sizeof scene->nameserver);
    ns_start(&scene->nameserver);
    resolver_rewrite("/etc/resolv.conf", "nameserver " ORIGIN_ADDRESS "\n");
}

static void end(struct scene *scene)
{
    ns_stop(&scene->nameserver);
    assert_int_equal(scene->resolver.n_lookups, 0);
    rig_stop(&scene->rig);
}

/* False: refused at once. */
static bool ask(struct scene *scene, struct inquiry *inquiry, const char *host)
{
    struct egress_target target;
    struct egress_refusal failure;
    char authority[300];
    *inquiry = (struct inquiry){.rig = &scene->rig};
    snprintf(authority, sizeof authority, "%s:443", host);
    assert_int_equal(egress_target_authority(authority, &target, &failure), 0);
    inquiry->lookup = egress_lookup_start(&scene->resolver, &target, &calls, inquiry, &failure);
    if (!inquiry->lookup)
        buf_printf(&inquiry->said, "!%s", failure.reason);
    assert_false(inquiry->done);
    return inquiry->lookup;
}

static void expect(struct scene *scene, const char *host, const char *says)
{
    struct inquiry inquiry;
    assert_true(ask(scene, &inquiry, host));
    UNTIL(&scene->rig, inquiry.closed);
    assert_true(inquiry.done);
    if (strcmp(buf_str(&inquiry.said), says) != 0)
        fail_msg("%s: expected '%s', got '%s'", host, says, buf_str(&inquiry.said));
    buf_free(&inquiry.said);
}

#define FAILURE(host)                                                                             \
    "!502 DNS resolution failed for " host ":443: the DNS servers of /etc/resolv.conf cannot be " \
    "reached or report a failure"

static void each_answer_is_taken_for_what_it_is(void **state)
{
    static const struct {
        const char *host, *says;
    } rows[] = {
        {"good.xx", GOOD},
        {"both.xx", "fd00::2 " GOOD},
        {"half.xx", GOOD}, /* SERVFAIL for the other family */
        {"other-half.xx", "fd00::2"},
        {"alias.xx", "fd00::2 " GOOD},
        {"wrong-id.xx", GOOD},
        {"wrong-name.xx", GOOD},
        {"wrong-type.xx", GOOD},
        {"elsewhere.xx", GOOD},
        {"empty.xx", GOOD}, /* a datagram of no byte, then the answer */
        {"nx.xx", "!502 DNS resolution failed for nx.xx:443: there is no such name"},
        {"none.xx", "!502 DNS resolution failed for none.xx:443: the name has no address"},
        {"foreign.xx", "!502 DNS resolution failed for foreign.xx:443: the name has no address"},
        {"servfail.xx", FAILURE("servfail.xx")},
        {"refused.xx", FAILURE("refused.xx")},
        {"loop.xx",
         "!502 DNS resolution failed for loop.xx:443: the answer of the DNS server is malformed"},
    };
    struct scene scene;
    (void)state;
    begin(&scene, 1000000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(&scene, rows[i].host, rows[i].says);
    end(&scene);
}

/* The deadline is one that no test waits for. */
static void a_family_that_is_silent_holds_up_no_other(void **state)
{
    struct scene scene;
    (void)state;
    begin(&scene, 1000000);
    expect(&scene, "quiet.xx", GOOD);
    end(&scene);
}

static void what_does_not_answer_ends_in_time(void **state)
{
    static const char *const hosts[] = {"silent.xx", "garbage.xx"};
    struct scene scene;
    (void)state;
    begin(&scene, 200);
    for (size_t i = 0; i < 2; i++) {
        char says[128];
        snprintf(says, sizeof says, "!504 the name %s could not be resolved in time: no DNS server "
                 "answered", hosts[i]);
        expect(&scene, hosts[i], says);
    }
    end(&scene);
}

static void a_truncated_answer_comes_by_tcp_and_is_bounded(void **state)
{
    struct scene scene;
    struct inquiry inquiry;
    unsigned n = 1;
    (void)state;
    begin(&scene, 1000000);
    assert_true(ask(&scene, &inquiry, "many.xx"));
    UNTIL(&scene.rig, inquiry.closed);
    for (const char *at = buf_str(&inquiry.said); (at = strchr(at, ' ')); at++)
        n++;
    assert_true(strncmp(buf_str(&inquiry.said), GOOD, strlen(GOOD)) == 0);
    assert_int_equal(n, 64);
    assert_true(scene.nameserver.asked_by_tcp >= 1);
    buf_free(&inquiry.said);
    end(&scene);
}

static void servers_are_those_of_resolv_conf_now(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"nameserver ::1\n", GOOD},
        {"nameserver 10.77.0.3\n", FAILURE("good.xx")},
        {"nameserver 10.77.0.3\nnameserver " ORIGIN_ADDRESS "\n", GOOD},
        {"\n", FAILURE("good.xx")},
        {"nonsense\nnameserver nonsense\nnameserver " ORIGIN_ADDRESS
         "\noptions rotate timeout:100 attempts:9\n",
         GOOD},
        {"search evil.test\ndomain evil.test\nsortlist 10.0.0.0\nnameserver " ORIGIN_ADDRESS "\n",
         GOOD},
    };
    struct scene scene;
    (void)state;
    begin(&scene, 1000000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        resolver_rewrite("/etc/resolv.conf", rows[i].text);
        expect(&scene, "good.xx", rows[i].says);
    }
    end(&scene);
}

static void the_environment_says_nothing(void **state)
{
    struct scene scene;
    (void)state;
    begin(&scene, 1000000);
    setenv("LOCALDOMAIN", "evil.test", 1);
    setenv("RES_OPTIONS", "ndots:9 retrans:60 retry:9", 1);
    setenv("HOSTALIASES", "/tmp/aliases", 1);
    expect(&scene, "nx.xx", "!502 DNS resolution failed for nx.xx:443: there is no such name");
    assert_int_equal(scene.nameserver.asked, 2);
    unsetenv("LOCALDOMAIN");
    unsetenv("RES_OPTIONS");
    unsetenv("HOSTALIASES");
    end(&scene);
}

/* The first server takes questions and says nothing; it is waited for once. */
static void a_silent_server_is_asked_last(void **state)
{
    struct scene scene;
    struct ipaddr silent;
    char bytes[512];
    (void)state;
    begin(&scene, 1000000);
    int mute = ns_bind(OTHER_ADDRESS, 53, SOCK_DGRAM);
    resolver_rewrite("/etc/resolv.conf",
                     "nameserver " OTHER_ADDRESS "\nnameserver " ORIGIN_ADDRESS "\n");
    expect(&scene, "good.xx", GOOD);
    ipaddr_parse(OTHER_ADDRESS, &silent);
    assert_true(egress_silent_has(&scene.resolver.silent, &silent, 53, uv_now(&scene.rig.loop)));
    assert_int_equal(recv(mute, bytes, sizeof bytes, MSG_DONTWAIT) > 0, 1);
    assert_int_equal(recv(mute, bytes, sizeof bytes, MSG_DONTWAIT) > 0, 1);
    expect(&scene, "good.xx", GOOD);
    expect(&scene, "both.xx", "fd00::2 " GOOD);
    assert_int_equal(recv(mute, bytes, sizeof bytes, MSG_DONTWAIT), -1);
    close(mute);
    end(&scene);
}

static void look_ups_are_counted(void **state)
{
    struct scene scene;
    struct inquiry inquiries[4];
    (void)state;
    begin(&scene, 1000000);
    for (int i = 0; i < 3; i++)
        assert_true(ask(&scene, &inquiries[i], "silent.xx"));
    assert_false(ask(&scene, &inquiries[3], "good.xx"));
    assert_string_equal(buf_str(&inquiries[3].said),
                        "!the sandbox is looking up 3 names already: try again when "
                        "some of them are answered");
    buf_free(&inquiries[3].said);
    egress_lookup_cancel(inquiries[0].lookup);
    expect(&scene, "good.xx", GOOD);
    egress_lookup_cancel(inquiries[1].lookup);
    egress_lookup_cancel(inquiries[2].lookup);
    UNTIL(&scene.rig, inquiries[0].closed && inquiries[1].closed && inquiries[2].closed);
    for (int i = 0; i < 3; i++)
        assert_false(inquiries[i].done);
    end(&scene);
}

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Whatever is lacking: a look-up says so and leaves nothing open. */
static void a_look_up_without_descriptors_fails(void **state)
{
    struct scene scene;
    struct inquiry inquiry;
    int fill[1024], n = 0;
    (void)state;
    begin(&scene, 1000000);
    int before = open_descriptors();
    struct rlimit limit = {1024, 1024};
    setrlimit(RLIMIT_NOFILE, &limit);
    while (n < 1024 && (fill[n] = dup(0)) >= 0)
        n++;
    assert_true(ask(&scene, &inquiry, "good.xx"));
    UNTIL(&scene.rig, inquiry.closed);
    while (n > 0)
        close(fill[--n]);
    assert_true(
        strncmp(buf_str(&inquiry.said), "!502 DNS resolution failed for good.xx:443: ", 44) == 0);
    buf_free(&inquiry.said);
    expect(&scene, "good.xx", GOOD);
    assert_int_equal(open_descriptors(), before);
    end(&scene);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(each_answer_is_taken_for_what_it_is),
        cmocka_unit_test(a_family_that_is_silent_holds_up_no_other),
        cmocka_unit_test(what_does_not_answer_ends_in_time),
        cmocka_unit_test(a_truncated_answer_comes_by_tcp_and_is_bounded),
        cmocka_unit_test(servers_are_those_of_resolv_conf_now),
        cmocka_unit_test(the_environment_says_nothing),
        cmocka_unit_test(a_silent_server_is_asked_last),
        cmocka_unit_test(look_ups_are_counted),
        cmocka_unit_test(a_look_up_without_descriptors_fails),
    };
    resolver_enter();
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
